package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ordeal/faults"
	"ordeal/faults/pid"
)

// connect is a plain client of one server.
func connect(t *testing.T, address string) jetstream.JetStream {
	t.Helper()
	conn, err := client.Connect("nats://"+address, client.NoReconnect(), client.IgnoreDiscoveredServers(), client.Timeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// TestOneNode takes a node through everything that faults do to it; an acked message survives it all.
func TestOneNode(t *testing.T) {
	ctx := within(t, 60*time.Second)
	c := start(t, Spec{})
	if c.Name() != "nats" || !strings.HasPrefix(c.Version(), "2.") || len(c.Servers()) != 1 || len(c.Logs()) != 1 {
		t.Errorf("cluster %s, version %s, servers %v, logs %v", c.Name(), c.Version(), c.Servers(), c.Logs())
	}
	n := c.Nodes()[0]
	if n.Name() != "n1" || n.Address() != c.Servers()[0] {
		t.Errorf("node %s at %s", n.Name(), n.Address())
	}
	stream := jetstream.StreamConfig{Name: "orders", Subjects: []string{"orders"}}
	js := connect(t, n.Address())
	if _, err := js.CreateStream(ctx, stream); err != nil {
		t.Fatal(err)
	}
	survives := func(want uint64) {
		t.Helper()
		js := connect(t, n.Address())
		s, err := js.Stream(ctx, "orders")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.CachedInfo().State.Msgs; got != want {
			t.Fatalf("the stream has %d messages; want %d", got, want)
		}
		if _, err := js.Publish(ctx, "orders", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	survives(0)
	ends := func(do func() error, exit string) {
		t.Helper()
		before := status(t, n)
		if !before.Running || before.Paused || before.PID == 0 || before.Since.IsZero() {
			t.Fatalf("before: %+v", before)
		}
		if err := do(); err != nil {
			t.Fatal(err)
		}
		if s := status(t, n); s.Running || s.PID != 0 || s.Exit != exit {
			t.Fatalf("after the end: %+v; want exit %q", s, exit)
		}
		if err := n.Ready(ctx); err == nil || !strings.Contains(err.Error(), "n1 is not running") {
			t.Errorf("ready: %v", err)
		}
		if err := n.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := n.Start(ctx); err == nil || !strings.Contains(err.Error(), "runs already") {
			t.Errorf("second start: %v", err)
		}
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		if s := status(t, n); s.PID == before.PID || !s.Running || s.Exit != exit {
			t.Errorf("after the start: %+v; want another process than %d", s, before.PID)
		}
	}
	ends(func() error { return n.Signal(ctx, faults.Kill) }, "signal: killed")
	survives(1)
	ends(func() error { return n.Stop(ctx) }, "exit status 0")
	survives(2)
	pauseAndResume(t, n)
	survives(3)
	ends(func() error { // a paused node hears a polite end too
		if err := n.Signal(ctx, faults.Pause); err != nil {
			return err
		}
		return n.Stop(ctx)
	}, "exit status 0")
	survives(4)
}

func status(t *testing.T, n faults.Node) faults.Status {
	t.Helper()
	s, err := n.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pauseAndResume(t *testing.T, n faults.Node) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	if err := n.Signal(ctx, faults.Pause); err != nil {
		t.Fatal(err)
	}
	await(t, "paused", func() bool { return status(t, n).Paused })
	if undo := n.UndoSignal(faults.Pause); !strings.HasPrefix(undo, "kill -CONT ") {
		t.Errorf("undo %q", undo)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := n.Ready(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ready while paused: %v", err)
	}
	if err := n.Signal(ctx, faults.Resume); err != nil {
		t.Fatal(err)
	}
	if err := n.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	if s := status(t, n); s.Paused || !s.Running {
		t.Errorf("after: %+v", s)
	}
}

func TestThreeNodes(t *testing.T) {
	ctx := within(t, 90*time.Second)
	c := start(t, Spec{Nodes: 3})
	if c.Name() != "nats:3" || len(c.Servers()) != 3 || len(slices.Compact(slices.Sorted(slices.Values(c.Servers())))) != 3 {
		t.Fatalf("cluster %s at %v", c.Name(), c.Servers())
	}
	js := connect(t, c.Servers()[0])
	// Ready means that the cluster can place a replicated stream at once.
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "orders", Subjects: []string{"orders"}, Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	await(t, "the stream takes a message", func() bool { // word of its subject may still be on the way between the nodes
		_, err := js.Publish(ctx, "orders", []byte("x"))
		return err == nil
	})
	n3 := c.Nodes()[2]
	if err := n3.Signal(ctx, faults.Kill); err != nil {
		t.Fatal(err)
	}
	if err := c.Nodes()[1].Ready(ctx); err != nil {
		t.Errorf("with n3 down, n2: %v", err)
	}
	if err := n3.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := n3.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	await(t, "n3 serves the stream again", func() bool {
		try, cancel := context.WithTimeout(ctx, time.Second) // while the stream has no leader nobody answers
		defer cancel()
		s, err := connect(t, n3.Address()).Stream(try, "orders")
		return err == nil && s.CachedInfo().State.Msgs == 1
	})
	pauseAndResume(t, c.Nodes()[0])
}

func TestClose(t *testing.T) {
	dir := t.TempDir()
	c := start(t, Spec{Nodes: 3, Dir: dir})
	children := processes(c)
	if err := c.Nodes()[0].Signal(t.Context(), faults.Pause); err != nil {
		t.Fatal(err)
	}
	if err := c.Nodes()[1].Signal(t.Context(), faults.Kill); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 { // the second has nothing to do
		if err := c.Close(ended); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range children {
		if state, err := p.State(); err != nil || state != pid.Gone {
			t.Errorf("process %d is %v, %v", p.PID, state, err)
		}
	}
	if err := c.Nodes()[1].Start(t.Context()); !errors.Is(err, errSpawnerClosed) {
		t.Errorf("start after Close: %v", err)
	}
	var left []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left = append(left, strings.TrimPrefix(path, dir+string(filepath.Separator)))
		}
		return err
	})
	want := []string{"n1/nats.conf", "n1/nats.log", "n2/nats.conf", "n2/nats.log", "n3/nats.conf", "n3/nats.log"}
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("left %v, %v; want %v", left, err, want)
	}
}

// TestLifeline is how a node learns of ordeal's end where the kernel does not tell it.
func TestLifeline(t *testing.T) {
	n := start(t, Spec{}).(*nats).nodes[0]
	l, err := n.current()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "the node ends", l.over)
	if s := status(t, n); s.Exit != "exit status 0" {
		t.Errorf("status %+v; want a polite end", s)
	}
}

// TestPortInUse offers ports of which one is in use, as often as taken says, and then free ones.
func TestPortInUse(t *testing.T) {
	busy, err := freePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", loopback(busy[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, c := range []struct {
		taken int
		fails bool
	}{{1, false}, {attempts, true}} {
		asked := 0
		spec := Spec{Kind: "nats", Nodes: 1, Dir: t.TempDir(), Logger: testLogger(t)}
		nodes, err := startNATS(within(t, 30*time.Second), spec, func(n int) ([]int, error) {
			if asked++; asked <= c.taken {
				return busy, nil
			}
			return freePorts(n)
		})
		if nodes != nil {
			if err := nodes.Close(within(t, 20*time.Second)); err != nil {
				t.Error(err)
			}
		}
		if c.fails != (err != nil) {
			t.Errorf("taken %d times: %v", c.taken, err)
		}
		if c.fails && (asked != attempts || !errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), strconv.Itoa(busy[0]))) {
			t.Errorf("after %d attempts: %v; want that port %d is taken", asked, err, busy[0])
		}
	}
}

