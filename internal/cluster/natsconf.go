package cluster

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// natsConf is the configuration of one node. Ports are of 127.0.0.1; route is 0 and peers empty for a single node.
type natsConf struct {
	name                  string
	client, monitor, port int // port is the one for routes between nodes
	store                 string
	peers                 []int
	settings              map[string]string
}

// Settings that decide what ordeal relies upon are its own.
func ownSettings() []string {
	return []string{
		"server_name", "listen", "port", "host", "net", "http", "http_port", "monitor_port", "https", "jetstream", "jetstream.store_dir",
		"jetstream.store", "cluster", "cluster.name", "cluster.listen", "cluster.port", "cluster.host", "cluster.routes", "include",
	}
}

// natsSections turns settings into lines by section: "" for the top, "jetstream", "cluster". The best known settings of JetStream may
// be written without their section.
func natsSections(settings map[string]string) (map[string][]string, error) {
	sections := map[string][]string{}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		full := name
		switch name {
		case "sync_interval", "max_file_store", "max_memory_store":
			full = "jetstream." + name
		}
		section, key, dotted := strings.Cut(full, ".")
		if !dotted {
			section, key = "", full
		}
		switch {
		case slices.Contains(ownSettings(), full):
			wrong = append(wrong, name+": ordeal sets this one itself")
		case !regexp.MustCompile(`^[a-z][a-z_]*$`).MatchString(key) || !slices.Contains([]string{"", "jetstream", "cluster"}, section):
			wrong = append(wrong, name+`: not a setting of nats-server; expected a name, or jetstream.name, or cluster.name`)
		default:
			sections[section] = append(sections[section], key+": "+natsValue(settings[name]))
		}
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("options.nats.server: %s", strings.Join(wrong, "; "))
	}
	return sections, nil
}

// natsValue leaves numbers, sizes and booleans bare, because nats-server takes no string for them, and quotes all else.
func natsValue(v string) string {
	if v == "true" || v == "false" || regexp.MustCompile(`^-?[0-9]+([kKmMgGtT][iI]?[bB]?)?$`).MatchString(v) {
		return v
	}
	return strconv.Quote(v)
}

// write writes the file and lets nats-server's own parser look at it, so that a wrong setting is known before anything is started.
func (c natsConf) write(path string) error {
	sections, err := natsSections(c.settings)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "server_name: %s\nlisten: %q\nhttp: %q\n", c.name, loopback(c.client), loopback(c.monitor))
	if _, set := c.settings["max_payload"]; !set {
		b.WriteString("max_payload: 8MB\n") // the most that nats-server starts with without a warning
	}
	for _, line := range sections[""] {
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, "jetstream {\n  store_dir: %q\n", c.store)
	for _, line := range sections["jetstream"] {
		b.WriteString("  " + line + "\n")
	}
	b.WriteString("}\n")
	if len(c.peers) > 0 {
		fmt.Fprintf(&b, "cluster {\n  name: ordeal\n  listen: %q\n  routes: [\n", loopback(c.port))
		for _, peer := range c.peers {
			fmt.Fprintf(&b, "    %q\n", "nats-route://"+loopback(peer))
		}
		b.WriteString("  ]\n")
		for _, line := range sections["cluster"] {
			b.WriteString("  " + line + "\n")
		}
		b.WriteString("}\n")
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return err
	}
	if _, err := server.ProcessConfigFile(path); err != nil {
		return fmt.Errorf("nats-server does not accept its configuration: %w", err)
	}
	return nil
}
