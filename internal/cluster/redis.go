package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"ordeal/faults"
)

// redis is a primary, n1, with the other nodes as its replicas. Three nodes and more have a Sentinel each, which promote a replica when the
// primary is gone; two have nobody who could tell which of them is cut off, so there a failover is up to a person.
//
// A redis-server takes no notice of its lifeline: where there is no death signal, as everywhere but on Linux, it outlives a killed ordeal.
type redis struct {
	spec      Spec
	program   Installed
	ports     []int
	nodes     []*redisNode
	sentinels []*Process
	spawner   *spawner
	version   string
}

var _ Cluster = (*redis)(nil)

// startRedis takes its ports from choose, so that a test can offer some that are in use.
func startRedis(ctx context.Context, spec Spec, choose func(n int) ([]int, error)) (Cluster, error) {
	c, err := newRedis(ctx, spec, choose)
	if err != nil {
		return nil, fmt.Errorf("start redis cluster: %w", err)
	}
	return c, nil
}

func newRedis(ctx context.Context, spec Spec, choose func(n int) ([]int, error)) (*redis, error) {
	program, err := needRedis()
	if err != nil {
		return nil, err
	}
	if err := checkRedis(spec.Server); err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		ports, err := choose(2 * spec.Nodes)
		if err != nil {
			return nil, err
		}
		c := &redis{spec: spec, program: program, ports: ports, spawner: newSpawner()}
		err = c.lay()
		if err == nil {
			err = c.start(ctx)
		}
		if err == nil {
			return c, nil
		}
		err = errors.Join(err, c.stop(context.WithoutCancel(ctx)))
		again := attempt < attempts && errors.Is(err, errDied) && taken(c.ports)
		if cleared := c.clear(); !again || cleared != nil {
			return nil, errors.Join(err, cleared)
		}
		spec.Logger.Warn("a port of the new cluster is in use: trying others", "ports", c.ports)
	}
}

// lay lays out folders and configurations; nothing runs yet. It takes two ports a node: for the server and for its Sentinel.
func (c *redis) lay() error {
	dir, err := filepath.Abs(c.spec.Dir)
	if err != nil {
		return err
	}
	for i := range c.spec.Nodes {
		name := fmt.Sprintf("n%d", i+1)
		home := filepath.Join(dir, name)
		n := &redisNode{cluster: c, store: filepath.Join(home, "data")}
		conf := redisConf{port: c.ports[2*i], store: n.store, settings: c.spec.Server}
		if i > 0 {
			conf.primary = c.ports[0]
		}
		if n.Process, err = c.process(name, home, conf); err != nil {
			return err
		}
		n.Process.probe = n.probe
		c.nodes = append(c.nodes, n)
	}
	for i := range c.spec.Nodes {
		if c.spec.Nodes < 3 {
			break
		}
		name := fmt.Sprintf("s%d", i+1)
		home := filepath.Join(dir, name)
		p, err := c.process(name, home, redisConf{
			port: c.ports[2*i+1], store: filepath.Join(home, "data"), primary: c.ports[0], quorum: c.spec.Nodes/2 + 1, settings: c.spec.Server,
		})
		if err != nil {
			return err
		}
		p.argv = append(p.argv, "--sentinel")
		p.probe = func(ctx context.Context) error { return c.watched(ctx, p) }
		c.sentinels = append(c.sentinels, p)
	}
	return nil
}

