package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/faults"
	"ordeal/faults/pid"
)

// needTestRabbitMQ skips where RabbitMQ is not installed, and fails under CI.
func needTestRabbitMQ(t *testing.T) {
	t.Helper()
	if _, _, err := needRabbitMQ(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// startTestRabbitMQ starts a cluster that is closed when the test ends, and checks that nothing is left of it then.
func startTestRabbitMQ(t *testing.T, spec Spec) *rabbitmq {
	t.Helper()
	needTestRabbitMQ(t)
	if spec.Dir == "" {
		spec.Dir = t.TempDir()
	}
	spec.Kind, spec.Logger = "rabbitmq", testLogger(t)
	began := time.Now()
	started, err := Start(within(t, 2*time.Minute), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s %s serves after %v", started.Name(), started.Version(), time.Since(began).Round(time.Millisecond))
	c := started.(*rabbitmq)
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
		for _, n := range c.nodes {
			if _, err := os.Stat(n.store); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("data of %s are left: %v", n.name, err)
			}
		}
	})
	return c
}

// rabbitmqChannel is a channel of a plain client of one node.
func rabbitmqChannel(t *testing.T, address string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.Dial("amqp://guest:guest@" + address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) //nolint:errcheck // its node may be gone
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func TestRabbitMQ(t *testing.T) {
	if testing.Short() {
		t.Skip("a node takes a while")
	}
	t.Parallel()
	c := startTestRabbitMQ(t, Spec{Server: map[string]string{"heartbeat": "7"}})
	conf, err := os.ReadFile(filepath.Join(c.nodes[0].home, "rabbitmq.conf"))
	if err != nil || !strings.Contains(string(conf), "heartbeat = 7\n") {
		t.Errorf("the scenario's setting is not in the configuration: %v\n%s", err, conf)
	}
	if c.Name() != "rabbitmq" || c.Version() == "" || c.Facts()["rabbitmq settings"] != "heartbeat: 7" || len(c.Logs()) != 2 {
		t.Errorf("name %q, version %q, facts %v", c.Name(), c.Version(), c.Facts())
	}
	n := c.Nodes()[0]
	ch := rabbitmqChannel(t, n.Address())
	if _, err := ch.QueueDeclare("kept", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}

	ctx := within(t, 3*time.Minute)
	before, err := n.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if comm, err := os.ReadFile("/proc/" + strconv.Itoa(before.PID) + "/comm"); err == nil && strings.TrimSpace(string(comm)) != "beam.smp" {
		t.Errorf("process %d is not the broker but %s", before.PID, comm)
	}
	if err := n.Signal(ctx, faults.Kill); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := n.Status(ctx)
	if err != nil || after.PID == before.PID {
		t.Errorf("after a restart: %+v, %v", after, err)
	}
	// RabbitMQ 3.10 writes what it knows of queues a moment after it has confirmed them, so only a polite end tells about the data.
	if _, err := rabbitmqChannel(t, n.Address()).QueueDeclare("kept", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := n.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := rabbitmqChannel(t, n.Address()).QueueDeclarePassive("kept", true, false, false, false, nil); err != nil {
		t.Errorf("the restarted node does not have its data: %v", err)
	}
}

func TestRabbitMQCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster takes a while")
	}
	t.Parallel()
	c := startTestRabbitMQ(t, Spec{Nodes: 3})
	args := amqp.Table{"x-queue-type": "quorum", "x-quorum-initial-group-size": int32(3)}
	if _, err := rabbitmqChannel(t, c.nodes[0].address).QueueDeclare("q", true, false, false, false, args); err != nil {
		t.Fatal(err)
	}
	ctx := within(t, 3*time.Minute)
	if err := c.nodes[0].Signal(ctx, faults.Pause); err != nil {
		t.Fatal(err)
	}
	unready, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := c.nodes[0].Ready(unready); err == nil {
		t.Error("a paused node is ready")
	}
	if err := c.nodes[0].Signal(ctx, faults.Resume); err != nil {
		t.Fatal(err)
	}
	if err := c.nodes[0].Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := rabbitmqChannel(t, c.nodes[1].address).QueueDeclare("q", true, false, false, false, args); err != nil {
		t.Errorf("two of three nodes do not serve: %v", err)
	}
	if err := c.nodes[0].Start(ctx); err != nil {
		t.Fatal(err)
	}
	if !c.formsItself() {
		if err := c.nodes[2].eval(ctx, startAnew); err != nil {
			t.Error(err)
		}
		if err := c.nodes[2].eval(ctx, "no_such_module:start()"); err == nil || !strings.Contains(err.Error(), "undef") {
			t.Errorf("what cannot be evaluated: %v", err)
		}
	}
	for _, n := range c.nodes {
		if err := n.Ready(ctx); err != nil {
			t.Error(err)
		}
	}
}

