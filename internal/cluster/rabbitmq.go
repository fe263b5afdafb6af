package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"ordeal/faults"
)

// rabbitmq is a cluster of RabbitMQ nodes with Erlang's port mapper, which is a process of the cluster as well: one that a node starts by
// itself would outlive everything.
type rabbitmq struct {
	spec    Spec
	place   rabbitmqPlace
	dir     string // absolute
	id      string // the cluster's name, by which its nodes are told from others on the same ports
	cookie  string // the secret by which nodes know each other
	version string
	ports   []int
	epmd    *Process
	nodes   []*rabbitmqNode
	// formed tells that the nodes have been joined, so that a ready one sees the others.
	formed  atomic.Bool
	spawner *spawner
	client  *http.Client
}

var _ Cluster = (*rabbitmq)(nil)

// startRabbitMQ takes its ports from choose, so that a test can offer some that are in use.
func startRabbitMQ(ctx context.Context, spec Spec, choose func(nodes int) ([]int, error)) (Cluster, error) {
	place, version, err := needRabbitMQ()
	if err != nil {
		return nil, fmt.Errorf("start rabbitmq cluster: %w", err)
	}
	for attempt := 1; ; attempt++ {
		ports, err := choose(spec.Nodes)
		if err != nil {
			return nil, fmt.Errorf("start rabbitmq cluster: %w", err)
		}
		c := &rabbitmq{
			spec: spec, place: place, version: version, id: "ordeal-" + rand.Text(), cookie: rand.Text(), ports: ports, spawner: newSpawner(),
			client: &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}, // never by way of the user's HTTP proxy
		}
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
			return nil, fmt.Errorf("start rabbitmq cluster: %w", errors.Join(err, cleared))
		}
		spec.Logger.Warn("a port of the new cluster is in use: trying others", "ports", c.ports)
	}
}

// rabbitmqPorts finds the ports of a cluster: one for the port mapper, then three a node: AMQP, management above it, Erlang distribution.
func rabbitmqPorts(nodes int) ([]int, error) {
	const pastAMQP = 22_000 // so that the management ports are in the range of freePorts, too
	ports, err := freePorts(1 + nodes)
	if err != nil {
		return nil, err
	}
	out := ports[:1:1]
	for _, dist := range ports[1:] {
		client, err := rabbitmqPair(pastAMQP)
		if err != nil {
			return nil, err
		}
		for slices.Contains(append(ports, out...), client) || slices.Contains(append(ports, out...), client+managementOffset) {
			if client, err = rabbitmqPair(pastAMQP); err != nil {
				return nil, err
			}
		}
		out = append(out, client, client+managementOffset, dist)
	}
	return out, nil
}

// rabbitmqPair finds a free port whose management port is free as well.
func rabbitmqPair(past int) (int, error) {
	for range 100 {
		some, err := freePorts(10)
		if err != nil {
			return 0, err
		}
		for _, port := range some {
			if port >= past {
				continue
			}
			if l, err := net.Listen("tcp", loopback(port+managementOffset)); err == nil {
				return port, l.Close()
			}
		}
	}
	return 0, fmt.Errorf("find a free port below %d on 127.0.0.1 with a free one %d above it", past, managementOffset)
}

