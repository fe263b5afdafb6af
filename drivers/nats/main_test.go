package nats

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// serverConfig makes the test binary a nats-server: servers are processes of their own, so that they can be killed and paused, and
// their goroutines are not the driver's.
const serverConfig = "ORDEAL_TEST_NATS_CONFIG"

func TestMain(m *testing.M) {
	if config := os.Getenv(serverConfig); config != "" {
		if err := serve(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func serve(config string) error {
	options, err := server.ProcessConfigFile(config)
	if err != nil {
		return err
	}
	options.NoSigs = true
	s, err := server.NewServer(options)
	if err != nil {
		return err
	}
	s.Start()
	os.Stdin.Read(make([]byte, 1)) //nolint:errcheck // it ends with the test that holds the other end
	s.Shutdown()
	return nil
}

// node is a nats-server process.
type node struct {
	testing.TB
	name, client, monitor, config string
	process                       *exec.Cmd
}

// without, as what stands before the semicolon of startNodes, leaves JetStream out.
const without = "off"

// startNodes starts one server, or a cluster of n, with extra lines of configuration, and ends them with the test.
func startNodes(t testing.TB, n int, extra string) []*node {
	t.Helper()
	folder := t.TempDir()
	ports := freePorts(t, 3*n)
	var routes []string
	for i := range n {
		routes = append(routes, "nats://"+ports[3*i+2])
	}
	nodes := make([]*node, n)
	for i := range nodes {
		name := fmt.Sprintf("n%d", i+1)
		k := &node{TB: t, name: name, client: ports[3*i], monitor: ports[3*i+1], config: filepath.Join(folder, name+".conf")}
		jetstream, rest, _ := strings.Cut(extra, ";")
		text := fmt.Sprintf("server_name: %s\nlisten: %q\nhttp: %q\n%s\n", name, k.client, k.monitor, rest)
		if jetstream != without {
			text += fmt.Sprintf("jetstream { store_dir: %q\n%s\n}\n", filepath.Join(folder, name), jetstream)
		}
		if n > 1 {
			text += fmt.Sprintf("cluster { name: test, listen: %q, routes: [%s], ping_interval: \"1s\", ping_max: 2 }\n",
				ports[3*i+2], strings.Join(routes, ", "))
		}
		if err := os.WriteFile(k.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		nodes[i] = k
		k.start()
		t.Cleanup(k.kill)
	}
	for _, k := range nodes {
		k.ready()
	}
	return nodes
}

func (k *node) start() {
	k.Helper()
	k.process = exec.Command(os.Args[0])
	k.process.Env = append(os.Environ(), serverConfig+"="+k.config)
	if _, err := k.process.StdinPipe(); err != nil { // it ends when this process does
		k.Fatal(err)
	}
	k.process.Stderr = os.Stderr
	if err := k.process.Start(); err != nil {
		k.Fatal(err)
	}
}

func (k *node) kill() {
	k.process.Process.Kill() //nolint:errcheck // it may be gone already
	k.process.Wait()         //nolint:errcheck // killed
}

func (k *node) signal(s syscall.Signal) {
	k.Helper()
	if err := k.process.Process.Signal(s); err != nil {
		k.Fatal(err)
	}
}

// ready waits until the server takes clients.
func (k *node) ready() {
	k.Helper()
	eventually(k, 20*time.Second, func() error {
		conn, err := net.Dial("tcp", k.client) // it greets, or wants TLS first; who may come in is the test's matter
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// eventually repeats try until it succeeds.
func eventually(t testing.TB, patience time.Duration, try func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func freePorts(t testing.TB, n int) []string {
	t.Helper()
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // only its number is wanted; open till all are drawn, so that they differ
		out = append(out, l.Addr().String())
	}
	return out
}

func addresses(nodes []*node) (out []string) {
	for _, k := range nodes {
		out = append(out, k.client)
	}
	return out
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// connect opens a session that is closed with the test.
func connect(t testing.TB, options map[string]string, servers ...string) *session {
	t.Helper()
	return connectAs(t, drivers.Config{Servers: servers, Options: options})
}

func connectAs(t testing.TB, cfg drivers.Config) *session {
	t.Helper()
	return drivertest.Open(t, New(), cfg).(*session)
}