func TestRabbitMQPortInUse(t *testing.T) {
	needTestRabbitMQ(t)
	t.Parallel()
	offers := 0
	spec := Spec{Kind: "rabbitmq", Nodes: 1, Dir: t.TempDir(), Logger: testLogger(t)}
	c, err := startRabbitMQ(within(t, 2*time.Minute), spec, func(n int) ([]int, error) {
		offers++
		for {
			ports, err := rabbitmqPorts(n)
			if err != nil || offers > 1 {
				return ports, err
			}
			l, err := net.Listen("tcp", loopback(ports[1]))
			switch {
			case err == nil:
				t.Cleanup(func() { l.Close() }) //nolint:errcheck // it was only in the way
				return ports, nil
			case !errors.Is(err, syscall.EADDRINUSE): // else a cluster of another test has chosen it before, and listens now
				return nil, err
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(within(t, time.Minute)) //nolint:errcheck // closing is tested elsewhere
	if offers < 2 {
		t.Errorf("started with a port that is in use")
	}
}

func TestRabbitMQRefusals(t *testing.T) {
	conf := rabbitmqConf{settings: map[string]string{"listeners.tcp.1": "0.0.0.0:5672", "heartbeat": "1\n2", "channel_max": "100"}}
	_, err := conf.all()
	for _, want := range []string{"listeners.tcp.1: ordeal sets this one itself", "heartbeat: it must be one line"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "channel_max") {
			t.Errorf("want %q, got %v", want, err)
		}
	}

	t.Setenv("RABBITMQ_HOME", t.TempDir())
	_, err = Start(t.Context(), Spec{Kind: "rabbitmq", Dir: t.TempDir(), Logger: testLogger(t)})
	if err == nil || !strings.Contains(err.Error(), "apt-get install rabbitmq-server") {
		t.Errorf("without an installation: %v", err)
	}
}

// The environment and the data of a node in another root are those that it sees there.
func TestRabbitMQRoot(t *testing.T) {
	root := t.TempDir()
	home := filepath.Join(root, "usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5/sbin")
	if err := os.MkdirAll(home, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "rabbitmq-env"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("RABBITMQ_HOME", "")
	t.Setenv("RABBITMQ_ROOT", root)
	server, place := findRabbitMQServer()
	if server.Found != (os.Geteuid() == 0) || server.Found == (server.Remedy != "") || server.Version != "4.0.5" || place.home != "/usr/lib/rabbitmq/lib/rabbitmq_server-4.0.5" {
		t.Fatalf("%+v, %+v", server, place)
	}
	if got := place.inside("/data/run", "n1"); got != "/mnt/ordeal/n1" {
		t.Errorf("the node's folder is %s", got)
	}
	command := strings.Join(place.command("/data/run", []string{"A=b"}, "rabbitmq-server"), " ")
	end := " " + root + " /data/run env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin A=b rabbitmq-server"
	if !strings.HasPrefix(command, "unshare -m ") || !strings.HasSuffix(command, end) {
		t.Errorf("command: %s", command)
	}
}