// lay lays out folders and configurations; nothing runs yet.
func (c *rabbitmq) lay() error {
	var err error
	if c.dir, err = filepath.Abs(c.spec.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	mapper := c.ports[0]
	c.epmd = &Process{
		name: "epmd", address: loopback(mapper),
		argv: c.place.command(c.dir, nil, c.place.tool("epmd"), "-port", strconv.Itoa(mapper), "-address", "127.0.0.1"),
		log:  filepath.Join(c.dir, "epmd.log"), spawner: c.spawner, logger: c.spec.Logger,
	}
	c.epmd.probe = func(ctx context.Context) error { return listens(ctx, c.epmd.address) }
	var peers []string
	for i := range c.spec.Nodes {
		peers = append(peers, fmt.Sprintf("n%d@127.0.0.1", i+1))
	}
	if len(peers) == 1 || !c.formsItself() {
		peers = nil
	}
	for i := range c.spec.Nodes {
		name := fmt.Sprintf("n%d", i+1)
		client, dist := c.ports[1+3*i], c.ports[3+3*i]
		n := &rabbitmqNode{
			cluster: c, erlang: name + "@127.0.0.1", dist: dist, home: filepath.Join(c.dir, name),
			management: "http://" + loopback(client+managementOffset),
		}
		n.store = filepath.Join(n.home, "data")
		conf := rabbitmqConf{name: n.erlang, id: c.id, client: client, dist: dist, epmd: mapper, peers: peers, settings: c.spec.Server}
		if err := os.MkdirAll(n.home, 0o755); err != nil {
			return err
		}
		if err := conf.write(n.home, c.cookie); err != nil {
			return err
		}
		n.Process = &Process{
			name: name, address: loopback(client),
			argv: c.place.command(c.dir, conf.environment(c.place.inside(c.dir, name)), c.place.home+"/sbin/rabbitmq-server"),
			log:  filepath.Join(n.home, "rabbitmq.log"), probe: n.probe, spawner: c.spawner, logger: c.spec.Logger,
		}
		c.nodes = append(c.nodes, n)
	}
	return nil
}

// formsItself tells whether nodes find each other quickly: those of 3.x wait for a lock, longer than they take to start.
func (c *rabbitmq) formsItself() bool { return c.version != "" && !strings.HasPrefix(c.version, "3.") }

// listens asks whether something listens on address.
func listens(ctx context.Context, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (c *rabbitmq) start(ctx context.Context) error {
	if taken(c.ports) { // a node takes long to find out
		return fmt.Errorf("its ports: %w", errDied)
	}
	if err := c.epmd.Start(ctx); err != nil {
		return err
	}
	if err := c.epmd.Ready(ctx); err != nil { // before any node, which would start one of its own
		return err
	}
	for _, n := range c.nodes {
		if err := n.Start(ctx); err != nil {
			return err
		}
	}
	if err := c.ready(ctx); err != nil {
		return err
	}
	if err := c.form(ctx); err != nil {
		return err
	}
	c.formed.Store(true)
	if err := c.ready(ctx); err != nil {
		return err
	}
	overview, err := c.nodes[0].overview(ctx)
	c.version = overview.Version
	return err
}

func (c *rabbitmq) ready(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := n.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// form joins the nodes to the first one, unless they find each other by themselves.
func (c *rabbitmq) form(ctx context.Context) error {
	if c.formsItself() {
		return nil
	}
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes[1:] {
		all.Go(func() { errs[i] = n.join(ctx, c.nodes[0]) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Name is "rabbitmq", or "rabbitmq:3".
func (c *rabbitmq) Name() string {
	if len(c.nodes) == 1 {
		return "rabbitmq"
	}
	return fmt.Sprintf("rabbitmq:%d", len(c.nodes))
}

// Nodes are the broker processes; n1 calls itself n1@127.0.0.1.
func (c *rabbitmq) Nodes() []faults.Node {
	nodes := make([]faults.Node, len(c.nodes))
	for i, n := range c.nodes {
		nodes[i] = n
	}
	return nodes
}

// Servers are the AMQP addresses. The management port of each is 10,000 above.
func (c *rabbitmq) Servers() []string {
	servers := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		servers[i] = n.Address()
	}
	return servers
}

// Version is RabbitMQ's own word.
func (c *rabbitmq) Version() string { return c.version }

// Logs are what the nodes wrote.
func (c *rabbitmq) Logs() []string {
	logs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		logs[i] = n.log
	}
	return logs
}

// Facts names the settings that the scenario asked for, and those that ordeal chose for a short life on one machine.
func (c *rabbitmq) Facts() map[string]string {
	list := func(settings map[string]string) string {
		var out []string
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			out = append(out, name+": "+settings[name])
		}
		return strings.Join(out, ", ")
	}
	facts := map[string]string{"started by": "ordeal", "folder": c.spec.Dir, "installation": c.place.root + c.place.home}
	facts["rabbitmq settings"] = "defaults"
	if len(c.spec.Server) > 0 {
		facts["rabbitmq settings"] = list(c.spec.Server)
	}
	quick := rabbitmqConf{}.quick()
	maps.DeleteFunc(quick, func(name, _ string) bool { _, set := c.spec.Server[name]; return set })
	facts["rabbitmq settings by ordeal"] = list(quick)
	return facts
}

// Close ends all nodes at once and removes their data, unless they are to be kept.
func (c *rabbitmq) Close(ctx context.Context) error {
	if err := c.stop(ctx); err != nil {
		return fmt.Errorf("close rabbitmq cluster: %w", err)
	}
	if c.spec.Keep {
		return nil
	}
	return c.clear()
}

// stop ends the nodes and then the port mapper. A polite end takes RabbitMQ a second, and nobody needs the data to be in good order, so
// the end is SIGKILL unless they are kept.
func (c *rabbitmq) stop(ctx context.Context) error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() {
			if !c.spec.Keep {
				_ = n.Signal(ctx, faults.Kill) // a node that is down is none the worse; close tells what went wrong
			}
			errs[i] = n.close(ctx)
		})
	}
	all.Wait()
	if c.epmd != nil {
		_ = c.epmd.Signal(ctx, faults.Kill) // it keeps nothing
		errs = append(errs, c.epmd.close(ctx))
	}
	c.client.CloseIdleConnections()
	c.spawner.close()
	return errors.Join(errs...)
}

// clear removes the data of stopped nodes.
func (c *rabbitmq) clear() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, os.RemoveAll(n.store), os.RemoveAll(filepath.Join(n.home, "log")))
	}
	return errors.Join(errs...)
}
