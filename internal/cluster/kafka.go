package cluster

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// kafka is a cluster of Kafka nodes in KRaft mode, each of them broker and controller.
type kafka struct {
	fleet
	id    string
	jvm   string // path of java
	jars  string
	nodes []*kafkaNode
}

var _ local = (*kafka)(nil)

// startKafka takes its ports from choose: three a node, for clients, replication and controllers.
func startKafka(ctx context.Context, spec Spec, choose func(n int) ([]int, error)) (Cluster, error) {
	java, jars, err := needKafka()
	if err != nil {
		return nil, err
	}
	ports := func() ([]int, error) { return choose(3 * spec.Nodes) }
	return begin(ctx, spec, ports, func(f fleet) local {
		f.version = jars.Version
		return &kafka{fleet: f, id: kafkaID(), jvm: java.Path, jars: jars.Path}
	})
}

func (c *kafka) lay() error {
	var controllers []int
	for i := range c.spec.Nodes {
		controllers = append(controllers, c.ports[3*i+2])
	}
	for i := range c.spec.Nodes {
		p, err := c.member(i, c.ports[3*i:3*i+3]...)
		if err != nil {
			return err
		}
		conf := kafkaConf{
			id: i + 1, client: p.ports[0], replication: p.ports[1], controller: p.ports[2],
			store: p.store, controllers: controllers, settings: c.spec.Server,
		}
		n := &kafkaNode{Process: p, cluster: c, id: int32(i + 1), conf: filepath.Join(p.home, "server.properties")}
		if err := conf.write(n.conf); err != nil {
			return err
		}
		p.argv, p.probe = append(c.java(p.home), "kafka.Kafka", n.conf), n.probe
		// Several nodes that are asked to end at once wait for a controller that is gone already, often until they are killed.
		p.blunt = c.spec.Nodes > 1
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
	c.step("formatting the data folders")
	if err := c.format(ctx); err != nil {
		return err
	}
	if err := launch(ctx, c.members); err != nil {
		return err
	}
	c.step("waiting for the nodes")
	if err := ready(ctx, c.members); err != nil {
		return err
	}
	c.step("waiting for a coordinator of groups")
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

// Facts names the settings that the scenario asked for, and those that ordeal chose for a short life on one machine.
func (c *kafka) Facts() map[string]string {
	quick := kafkaConf{controllers: make([]int, len(c.nodes))}.quick()
	maps.DeleteFunc(quick, func(name, _ string) bool { _, set := c.spec.Server[name]; return set })
	facts := c.facts()
	facts["jars"], facts["kafka settings"], facts["kafka settings by ordeal"] = c.jars, listed(c.spec.Server), listed(quick)
	return facts
}
