package cluster

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/faults"
	"ordeal/faults/pid"
)

// startTestKafka starts a cluster that is closed when the test ends, and checks that nothing is left of it then. Where Kafka is not
// installed it skips, and fails under CI.
func startTestKafka(t *testing.T, spec Spec) Cluster {
	t.Helper()
	needTestKafka(t)
	if spec.Dir == "" {
		spec.Dir = t.TempDir()
	}
	spec.Kind, spec.Logger = "kafka", testLogger(t)
	c, err := Start(within(t, 2*time.Minute), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		last := processes(c)
		if err := c.Close(within(t, 30*time.Second)); err != nil {
			t.Error(err)
		}
		for _, p := range last {
			if state, err := p.State(); err != nil || state != pid.Gone {
				t.Errorf("after Close process %d is %v, %v", p.PID, state, err)
			}
		}
	})
	return c
}

func needTestKafka(t *testing.T) {
	t.Helper()
	if _, _, err := needKafka(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// kafkaClient is a plain client of one server.
func kafkaClient(t *testing.T, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// TestKafkaNode takes a node through everything that faults do to it; an acked message survives it all.
func TestKafkaNode(t *testing.T) {
	if testing.Short() {
		t.Skip("a node takes a while")
	}
	ctx := within(t, 5*time.Minute)
	dir := t.TempDir()
	c := startTestKafka(t, Spec{Dir: dir, Server: map[string]string{"message.max.bytes": "1234567", "broker.session.timeout.ms": "1000"}})
	if c.Name() != "kafka" || !strings.HasPrefix(c.Version(), "4.") || len(c.Servers()) != 1 || len(c.Logs()) != 1 {
		t.Errorf("cluster %s, version %s, servers %v, logs %v", c.Name(), c.Version(), c.Servers(), c.Logs())
	}
	n := c.Nodes()[0]
	if n.Name() != "n1" || n.Address() != c.Servers()[0] {
		t.Errorf("node %s at %s", n.Name(), n.Address())
	}
	client := kafkaClient(t, kgo.SeedBrokers(n.Address()), kgo.DefaultProduceTopic("orders"), kgo.MetadataMinAge(50*time.Millisecond))
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	configs, err := admin.DescribeBrokerConfigs(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range configs[0].Configs {
		if setting.Key == "message.max.bytes" && setting.MaybeValue() != "1234567" {
			t.Errorf("the setting of the scenario is %s on the broker", setting.MaybeValue())
		}
	}
	survives := func(want int64) {
		t.Helper()
		if err := client.ProduceSync(ctx, kgo.StringRecord("order")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		ends, err := admin.ListEndOffsets(ctx, "orders")
		if end, _ := ends.Lookup("orders", 0); err != nil || end.Offset != want {
			t.Fatalf("%d messages, %v; want %d", end.Offset, err, want)
		}
	}
	survives(1)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(n.Signal(ctx, faults.Kill))
	must(n.Start(ctx))
	must(n.Ready(ctx))
	survives(2)
	must(n.Stop(ctx))
	must(n.Start(ctx))
	must(n.Ready(ctx))
	survives(3)
	must(n.Signal(ctx, faults.Pause))
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := n.Ready(short); err == nil {
		t.Error("a paused node is ready")
	}
	must(n.Signal(ctx, faults.Resume))
	must(n.Ready(ctx))
	survives(4)
	if log, err := os.ReadFile(c.Logs()[0]); err != nil || !strings.Contains(string(log), "Kafka Server started") {
		t.Errorf("the log says nothing of a start: %d bytes, %v", len(log), err)
	}
	must(c.Close(ctx))
	if _, err := os.Stat(filepath.Join(dir, "n1", "data")); !os.IsNotExist(err) {
		t.Errorf("the data are still there: %v", err)
	}
}
