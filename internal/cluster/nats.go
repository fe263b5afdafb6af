package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// nats is a cluster of nats-server nodes.
type nats struct {
	fleet
	nodes    []*natsNode
	monitors []string // host:port of the monitoring ports
}

var (
	_ local    = (*nats)(nil)
	_ Optioner = (*nats)(nil)
)

// startNATS takes its ports from choose: three a node, for clients, for monitoring, for routes.
func startNATS(ctx context.Context, spec Spec, choose func(n int) ([]int, error)) (Cluster, error) {
	if spec.Self == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find ordeal's own program: %w", err)
		}
		spec.Self = self
	}
	ports := func() ([]int, error) { return choose(3 * spec.Nodes) }
	return begin(ctx, spec, ports, func(f fleet) local { return &nats{fleet: f} })
}

func (c *nats) lay() error {
	for i := range c.spec.Nodes {
		ports := c.ports[3*i : 3*i+3]
		if c.spec.Nodes == 1 {
			ports = ports[:2]
		}
		p, err := c.member(i, ports...)
		if err != nil {
			return err
		}
		conf := natsConf{
			name: p.name, client: c.ports[3*i], monitor: c.ports[3*i+1], port: c.ports[3*i+2], store: p.store, settings: c.spec.Server,
		}
		for j := range c.spec.Nodes {
			if j != i {
				conf.peers = append(conf.peers, c.ports[3*j+2])
			}
		}
		file := filepath.Join(p.home, "nats.conf")
		if err := conf.write(file); err != nil {
			return err
		}
		n := &natsNode{Process: p, cluster: c, monitor: "http://" + loopback(conf.monitor)}
		c.monitors = append(c.monitors, loopback(conf.monitor))
		p.argv, p.probe = natsCommand(c.spec.Self, file), n.probe
		c.nodes = append(c.nodes, n)
	}
	return nil
}

// DriverOptions tell the driver where it can audit the servers' own settings.
func (c *nats) DriverOptions() map[string]string {
	return map[string]string{"monitor": strings.Join(c.monitors, ",")}
}

func (c *nats) start(ctx context.Context) error {
	if err := launch(ctx, c.members); err != nil {
		return err
	}
	c.step("waiting for the nodes")
	if err := ready(ctx, c.members); err != nil {
		return err
	}
	version, err := c.nodes[0].version(ctx)
	c.version = version
	return err
}

// Facts names the settings that the scenario asked for.
func (c *nats) Facts() map[string]string {
	facts := c.facts()
	facts["nats-server settings"] = listed(c.spec.Server)
	return facts
}
