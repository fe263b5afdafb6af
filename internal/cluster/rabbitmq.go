package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
)

// rabbitmq is a cluster of RabbitMQ nodes with Erlang's port mapper, which is a process of the cluster as well: one that a node starts by
// itself would outlive everything. It ends last, because a node that misses it starts another.
type rabbitmq struct {
	fleet
	place  rabbitmqPlace
	id     string // the cluster's name, by which its nodes are told from others on the same ports
	cookie string // the secret by which nodes know each other
	nodes  []*rabbitmqNode
	// formed tells that the nodes have been joined, so that a ready one sees the others.
	formed atomic.Bool
}

var _ local = (*rabbitmq)(nil)

// startRabbitMQ takes its ports from choose, as rabbitmqPorts orders them.
func startRabbitMQ(ctx context.Context, spec Spec, choose func(nodes int) ([]int, error)) (Cluster, error) {
	place, version, err := needRabbitMQ()
	if err != nil {
		return nil, err
	}
	ports := func() ([]int, error) { return choose(spec.Nodes) }
	return begin(ctx, spec, ports, func(f fleet) local {
		f.version, f.aidesLast = version, true
		return &rabbitmq{fleet: f, place: place, id: "ordeal-" + rand.Text(), cookie: rand.Text()}
	})
}

func (c *rabbitmq) lay() error {
	if err := c.layMapper(c.ports[0]); err != nil {
		return err
	}
	var peers []string
	for i := range c.spec.Nodes {
		peers = append(peers, nodeName(i)+"@127.0.0.1")
	}
	if len(peers) == 1 || !c.formsItself() {
		peers = nil
	}
	for i := range c.spec.Nodes {
		p, err := c.member(i, c.ports[1+3*i:4+3*i]...)
		if err != nil {
			return err
		}
		client, dist := p.ports[0], p.ports[2]
		n := &rabbitmqNode{
			Process: p, cluster: c, erlang: p.name + "@127.0.0.1", dist: dist, management: "http://" + loopback(client+managementOffset),
		}
		conf := rabbitmqConf{name: n.erlang, id: c.id, client: client, dist: dist, epmd: c.ports[0], peers: peers, settings: c.spec.Server}
		if err := conf.write(p.home, c.cookie); err != nil {
			return err
		}
		p.argv = c.place.command(c.dir, conf.environment(c.place.inside(c.dir, p.name)), c.place.home+"/sbin/rabbitmq-server")
		p.probe = n.probe
		// A polite end takes RabbitMQ a second, and nobody needs the data to be in good order unless they are kept.
		p.blunt = !c.spec.Keep
		c.nodes = append(c.nodes, n)
	}
	return nil
}

// layMapper makes the process of Erlang's port mapper, epmd. It keeps nothing.
func (c *rabbitmq) layMapper(port int) error {
	p, err := c.process("epmd", port)
	if err != nil {
		return err
	}
	p.argv = c.place.command(c.dir, nil, c.place.tool("epmd"), "-port", strconv.Itoa(port), "-address", "127.0.0.1")
	p.probe = func(ctx context.Context) error { return converse(ctx, p.address, func(net.Conn) error { return nil }) }
	p.blunt = true
	c.aides = append(c.aides, p)
	return nil
}

// formsItself tells whether nodes find each other quickly: those of 3.x wait for a lock, longer than they take to start.
func (c *rabbitmq) formsItself() bool { return c.version != "" && !strings.HasPrefix(c.version, "3.") }

func (c *rabbitmq) start(ctx context.Context) error {
	// The port mapper is there before any node, which would start one of its own.
	for _, those := range [][]*Process{c.aides, c.members} {
		if err := launch(ctx, those); err != nil {
			return err
		}
		c.step("waiting for " + names(those))
		if err := ready(ctx, those); err != nil {
			return err
		}
	}
	c.step("joining the nodes")
	if err := c.form(ctx); err != nil {
		return err
	}
	c.formed.Store(true)
	if err := ready(ctx, c.members); err != nil {
		return err
	}
	overview, err := c.nodes[0].overview(ctx)
	c.version = overview.Version
	return err
}

// startAnew is for a node that runs, or that did not get as far as that.
const startAnew = "begin ok = rabbit:stop(), rabbit:start() end"

// form joins the nodes to the first one, unless they find each other by themselves; `rabbitmqctl stop_app, join_cluster, start_app`
// would take ten times as long. They join one after the other: a node that joins talks to those that have joined before, and Mnesia gives
// up where one of them stops meanwhile. Now and then it gives up as well where others start
// (https://github.com/rabbitmq/rabbitmq-server/pull/15502), so a node that did not start tries again alone.
func (c *rabbitmq) form(ctx context.Context) error {
	if c.formsItself() {
		return nil
	}
	first, others := c.nodes[0], c.nodes[1:]
	if err := errors.Join(atOnce(others, func(n *rabbitmqNode) error { return n.eval(ctx, "rabbit:stop()") })...); err != nil {
		return err
	}
	for _, n := range others {
		if err := n.eval(ctx, fmt.Sprintf("rabbit_mnesia:join_cluster('%s', disc)", first.erlang)); err != nil {
			return fmt.Errorf("%s joins %s, whose port and cookie (.erlang.cookie) it must have: %w", n.name, first.name, err)
		}
	}
	for i, err := range atOnce(others, func(n *rabbitmqNode) error { return n.eval(ctx, "rabbit:start()") }) {
		if err == nil {
			continue
		}
		c.spec.Logger.Warn("a node did not start beside the others: once more", "node", others[i].name, "error", err.Error())
		if err := others[i].eval(ctx, startAnew); err != nil {
			return err
		}
	}
	return nil
}

// Facts names the settings that the scenario asked for, and those that ordeal chose for a short life on one machine.
func (c *rabbitmq) Facts() map[string]string {
	quick := rabbitmqConf{}.quick()
	maps.DeleteFunc(quick, func(name, _ string) bool { _, set := c.spec.Server[name]; return set })
	facts := c.facts()
	facts["installation"] = c.place.root + c.place.home
	facts["rabbitmq settings"], facts["rabbitmq settings by ordeal"] = listed(c.spec.Server), listed(quick)
	return facts
}
