package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"ordeal/faults"
)

// kafka is a cluster of Kafka nodes in KRaft mode, each of them broker and controller.
type kafka struct {
	spec    Spec
	id      string
	jvm     string // path of java
	jars    string
	version string
	ports   []int
	nodes   []*kafkaNode
	spawner *spawner
}

var _ Cluster = (*kafka)(nil)

// startKafka takes its ports from choose, so that a test can offer some that are in use.
func startKafka(ctx context.Context, spec Spec, choose func(n int) ([]int, error)) (Cluster, error) {
	java, jars, err := needKafka()
	if err != nil {
		return nil, fmt.Errorf("start kafka cluster: %w", err)
	}
	for attempt := 1; ; attempt++ {
		ports, err := choose(3 * spec.Nodes)
		if err != nil {
			return nil, fmt.Errorf("start kafka cluster: %w", err)
		}
		c := &kafka{
			spec: spec, id: kafkaID(), jvm: java.Path, jars: jars.Path, version: jars.Version, ports: ports, spawner: newSpawner(),
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
			return nil, fmt.Errorf("start kafka cluster: %w", errors.Join(err, cleared))
		}
		spec.Logger.Warn("a port of the new cluster is in use: trying others", "ports", c.ports)
	}
}

// lay lays out folders and configurations; nothing runs yet. It takes three ports a node: for clients, replication and controllers.
func (c *kafka) lay() error {
	dir, err := filepath.Abs(c.spec.Dir)
	if err != nil {
		return err
	}
	var controllers []int
	for i := range c.spec.Nodes {
		controllers = append(controllers, c.ports[3*i+2])
	}
	for i := range c.spec.Nodes {
		name := fmt.Sprintf("n%d", i+1)
		home := filepath.Join(dir, name)
		n := &kafkaNode{
			cluster: c, id: int32(i + 1), home: home, store: filepath.Join(home, "data"), conf: filepath.Join(home, "server.properties"),
		}
		conf := kafkaConf{
			id: i + 1, client: c.ports[3*i], replication: c.ports[3*i+1], controller: c.ports[3*i+2],
			store: n.store, controllers: controllers, settings: c.spec.Server,
		}
		if err := os.MkdirAll(n.store, 0o755); err != nil {
			return err
		}
		if err := conf.write(n.conf); err != nil {
			return err
		}
		n.Process = &Process{
			name: name, address: loopback(conf.client), argv: append(c.java(home), "kafka.Kafka", n.conf),
			log: filepath.Join(home, "kafka.log"), probe: n.probe, spawner: c.spawner, logger: c.spec.Logger,
		}
		c.nodes = append(c.nodes, n)
	}
	return nil
}

// java is the command that everything of Kafka's starts with. The compiler is kept to its quick first stage and the collector to the
// simple one: on a machine that is shared with the load and with other nodes both start sooner and take less of it.
func (c *kafka) java(home string) []string {
	args := []string{
		c.jvm, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true",
		"-Djava.io.tmpdir=" + home, "-Dkafka.logs.dir=" + home, "-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS", "-Dorg.slf4j.simpleLogger.showThreadName=false",
	}
	logging := filepath.Join(filepath.Dir(c.jars), "config", "log4j2.yaml") // there where an installation brings it
	if _, err := os.Stat(logging); err == nil {
		args = append(args, "-Dlog4j2.configurationFile="+logging)
	}
	return append(args, "-cp", filepath.Join(c.jars, "*"))
}

func (c *kafka) start(ctx context.Context) error {
	if err := c.format(ctx); err != nil {
		return err
	}
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
	return c.coordinated(ctx)
}

// coordinated returns once groups can be used: the first client to ask would otherwise wait for it.
func (c *kafka) coordinated(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.nodes[0].coordinates(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", err, ctx.Err())
		}
	}
}

// Name is "kafka", or "kafka:3".
func (c *kafka) Name() string {
	if len(c.nodes) == 1 {
		return "kafka"
	}
	return fmt.Sprintf("kafka:%d", len(c.nodes))
}

// Nodes are the broker processes; n1 has the broker id 1.
func (c *kafka) Nodes() []faults.Node {
	nodes := make([]faults.Node, len(c.nodes))
	for i, n := range c.nodes {
		nodes[i] = n
	}
	return nodes
}

// Servers are the client addresses.
func (c *kafka) Servers() []string {
	servers := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		servers[i] = n.Address()
	}
	return servers
}

// Version is that of the jars.
func (c *kafka) Version() string { return c.version }

// Logs are what the nodes wrote.
func (c *kafka) Logs() []string {
	logs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		logs[i] = n.log
	}
	return logs
}

// Facts names the settings that the scenario asked for, and those that ordeal chose for a short life on one machine.
func (c *kafka) Facts() map[string]string {
	facts := map[string]string{"started by": "ordeal", "folder": c.spec.Dir, "jars": c.jars, "kafka settings": "defaults"}
	list := func(settings map[string]string) string {
		var out []string
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			out = append(out, name+": "+settings[name])
		}
		return strings.Join(out, ", ")
	}
	if len(c.spec.Server) > 0 {
		facts["kafka settings"] = list(c.spec.Server)
	}
	quick := kafkaConf{controllers: make([]int, len(c.nodes))}.quick()
	maps.DeleteFunc(quick, func(name, _ string) bool { _, set := c.spec.Server[name]; return set })
	facts["kafka settings by ordeal"] = list(quick)
	return facts
}

// Close ends all nodes at once and removes their data, unless they are to be kept.
func (c *kafka) Close(ctx context.Context) error {
	if err := c.stop(ctx); err != nil {
		return fmt.Errorf("close kafka cluster: %w", err)
	}
	if c.spec.Keep {
		return nil
	}
	return c.clear()
}

// stop is polite to a single node. Several that are asked to end at once wait for a controller that is gone already, often until they
// are killed, so their end is SIGKILL from the start: nobody needs their data to be in good order.
func (c *kafka) stop(ctx context.Context) error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() {
			if len(c.nodes) > 1 {
				_ = n.Signal(ctx, faults.Kill) // a node that is down is none the worse; close tells what went wrong
			}
			errs[i] = n.close(ctx)
		})
	}
	all.Wait()
	c.spawner.close()
	return errors.Join(errs...)
}

// clear removes the data of stopped nodes.
func (c *kafka) clear() error {
	var errs []error
	for _, n := range c.nodes {
		errs = append(errs, os.RemoveAll(n.store))
	}
	return errors.Join(errs...)
}
