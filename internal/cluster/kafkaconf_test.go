package cluster

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/faults"
)

func TestKafkaConf(t *testing.T) {
	c := kafkaConf{id: 2, client: 1, replication: 2, controller: 3, store: "/data", controllers: []int{7, 3, 9}}
	c.settings = map[string]string{"log.flush.interval.messages": "1", "broker.session.timeout.ms": "9000"}
	text, err := c.text()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"node.id=2", "controller.quorum.voters=1@127.0.0.1:7,2@127.0.0.1:3,3@127.0.0.1:9", "inter.broker.listener.name=REPLICATION",
		"listeners=CLIENT://127.0.0.1:1,REPLICATION://127.0.0.1:2,CONTROLLER://127.0.0.1:3",
		"offsets.topic.replication.factor=3", "transaction.state.log.min.isr=2",
		"log.flush.interval.messages=1", "broker.session.timeout.ms=9000",
	} {
		if strings.Count("\n"+text, "\n"+line+"\n") != 1 {
			t.Errorf("%s is not there once:\n%s", line, text)
		}
	}
	for _, wrong := range []string{"node.id", "log.dirs", "listeners", "a b", "", "x=y", "#"} {
		c.settings = map[string]string{wrong: "1"}
		if _, err := c.text(); err == nil || !strings.HasPrefix(err.Error(), "options.kafka.server: ") {
			t.Errorf("the setting %q: %v", wrong, err)
		}
	}
	c.settings = map[string]string{"log.retention.ms": "1\nnode.id=9"}
	if _, err := c.text(); err == nil {
		t.Error("a value of two lines is taken")
	}
}

// TestKafkaMissing looks where there is nothing: the error says what to do.
func TestKafkaMissing(t *testing.T) {
	t.Setenv("KAFKA_HOME", t.TempDir())
	t.Setenv("PATH", "")
	_, err := Start(t.Context(), Spec{Kind: "kafka", Dir: t.TempDir(), Logger: testLogger(t)})
	if err == nil || !strings.Contains(err.Error(), javaRemedy) || !strings.Contains(err.Error(), kafkaRemedy) {
		t.Errorf("%v", err)
	}
	for _, f := range FindKafka() {
		if f.Found || f.What == "" || f.Remedy == "" {
			t.Errorf("%+v", f)
		}
	}
}

// TestKafkaHome takes the version from the jars of an installation.
func TestKafkaHome(t *testing.T) {
	home := t.TempDir()
	t.Setenv("KAFKA_HOME", home)
	jar := filepath.Join(home, "libs", "kafka_2.13-4.2.1-rc0.jar")
	if err := os.MkdirAll(filepath.Dir(jar), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(jar, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if f := findKafkaJars(); !f.Found || f.Version != "4.2.1-rc0" || f.Path != filepath.Join(home, "libs") || f.Remedy != "" {
		t.Errorf("%+v", f)
	}
}

// TestKafkaWrongSetting gives the broker a value that it does not take: what it says about it comes back, and nothing is left.
func TestKafkaWrongSetting(t *testing.T) {
	needTestKafka(t)
	dir := t.TempDir()
	_, err := Start(within(t, 60*time.Second), Spec{
		Kind: "kafka", Dir: dir, Server: map[string]string{"num.io.threads": "many"}, Logger: testLogger(t),
	})
	if err == nil || !strings.Contains(err.Error(), "num.io.threads") || !strings.Contains(err.Error(), "options.kafka.server") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "n1", "data")); !os.IsNotExist(err) {
		t.Errorf("the data are still there: %v", err)
	}
}

// TestKafkaCluster starts three nodes, and beside them a single one, the first time on a port that somebody else has. One of the three is
// killed and comes back; what was acked by a majority is there.
func TestKafkaCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster takes a while")
	}
	ctx := within(t, 5*time.Minute)
	c := startTestKafka(t, Spec{Nodes: 3})
	if c.Name() != "kafka:3" || len(c.Servers()) != 3 {
		t.Errorf("%s at %v", c.Name(), c.Servers())
	}
	squatted(t)
	client := kafkaClient(t, kgo.SeedBrokers(c.Servers()...), kgo.DefaultProduceTopic("orders"), kgo.MetadataMinAge(50*time.Millisecond))
	admin := kadm.NewClient(client)
	least := "2"
	if _, err := admin.CreateTopic(ctx, 1, 3, map[string]*string{"min.insync.replicas": &least}, "orders"); err != nil {
		t.Fatal(err)
	}
	produce := func() {
		t.Helper()
		if err := client.ProduceSync(ctx, kgo.StringRecord("order")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	produce()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	n2 := c.Nodes()[1]
	must(n2.Signal(ctx, faults.Kill))
	produce()
	must(c.Nodes()[0].Ready(ctx)) // those that run serve without it
	must(n2.Start(ctx))
	must(n2.Ready(ctx))
	produce()
	ends, err := admin.ListEndOffsets(ctx, "orders")
	if end, _ := ends.Lookup("orders", 0); err != nil || end.Offset != 3 {
		t.Errorf("%d messages, %v; want 3", end.Offset, err)
	}
}

// squatted starts a node on a port that is in use, and ends it on the one that it finds then.
func squatted(t *testing.T) {
	t.Helper()
	squatter, err := net.Listen("tcp", loopback(0))
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close() //nolint:errcheck // nothing was written
	tries := 0
	choose := func(n int) ([]int, error) {
		ports, err := freePorts(n)
		if tries++; tries == 1 && err == nil {
			ports[0] = squatter.Addr().(*net.TCPAddr).Port
		}
		return ports, err
	}
	beside, err := startKafka(within(t, 3*time.Minute), Spec{Kind: "kafka", Nodes: 1, Dir: t.TempDir(), Logger: testLogger(t)}, choose)
	if err != nil {
		t.Fatal(err)
	}
	if err := beside.Close(within(t, 30*time.Second)); err != nil {
		t.Error(err)
	}
	if tries != 2 {
		t.Errorf("%d tries", tries)
	}
}
