package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// composeText is a copy of docker-compose.yml at the top of the repository, which go:embed cannot reach; a test keeps them equal.
//
//go:embed compose.yml
var composeText []byte

const (
	// composeFile is looked for in the working directory.
	composeFile = "docker-compose.yml"
	// composeDown bounds the removal of a project.
	composeDown = 90 * time.Second
)

// ComposeSpec says what docker compose starts.
type ComposeSpec struct {
	// Kind of broker and number of nodes, 1 or 3.
	Kind  string
	Nodes int
	// Dir is the folder for the compose file, where it is the built-in one, and for the brokers' logs; made when missing.
	Dir string
	// Keep leaves the volumes after Close.
	Keep bool
	// Ask is as in CommandedSpec.
	Ask    func(ctx context.Context, address string) (Answer, error)
	Logger *slog.Logger
	// Undo is told, before anything is started, the shell line that removes it all; done is called when it is removed.
	Undo func(line string) (done func() error, err error)
}

// compose is a cluster whose nodes are services of a project of docker compose.
type compose struct {
	*Commanded
	spec    ComposeSpec
	profile composeProfile
	project string
	file    string
	done    func() error

	mu     sync.Mutex
	closed bool
}

var _ Cluster = (*compose)(nil)

// StartCompose starts a profile of docker-compose.yml under a project name of its own and returns once its services are healthy. The first
// time docker pulls the images. On an error, also when ctx ends, nothing is left running.
func StartCompose(ctx context.Context, spec ComposeSpec) (Cluster, error) {
	profile, err := profileFor(spec.Kind, spec.Nodes)
	if err != nil {
		return nil, err
	}
	c := &compose{spec: spec, profile: profile, project: fmt.Sprintf("ordeal-%s-%08x", profile.name, rand.Uint32())}
	if err := dockerUsable(ctx); err != nil {
		return nil, err
	}
	if err := c.lay(); err != nil {
		return nil, err
	}
	c.done, err = spec.Undo(c.shellLine(c.downArgs(true)...))
	if err != nil {
		return nil, err
	}
	spec.Logger.Info("docker compose", "file", c.file, "profile", profile.name, "project", c.project)
	if _, err = c.docker(ctx, "up", "--detach", "--wait"); err == nil {
		err = c.name(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

// lay chooses the compose file: that of the working directory where it is ordeal's, else the built-in one.
func (c *compose) lay() error {
	dir, err := filepath.Abs(c.spec.Dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	c.spec.Dir = dir
	if text, err := os.ReadFile(composeFile); err == nil && isOrdeals(text) {
		c.file, err = filepath.Abs(composeFile)
		return err
	}
	c.file = filepath.Join(dir, composeFile)
	return os.WriteFile(c.file, composeText, 0o644)
}

// isOrdeals tells whether a compose file is meant for ordeal: it bears its name.
func isOrdeals(text []byte) bool {
	return regexp.MustCompile(`(?m)^name: *["']?ordeal["']?\s*$`).Match(text)
}

// args are those of docker, before a command of compose.
func (c *compose) args() []string {
	return []string{"compose", "--project-name", c.project, "--file", c.file, "--profile", c.profile.name}
}

// docker runs a command of compose for the project, and returns what it printed.
func (c *compose) docker(ctx context.Context, args ...string) (string, error) {
	return docker(ctx, append(c.args(), args...)...)
}

// shellLine is a command of compose as a person would paste it.
func (c *compose) shellLine(args ...string) string {
	words := []string{"docker"}
	for _, word := range append(c.args(), args...) {
		if regexp.MustCompile(`[^A-Za-z0-9_./:=-]`).MatchString(word) {
			word = quote(word)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func (c *compose) downArgs(volumes bool) []string {
	args := []string{"down", "--remove-orphans", "--timeout", "3"}
	if volumes {
		args = append(args, "--volumes")
	}
	return args
}

// name finds out where the services are, and makes nodes of them.
func (c *compose) name(ctx context.Context) error {
	spec := CommandedSpec{Name: "compose:" + c.spec.Kind, Dir: c.spec.Dir, Ask: c.spec.Ask, Logger: c.spec.Logger}
	if len(c.profile.services) > 1 {
		spec.Name += fmt.Sprintf(":%d", len(c.profile.services))
	}
	for _, s := range c.profile.services {
		out, err := c.docker(ctx, "port", s.name, fmt.Sprint(s.port))
		if err != nil {
			return err
		}
		address := strings.TrimSpace(out)
		if !regexp.MustCompile(`^[0-9.]+:[0-9]+$`).MatchString(address) {
			return fmt.Errorf("docker compose does not say at which port of this machine service %s is: %q", s.name, address)
		}
		spec.Nodes = append(spec.Nodes, RemoteNode{Address: address, Called: s.called, Commands: c.commands(s.name)})
	}
	c.Commanded = NewCommanded(spec)
	return nil
}

// stopSeconds is how long a service may take to end by itself: less than a fault has to take effect. Docker's own default is 10, after
// which it kills and says nothing of it.
const stopSeconds = 20

// commands act upon a service.
func (c *compose) commands(service string) Commands {
	inspect := func(what string) string {
		return "docker inspect --format '" + what + "' $(" + c.shellLine("ps", "--all", "--quiet", service) + ")"
	}
	stop := c.shellLine("stop", "--timeout", strconv.Itoa(stopSeconds), service) + ` && case "$(` + inspect("{{.State.ExitCode}}") +
		fmt.Sprintf(`)" in 137|'') echo "it was ended by SIGKILL, for which Docker waits %d s, or unseen" >&2; exit 1;; esac`, stopSeconds)
	return Commands{
		Kill: c.shellLine("kill", service), Stop: stop, Start: c.shellLine("start", service),
		Pause: c.shellLine("pause", service), Resume: c.shellLine("unpause", service),
		Alive: inspect("{{if .State.Running}}{{.State.Pid}}{{end}}") + " | grep .",
	}
}

// Facts says where it comes from.
func (c *compose) Facts() map[string]string {
	return map[string]string{"started by": "docker compose", "compose file": c.file, "compose project": c.project}
}

// Logs is one file with what all services said; it is written by Close.
func (c *compose) Logs() []string { return []string{filepath.Join(c.spec.Dir, "compose.log")} }

// Close removes the project with its volumes, unless they are to be kept. It takes its time whatever has become of ctx.
func (c *compose) Close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), composeDown)
	defer cancel()
	said, err := c.docker(ctx, "logs", "--no-color")
	if err == nil {
		err = os.WriteFile(c.Logs()[0], []byte(said), 0o644)
	}
	if err != nil {
		c.spec.Logger.Warn("the logs of the containers are lost", "error", err)
	}
	if _, err := c.docker(ctx, c.downArgs(!c.spec.Keep)...); err != nil {
		return fmt.Errorf("%w; remove it by hand: %s", err, c.shellLine(c.downArgs(!c.spec.Keep)...))
	}
	c.closed = true
	return c.done()
}

// docker runs docker and returns its standard output. An error holds the end of what it said.
func docker(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.WaitDelay = time.Second
	group(cmd)
	var out, both strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &both
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("docker %s: %w%s", strings.Join(args, " "), err, shell{}.said(out.String()+both.String()))
	}
	return out.String(), nil
}
