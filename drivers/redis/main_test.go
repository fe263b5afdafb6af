package redis

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a redis-server process with a folder and a port of its own.
type node struct {
	testing.TB
	address, dir string
	args         []string
	process      *exec.Cmd
}

// program finds redis-server, or takes the one in REDIS_SERVER. Where it is missing a test is skipped, but not on CI, whose machine has to
// have it.
func program(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("REDIS_SERVER"); path != "" {
		return path
	}
	path, err := exec.LookPath("redis-server")
	if err == nil {
		return path
	}
	const remedy = "redis-server is not installed; get it with: apt-get install -y redis-server"
	if os.Getenv("CI") == "true" {
		t.Fatal(remedy)
	}
	t.Skip(remedy)
	return ""
}

// startNode starts a server without persistence, unless args say otherwise, and ends it with the test.
func startNode(t testing.TB, args ...string) *node {
	t.Helper()
	k := &node{TB: t, address: freeAddress(t), dir: t.TempDir(), args: args}
	k.start()
	t.Cleanup(k.kill)
	k.ready()
	return k
}

// startReplicas adds n replicas to primary and waits until they follow.
func startReplicas(t testing.TB, primary *node, n int, args ...string) []*node {
	t.Helper()
	host, port, err := net.SplitHostPort(primary.address)
	if err != nil {
		t.Fatal(err)
	}
	var replicas []*node
	for range n {
		replicas = append(replicas, startNode(t, append([]string{"--replicaof", host + " " + port}, args...)...))
	}
	primary.await(func(i info) bool { return i.online() == n })
	return replicas
}

func (k *node) start() {
	k.Helper()
	_, port, err := net.SplitHostPort(k.address)
	if err != nil {
		k.Fatal(err)
	}
	args := append([]string{
		"--port", port, "--bind", "127.0.0.1", "--dir", k.dir, "--save", "", "--repl-diskless-sync-delay", "0",
		"--repl-ping-replica-period", "1",
	}, k.args...)
	k.process = exec.Command(program(k.TB), args...)
	if err := k.process.Start(); err != nil {
		k.Fatal(err)
	}
}

func (k *node) kill() {
	k.process.Process.Kill() //nolint:errcheck // it may be gone already
	k.process.Wait()         //nolint:errcheck // killed
}

func (k *node) ready() {
	k.Helper()
	k.await(func(i info) bool { return i["loading"] == "0" })
}

// await waits until the server's INFO is as condition wants it.
func (k *node) await(condition func(info) bool) {
	k.Helper()
	eventually(k, func() error {
		l, err := k.dial()
		if err != nil {
			return err
		}
		defer l.close()
		i, err := readInfo(context.Background(), l)
		if err == nil && !condition(i) {
			err = fmt.Errorf("%s: %v", k.address, i)
		}
		return err
	})
}

func (k *node) dial() (*line, error) {
	set, err := New().settings(drivers.Config{})
	if err != nil {
		return nil, err
	}
	return (&access{env: drivertest.Env("admin"), set: set}).dialLine(context.Background(), k.address, controlBuffers())
}

// run makes the server do something.
func (k *node) run(words ...string) {
	k.Helper()
	l, err := k.dial()
	if err == nil {
		_, err = l.ask(context.Background(), words...)
		l.close()
	}
	if err != nil {
		k.Fatalf("%v: %v", words, err)
	}
}

// eventually repeats try until it succeeds.
func eventually(t testing.TB, try func() error) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its number is wanted
	return l.Addr().String()
}

// connect opens a session that is closed with the test.
func connect(t testing.TB, cfg drivers.Config) *session {
	t.Helper()
	return drivertest.Open(t, New(), cfg).(*session)
}