// process makes the folder, the configuration and the process of a server or a Sentinel.
func (c *redis) process(name, home string, conf redisConf) (*Process, error) {
	if err := os.MkdirAll(conf.store, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(home, "redis.conf")
	if err := conf.write(file); err != nil {
		return nil, err
	}
	return &Process{
		name: name, address: loopback(conf.port), argv: []string{c.program.Path, file}, log: filepath.Join(home, "redis.log"),
		spawner: c.spawner, logger: c.spec.Logger,
	}, nil
}

// watched asks a Sentinel whether it knows the others and all replicas: before that there is nobody to fail over, or to agree to it.
func (c *redis) watched(ctx context.Context, p *Process) error {
	view, err := sentinelView(ctx, p.address)
	if err != nil {
		return err
	}
	others := strconv.Itoa(len(c.nodes) - 1)
	if view["num-other-sentinels"] != others || view["num-slaves"] != others {
		return fmt.Errorf("%s knows %s of %s other Sentinels and %s of %s replicas", p.name, view["num-other-sentinels"], others,
			view["num-slaves"], others)
	}
	return nil
}

// start starts the primary first: a replica that does not find it waits a second before it tries again.
func (c *redis) start(ctx context.Context) error {
	for i, n := range c.nodes {
		if err := n.Start(ctx); err != nil {
			return err
		}
		if i == 0 {
			if err := n.Ready(ctx); err != nil {
				return err
			}
		}
	}
	for _, n := range c.nodes {
		if err := n.Ready(ctx); err != nil {
			return err
		}
	}
	for _, p := range c.sentinels {
		if err := p.Start(ctx); err != nil {
			return err
		}
	}
	for _, p := range c.sentinels {
		if err := p.Ready(ctx); err != nil {
			return err
		}
	}
	info, err := c.nodes[0].info(ctx)
	c.version = info["redis_version"]
	return err
}

// Name is "redis", or "redis:3".
func (c *redis) Name() string {
	if len(c.nodes) == 1 {
		return "redis"
	}
	return fmt.Sprintf("redis:%d", len(c.nodes))
}

// Nodes are the redis-server processes. The Sentinels are not among them: they hold no messages.
func (c *redis) Nodes() []faults.Node {
	nodes := make([]faults.Node, len(c.nodes))
	for i, n := range c.nodes {
		nodes[i] = n
	}
	return nodes
}

// Servers are the client addresses, that of the first primary first.
func (c *redis) Servers() []string {
	servers := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		servers[i] = n.Address()
	}
	return servers
}

// Version is redis-server's own word.
func (c *redis) Version() string { return c.version }

// Logs are what the nodes wrote, then the Sentinels.
func (c *redis) Logs() []string {
	var logs []string
	for _, n := range c.nodes {
		logs = append(logs, n.log)
	}
	for _, p := range c.sentinels {
		logs = append(logs, p.log)
	}
	return logs
}

// Facts names the settings that differ from Redis's own.
func (c *redis) Facts() map[string]string {
	settings := redisDefaults()
	maps.Copy(settings, c.spec.Server)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		list = append(list, fmt.Sprintf("%s: %q", name, settings[name]))
	}
	facts := map[string]string{"started by": "ordeal", "redis-server settings": strings.Join(list, ", "), "folder": c.spec.Dir}
	switch {
	case len(c.sentinels) > 0:
		facts["failover"] = fmt.Sprintf("%d Sentinels", len(c.sentinels))
	case len(c.nodes) > 1:
		facts["failover"] = "none: two nodes cannot tell which of them is cut off"
	}
	return facts
}

// Close ends all processes at once and removes their data, unless they are to be kept.
func (c *redis) Close(ctx context.Context) error {
	if err := c.stop(ctx); err != nil {
		return fmt.Errorf("close redis cluster: %w", err)
	}
	if c.spec.Keep {
		return nil
	}
	return c.clear()
}

// stop ends the Sentinels first, which would otherwise take the end for a failure.
func (c *redis) stop(ctx context.Context) error {
	var errs []error
	var nodes []*Process
	for _, n := range c.nodes {
		nodes = append(nodes, n.Process)
	}
	for _, those := range [][]*Process{c.sentinels, nodes} {
		each := make([]error, len(those))
		var all sync.WaitGroup
		for i, p := range those {
			all.Go(func() { each[i] = p.close(ctx) })
		}
		all.Wait()
		errs = append(errs, each...)
	}
	c.spawner.close()
	return errors.Join(errs...)
}

// clear removes the data of stopped nodes.
func (c *redis) clear() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, os.RemoveAll(n.store))
	}
	return errors.Join(errs...)
}
