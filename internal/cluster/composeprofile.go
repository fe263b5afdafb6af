package cluster

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// composeProfile is a profile of docker-compose.yml: the services that are a cluster's nodes, n1 first. It may have others beside them.
type composeProfile struct {
	name     string
	services []composeService
}

// composeService is a node: its service, the port in its container that clients use, and what the broker calls it where that is not the
// node's own name.
type composeService struct {
	name   string
	port   int
	called string
}

// profileFor finds the profile for a kind of broker and a number of nodes.
func profileFor(kind string, nodes int) (composeProfile, error) {
	ports := map[string]int{"kafka": 9092, "rabbitmq": 5672, "nats": 4222, "redis": 6379}
	port, ok := ports[kind]
	switch {
	case !ok:
		return composeProfile{}, fmt.Errorf("compose:%s: docker-compose.yml has no such broker; it has %s", kind, strings.Join(kinds(), ", "))
	case nodes == 1:
		return composeProfile{name: kind, services: []composeService{{name: kind, port: port}}}, nil
	case nodes == 3:
		p := composeProfile{name: kind + "-cluster"}
		for i := range nodes {
			s := composeService{name: fmt.Sprintf("%s-%d", kind, i+1), port: port}
			if kind == "redis" { // replicas go by what they announce to the primary
				s.called = fmt.Sprintf("%s:%d", s.name, port)
			}
			p.services = append(p.services, s)
		}
		return p, nil
	default:
		return composeProfile{}, fmt.Errorf("compose:%s:%d: docker-compose.yml has one node or three; use compose:%[1]s or compose:%[1]s:3",
			kind, nodes)
	}
}

// CheckCompose tells whether there is a profile for a kind of broker and a number of nodes, without asking docker.
func CheckCompose(kind string, nodes int) error {
	_, err := profileFor(kind, nodes)
	return err
}

const (
	dockerRemedy  = "install Docker Engine (docs.docker.com/engine/install)"
	pluginRemedy  = "install the compose plugin (docs.docker.com/compose/install; apt-get install docker-compose-plugin)"
	engineRemedy  = "start Docker (systemctl start docker), or point DOCKER_HOST at an engine, and see that you may use it"
	dockerPatient = 10 * time.Second
)

// FindDocker looks for docker, its compose plugin and an engine that answers. It takes up to half a minute where an engine does not answer.
func FindDocker(ctx context.Context) []Installed {
	program, plugin, engine := Installed{What: "docker", Remedy: dockerRemedy}, Installed{What: "docker compose", Remedy: pluginRemedy},
		Installed{What: "Docker Engine", Remedy: engineRemedy}
	path, err := exec.LookPath("docker")
	if err != nil {
		return []Installed{program}
	}
	program.Path, program.Found, program.Remedy = path, true, ""
	ask := func(i *Installed, args ...string) {
		ctx, cancel := context.WithTimeout(ctx, dockerPatient)
		defer cancel()
		out, err := docker(ctx, args...)
		if i.Version = strings.TrimSpace(out); err == nil && i.Version != "" {
			i.Found, i.Remedy = true, ""
		}
	}
	ask(&plugin, "compose", "version", "--short")
	ask(&engine, "version", "--format", "{{.Server.Version}}")
	return []Installed{program, plugin, engine}
}

// dockerUsable says what is missing, and how to get it.
func dockerUsable(ctx context.Context) error {
	var missing []error
	for _, i := range FindDocker(ctx) {
		if !i.Found {
			missing = append(missing, fmt.Errorf("%s was not found: %s", i.What, i.Remedy))
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(missing...)
}
