package cluster

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

var update = flag.Bool("update", false, "write golden files and generated docs anew")

// TestComposeFileUpToDate keeps the file that is built in the one at the top of the repository.
func TestComposeFileUpToDate(t *testing.T) {
	top, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(top, composeText) {
		return
	}
	if !*update {
		t.Fatal("compose.yml is not docker-compose.yml; run make golden")
	}
	if err := os.WriteFile("compose.yml", top, 0o644); err != nil {
		t.Fatal(err)
	}
}

// composed is what ordeal relies upon in the file. Keys that are not here are not used in it.
type composed struct {
	Name     string `yaml:"name"`
	Services map[string]struct {
		Image       string            `yaml:"image"`
		Profiles    []string          `yaml:"profiles"`
		Ports       []string          `yaml:"ports"`
		Volumes     []string          `yaml:"volumes"`
		Hostname    string            `yaml:"hostname"`
		Environment map[string]string `yaml:"environment"`
		Entrypoint  []string          `yaml:"entrypoint"`
		Command     []string          `yaml:"command"`
		DependsOn   map[string]any    `yaml:"depends_on"`
		Healthcheck struct {
			Test     any    `yaml:"test"`
			Interval string `yaml:"interval"`
			Timeout  string `yaml:"timeout"`
			Retries  int    `yaml:"retries"`
		} `yaml:"healthcheck"`
	} `yaml:"services"`
	Volumes map[string]struct{} `yaml:"volumes"`
}

// The file at the top is what ordeal relies upon: a profile for each kind and size, pinned images, health checks, ports of the loopback
// interface that no two services share, volumes, and addresses for clients that work from the host.
func TestComposeFile(t *testing.T) {
	var all map[string]any
	if err := yaml.Unmarshal(composeText, &all); err != nil {
		t.Fatal(err)
	}
	for key := range all {
		if strings.HasPrefix(key, "x-") {
			delete(all, key) // extensions, of which compose takes no notice
		}
	}
	rest, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var file composed
	if err := yaml.Load(rest, &file, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	if file.Name != "ordeal" || !isOrdeals(composeText) || isOrdeals([]byte("name: ordeals\n")) || isOrdeals([]byte("services: {}\n")) {
		t.Error("the file is not known as ordeal's, or another one is")
	}
	ports := map[string]string{}
	for name, s := range file.Services {
		if len(s.Profiles) != 1 {
			t.Errorf("%s has profiles %v, expected one", name, s.Profiles)
		}
		if !regexp.MustCompile(`^[a-z/]+:[0-9]+\.[0-9]+\.[0-9]+(-[a-z]+)?$`).MatchString(s.Image) {
			t.Errorf("%s: image %q is not pinned to an exact version", name, s.Image)
		}
		if s.Healthcheck.Test == nil || s.Healthcheck.Interval == "" || s.Healthcheck.Timeout == "" || s.Healthcheck.Retries == 0 {
			t.Errorf("%s has no complete health check: %+v", name, s.Healthcheck)
		}
		for _, p := range s.Ports {
			parts := strings.Split(p, ":")
			if len(parts) != 3 || parts[0] != "127.0.0.1" {
				t.Fatalf("%s: port %q is not one of 127.0.0.1", name, p)
			}
			if other, taken := ports[parts[1]]; taken {
				t.Errorf("%s and %s have the same port %s", name, other, parts[1])
			}
			ports[parts[1]] = name
		}
		for _, v := range s.Volumes {
			volume, _, _ := strings.Cut(v, ":")
			if _, ok := file.Volumes[volume]; !ok {
				t.Errorf("%s: volume %q is not declared", name, volume)
			}
		}
	}
	for _, kind := range kinds() {
		for _, nodes := range []int{1, 3} {
			p, err := profileFor(kind, nodes)
			if err != nil || len(p.services) != nodes {
				t.Fatalf("%s:%d: %+v, %v", kind, nodes, p, err)
			}
			for i, n := range p.services {
				s, ok := file.Services[n.name]
				if !ok || !slices.Contains(s.Profiles, p.name) || len(s.Volumes) != 1 {
					t.Errorf("%s is no service of profile %s with a volume: %+v", n.name, p.name, s)
					continue
				}
				host := ""
				for _, port := range s.Ports {
					if strings.HasSuffix(port, fmt.Sprintf(":%d", n.port)) {
						host = strings.TrimSuffix(port, fmt.Sprintf(":%d", n.port))
					}
				}
				if _, err := netip.ParseAddrPort(host); err != nil {
					t.Errorf("%s: port %d is not published: %v", n.name, n.port, s.Ports)
				}
				said := fmt.Sprint(s.Command, s.Environment, s.Entrypoint)
				for _, want := range map[string][]string{
					"kafka":    {"CLIENT://" + host + ",", fmt.Sprintf("KAFKA_NODE_ID:%d", i+1)},
					"nats":     {fmt.Sprintf("--name n%d ", i+1), "--jetstream"},
					"rabbitmq": {fmt.Sprintf("RABBITMQ_NODENAME:n%d@%s", i+1, n.name)},
					"redis":    {"--appendonly yes"},
				}[kind] {
					if !strings.Contains(said, want) {
						t.Errorf("%s does not say %q: %s", n.name, want, said)
					}
				}
			}
		}
	}
	for _, test := range []struct {
		kind  string
		nodes int
	}{{"memory", 1}, {"redis", 2}, {"nats", 5}} {
		if err := CheckCompose(test.kind, test.nodes); err == nil {
			t.Errorf("there is a profile for %s:%d", test.kind, test.nodes)
		}
	}
}