func TestStrangerIsNotMistakenForTheNode(t *testing.T) {
	one := start(t, Spec{}).(*nats).nodes[0]
	two := start(t, Spec{}).(*nats).nodes[0]
	two.monitor = one.monitor
	if err := two.probe(t.Context()); err == nil || !strings.Contains(err.Error(), "somebody else's nats-server") {
		t.Errorf("probe of a stranger: %v", err)
	}
}

func TestBrokerThatDiesWhileStarting(t *testing.T) {
	// Its configuration can be read, but not used.
	spec := Spec{Kind: "nats", Dir: t.TempDir(), Server: map[string]string{"log_file": t.TempDir()}, Logger: testLogger(t)}
	_, err := Start(within(t, 20*time.Second), spec)
	if !errors.Is(err, errDied) || !strings.Contains(err.Error(), "is a directory") || !strings.Contains(err.Error(), "options.nats.server") {
		t.Errorf("start: %v; want that it died, with its last words and what to do", err)
	}
}

func TestCancelWhileStarting(t *testing.T) {
	for _, limit := range []time.Duration{0, 5 * time.Millisecond, 60 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		c, err := Start(ctx, Spec{Kind: "nats", Nodes: 3, Dir: t.TempDir(), Logger: testLogger(t)})
		cancel()
		if err == nil { // it was fast enough
			err = errors.Join(context.DeadlineExceeded, c.Close(within(t, 20*time.Second)))
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("start within %v: %v", limit, err)
		}
	}
}

func TestSpecErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Kind: "carrier-pigeon"}, "cannot start this kind"},
		{Spec{Kind: "nats", Nodes: 2}, "no majority"},
		{Spec{Kind: "nats", Nodes: -1}, "-1 nodes cannot be started"},
		{Spec{Kind: "nats", Dir: filepath.Join(file, "below")}, "not a directory"},
		{Spec{Kind: "nats", Server: map[string]string{"listen": "x", "gateway.name": "y"}}, "gateway.name: not a setting of nats-server"},
		{Spec{Kind: "nats", Server: map[string]string{"listen": "x"}}, "listen: ordeal sets this one itself"},
		{Spec{Kind: "nats", Server: map[string]string{"max_paylod": "1MB"}}, "max_paylod"},
		{Spec{Kind: "nats", Server: map[string]string{"sync_interval": "sometimes"}}, "sometimes"},
	} {
		if c.spec.Dir == "" {
			c.spec.Dir = t.TempDir()
		}
		c.spec.Logger = testLogger(t)
		if _, err := Start(t.Context(), c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %q", c.spec, err, c.want)
		}
	}
}

func TestServerSettingsReachTheBroker(t *testing.T) {
	c := start(t, Spec{Server: map[string]string{
		"sync_interval": "always", "max_payload": "1MB", "jetstream.max_file_store": "2GB", "debug": "true",
	}})
	var v struct {
		MaxPayload int `json:"max_payload"`
		JetStream  struct {
			Config struct {
				SyncAlways bool  `json:"sync_always"`
				MaxStore   int64 `json:"max_storage"`
			} `json:"config"`
		} `json:"jetstream"`
	}
	if err := c.(*nats).nodes[0].get(t.Context(), "/varz", &v); err != nil {
		t.Fatal(err)
	}
	if v.MaxPayload != 1<<20 || !v.JetStream.Config.SyncAlways || v.JetStream.Config.MaxStore != 2<<30 {
		t.Errorf("the broker says %+v", v)
	}
	if got := c.Facts()["nats-server settings"]; !strings.Contains(got, "sync_interval: always") {
		t.Errorf("facts say %q", got)
	}
}

func TestExternal(t *testing.T) {
	c := NewExternal("nats://host:4222", []string{"host:4222"})
	if c.Name() != "nats://host:4222" || len(c.Nodes()) != 0 || !slices.Equal(c.Servers(), []string{"host:4222"}) {
		t.Errorf("external %v", c)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
