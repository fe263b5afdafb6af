package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"ordeal/faults"
)

// nats is a cluster of nats-server nodes.
type nats struct {
	spec    Spec
	nodes   []*natsNode
	ports   []int
	spawner *spawner
	client  *http.Client
	version string
}

var _ Cluster = (*nats)(nil)

// attempts is how often a cluster is started anew because somebody took one of its ports in the moment between choosing and using it.
const attempts = 5

// startNATS takes its ports from choose, so that a test can offer some that are in use.
func startNATS(ctx context.Context, spec Spec, choose func(n int) ([]int, error)) (Cluster, error) {
	if spec.Self == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("start nats cluster: find ordeal's own program: %w", err)
		}
		spec.Self = self
	}
	for attempt := 1; ; attempt++ {
		ports, err := choose(3 * spec.Nodes)
		if err != nil {
			return nil, fmt.Errorf("start nats cluster: %w", err)
		}
		c, err := layNATS(spec, ports)
		if err != nil {
			return nil, fmt.Errorf("start nats cluster: %w", err)
		}
		err = c.start(ctx)
		if err == nil {
			return c, nil
		}
		err = errors.Join(err, c.stop(context.WithoutCancel(ctx)))
		if attempt == attempts || !errors.Is(err, errDied) || !taken(c.ports) {
			return nil, fmt.Errorf("start nats cluster: %w", errors.Join(err, c.clear()))
		}
		spec.Logger.Warn("a port of the new cluster is in use: trying others", "ports", c.ports)
		if err := c.clear(); err != nil {
			return nil, fmt.Errorf("start nats cluster: %w", err)
		}
	}
}

// layNATS lays out folders and configurations; nothing runs yet. It takes three ports a node: for clients, for monitoring, for routes.
func layNATS(spec Spec, ports []int) (*nats, error) {
	dir, err := filepath.Abs(spec.Dir)
	if err != nil {
		return nil, err
	}
	c := &nats{spec: spec, ports: ports, spawner: newSpawner()}
	c.client = &http.Client{Transport: &http.Transport{Proxy: nil}} // never by way of the user's HTTP proxy
	for i := range spec.Nodes {
		name := fmt.Sprintf("n%d", i+1)
		home := filepath.Join(dir, name)
		conf := natsConf{
			name: name, client: ports[3*i], monitor: ports[3*i+1], port: ports[3*i+2],
			store: filepath.Join(home, "data"), settings: spec.Server,
		}
		for j := range spec.Nodes {
			if j != i {
				conf.peers = append(conf.peers, ports[3*j+2])
			}
		}
		err := os.MkdirAll(conf.store, 0o755)
		if err == nil {
			err = conf.write(filepath.Join(home, "nats.conf"))
		}
		if err != nil {
			c.spawner.close()
			return nil, err
		}
		node := &natsNode{cluster: c, store: conf.store, monitor: "http://" + loopback(conf.monitor)}
		node.Process = &Process{
			name: name, address: loopback(conf.client), argv: natsCommand(spec.Self, filepath.Join(home, "nats.conf")),
			log: filepath.Join(home, "nats.log"), probe: node.probe, spawner: c.spawner, logger: spec.Logger,
		}
		c.nodes = append(c.nodes, node)
	}
	return c, nil
}

func (c *nats) start(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := n.Start(ctx); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := n.Ready(ctx); err != nil {
			return err
		}
	}
	version, err := c.nodes[0].version(ctx)
	c.version = version
	return err
}

// Name is "nats", or "nats:3".
func (c *nats) Name() string {
	if len(c.nodes) == 1 {
		return "nats"
	}
	return fmt.Sprintf("nats:%d", len(c.nodes))
}

// Nodes are the nats-server processes.
func (c *nats) Nodes() []faults.Node {
	nodes := make([]faults.Node, len(c.nodes))
	for i, n := range c.nodes {
		nodes[i] = n
	}
	return nodes
}

// Servers are the client addresses.
func (c *nats) Servers() []string {
	servers := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		servers[i] = n.Address()
	}
	return servers
}

// Version is nats-server's own word.
func (c *nats) Version() string { return c.version }

// Logs are what the nodes wrote.
func (c *nats) Logs() []string {
	logs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		logs[i] = n.log
	}
	return logs
}

// Facts names the settings that the scenario asked for.
func (c *nats) Facts() map[string]string {
	var settings []string
	for _, name := range slices.Sorted(maps.Keys(c.spec.Server)) {
		settings = append(settings, name+": "+c.spec.Server[name])
	}
	if settings == nil {
		settings = []string{"defaults"}
	}
	return map[string]string{"started by": "ordeal", "nats-server settings": strings.Join(settings, ", "), "folder": c.spec.Dir}
}

// Close ends all nodes at once and removes their data, unless they are to be kept.
func (c *nats) Close(ctx context.Context) error {
	if err := c.stop(ctx); err != nil {
		return fmt.Errorf("close nats cluster: %w", err)
	}
	if c.spec.Keep {
		return nil
	}
	return c.clear()
}

func (c *nats) stop(ctx context.Context) error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = n.close(ctx) })
	}
	all.Wait()
	c.client.CloseIdleConnections()
	c.spawner.close()
	return errors.Join(errs...)
}

// clear removes the data of stopped nodes.
func (c *nats) clear() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, os.RemoveAll(n.store))
	}
	return errors.Join(errs...)
}
