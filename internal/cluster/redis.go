package cluster

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
)

// redis is a primary, n1, with the other nodes as its replicas. Three nodes and more have a Sentinel each, which promote a replica when the
// primary is gone; two have nobody who could tell which of them is cut off, so there a failover is up to a person. The Sentinels are the
// fleet's aides; they end first, because they would take the end for a failure.
//
// A redis-server takes no notice of its lifeline: where there is no death signal, as everywhere but on Linux, it outlives a killed ordeal.
type redis struct {
	fleet
	program Installed
	nodes   []*redisNode
}

var _ local = (*redis)(nil)

// startRedis takes its ports from choose: two a node, for the server and for its Sentinel.
func startRedis(ctx context.Context, spec Spec, choose func(n int) ([]int, error)) (Cluster, error) {
	program, err := needRedis()
	if err != nil {
		return nil, err
	}
	if err := checkRedis(spec.Server); err != nil {
		return nil, err
	}
	ports := func() ([]int, error) { return choose(2 * spec.Nodes) }
	return begin(ctx, spec, ports, func(f fleet) local { return &redis{fleet: f, program: program} })
}

func (c *redis) lay() error {
	primary := c.ports[0]
	for i := range c.spec.Nodes {
		p, err := c.member(i, c.ports[2*i])
		if err != nil {
			return err
		}
		conf := redisConf{port: p.ports[0], store: p.store, settings: c.spec.Server}
		if i > 0 {
			conf.primary = primary
		}
		n := &redisNode{Process: p, cluster: c}
		p.probe = n.probe
		if err := c.configure(p, conf); err != nil {
			return err
		}
		c.nodes = append(c.nodes, n)
	}
	for i := range c.spec.Nodes {
		if c.spec.Nodes < 3 {
			break
		}
		p, err := c.process(fmt.Sprintf("s%d", i+1), c.ports[2*i+1])
		if err != nil {
			return err
		}
		p.probe = func(ctx context.Context) error { return c.watched(ctx, p) }
		conf := redisConf{port: p.ports[0], store: p.store, primary: primary, quorum: c.spec.Nodes/2 + 1, settings: c.spec.Server}
		if err := c.configure(p, conf); err != nil {
			return err
		}
		p.argv = append(p.argv, "--sentinel")
		c.aides = append(c.aides, p)
	}
	return nil
}

// configure writes the configuration of a server or a Sentinel, and makes it the process's command.
func (c *redis) configure(p *Process, conf redisConf) error {
	file := filepath.Join(p.home, "redis.conf")
	p.argv = []string{c.program.Path, file}
	return conf.write(file)
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
	for _, those := range [][]*Process{c.members[:1], c.members[1:], c.aides} {
		if err := launch(ctx, those); err != nil {
			return err
		}
		c.step("waiting for " + names(those))
		if err := ready(ctx, those); err != nil {
			return err
		}
	}
	info, err := c.nodes[0].info(ctx)
	c.version = info["redis_version"]
	return err
}

// Facts names the settings that differ from Redis's own.
func (c *redis) Facts() map[string]string {
	settings := redisDefaults()
	maps.Copy(settings, c.spec.Server)
	facts := c.facts()
	facts["redis-server"], facts["redis-server settings"] = c.program.Path, listed(settings)
	switch {
	case len(c.aides) > 0:
		facts["failover"] = fmt.Sprintf("%d Sentinels", len(c.aides))
	case len(c.nodes) > 1:
		facts["failover"] = "none: two nodes cannot tell which of them is cut off"
	}
	return facts
}
