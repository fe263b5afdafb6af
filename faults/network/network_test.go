package network_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordeal/drivers"
	"ordeal/faults"
	"ordeal/faults/network"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a broker that says back what it hears, and a target with one node, n1.
type echo struct {
	t        *testing.T
	links    *faults.Links
	listener net.Listener
	noNodes  bool
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{t: t, links: faults.NewLinks(3), listener: listener}
	e.links.NameNodes(func(string) string { return "n1" })
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { _, _ = io.Copy(c, c); _ = c.Close() })
		}
	})
	t.Cleanup(func() { e.links.Close(); _ = listener.Close(); all.Wait() })
	return e
}

func (e *echo) dial(c faults.Client) net.Conn {
	e.t.Helper()
	conn, err := e.links.Dialer(c)(e.t.Context(), "tcp", e.listener.Addr().String())
	if err != nil {
		e.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// talk says something and hears it back.
func talk(c net.Conn) error {
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 5))
	return err
}

type node struct{ faults.Node }

func (node) Name() string { return "n1" }

func (e *echo) Name() string                               { return "test" }
func (e *echo) Links() *faults.Links                       { return e.links }
func (e *echo) Serving(context.Context, faults.Node) error { return nil }
func (e *echo) Rand() *rand.Rand                           { return rand.New(rand.NewPCG(1, 1)) }
func (e *echo) Logger() *slog.Logger                       { return slog.New(slog.DiscardHandler) }
func (e *echo) Nodes() []faults.Node {
	if e.noNodes {
		return nil
	}
	return []faults.Node{node{}}
}

func (e *echo) Resolve(_ context.Context, s string) ([]faults.Node, error) {
	if s != "leader(orders)" {
		return nil, errors.New("not asked for")
	}
	return e.Nodes(), nil
}

// under runs a fault, and lets do do its work while it is in effect.
func (e *echo) under(kind faults.Kind, selector string, options map[string]string, do, after func()) faults.Record {
	e.t.Helper()
	resolved, err := drivers.Resolve(kind.Options, options)
	if err != nil {
		e.t.Fatal(err)
	}
	ledger, err := faults.NewLedger(filepath.Join(e.t.TempDir(), "undo.json"))
	if err != nil {
		e.t.Fatal(err)
	}
	spec := faults.Spec{Kind: kind.Name, Target: selector, Options: resolved, For: time.Hour}
	fault := kind.New(spec)
	if err := fault.Check(e.t.Context(), e); err != nil {
		e.t.Fatal(err)
	}
	if !fault.Needs().Connections || fault.Needs().Processes {
		e.t.Errorf("%s needs %+v", kind.Name, fault.Needs())
	}
	// The fault is cut short when do has returned; only then is it lifted, so health is waited for here.
	ctx, cancel := context.WithCancel(e.t.Context())
	defer cancel()
	epoch := time.Now()
	g := faults.NewGuard(ledger, e.Logger(), func() int64 { return int64(time.Since(epoch)) + 1 })
	active := make(chan struct{})
	g.Changed = func(r faults.Record) {
		if r.State == faults.Active {
			close(active)
		}
	}
	done := make(chan faults.Record, 1)
	go func() { done <- g.Run(ctx, spec, fault, e) }()
	select {
	case <-active:
		do()
	case r := <-done:
		return r
	}
	cancel()
	r := <-done
	if after != nil {
		after()
	}
	return r
}

var client = faults.Client{Role: faults.Producer, Name: "checkout-1"}

func TestLatency(t *testing.T) {
	e := newEcho(t)
	c := e.dial(client)
	const delay = 30 * time.Millisecond
	r := e.under(network.Latency(), "producers", map[string]string{"delay": "30ms"}, func() {
		begin := time.Now()
		if err := talk(c); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took < 2*delay {
			t.Errorf("a round trip took %v; want at least %v", took, 2*delay)
		}
	}, nil)
	if !r.Evidence.Bit || r.Evidence.Facts["bytes delayed"] != "10" || r.Resolved != "producers: checkout-1" || !r.Undone || r.Err != nil {
		t.Errorf("record %+v", r)
	}
}

func TestLatencyInOneDirection(t *testing.T) {
	e := newEcho(t)
	c := e.dial(client)
	r := e.under(network.Latency(), "leader(orders)", map[string]string{"direction": "send", "jitter": "1ms"}, func() {
		if err := talk(c); err != nil {
			t.Error(err)
		}
	}, nil)
	if !r.Evidence.Bit || r.Evidence.Facts["bytes delayed"] != "5" || r.Resolved != "node(n1): checkout-1" {
		t.Errorf("record %+v", r)
	}
}

func TestBlackholeThatDrops(t *testing.T) {
	e := newEcho(t)
	c := e.dial(client)
	r := e.under(network.Blackhole(), "node(n1)", nil, func() {
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Error(err)
		}
	}, func() {
		if err := talk(c); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("afterwards: %v; want a reset", err)
		}
	})
	f := r.Evidence.Facts
	if !r.Evidence.Bit || f["bytes dropped"] != "5" || f["connections reset"] != "1" {
		t.Errorf("record %+v", r)
	}
}

func TestBlackholeThatStalls(t *testing.T) {
	e := newEcho(t)
	c := e.dial(client)
	r := e.under(network.Blackhole(), "all", map[string]string{"mode": "stall"}, func() {
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Error(err)
		}
	}, func() {
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
	if f := r.Evidence.Facts; !r.Evidence.Bit || f["bytes held"] != "5" || f["bytes dropped"] != "0" || f["connections reset"] != "0" {
		t.Errorf("record %+v", r)
	}
}

func TestWithoutTrafficNothingBit(t *testing.T) {
	for _, kind := range []faults.Kind{network.Latency(), network.Blackhole()} {
		e := newEcho(t)
		r := e.under(kind, "all", nil, func() {}, nil)
		if r.Evidence.Bit || r.Evidence.Why != "no connection was open, and none was dialled" {
			t.Errorf("%s with nobody: %+v", kind.Name, r.Evidence)
		}
		e.dial(client)
		r = e.under(kind, "all", nil, func() {}, nil)
		if r.Evidence.Bit || r.Evidence.Why != "1 connection was open, and no byte passed" {
			t.Errorf("%s with an idle connection: %+v", kind.Name, r.Evidence)
		}
	}
	e := newEcho(t)
	r := e.under(network.Reset(), "all", nil, func() {}, nil)
	if r.Evidence.Bit || r.State != faults.Broken || !r.Undone || !strings.Contains(r.Err.Error(), "all chooses no open connection now") {
		t.Errorf("reset with nobody: %+v", r)
	}
}

func TestResetOnce(t *testing.T) {
	e := newEcho(t)
	connections := map[net.Conn]bool{}
	for range 4 {
		connections[e.dial(client)] = true
	}
	torn := 0
	r := e.under(network.Reset(), "checkout", map[string]string{"share": "50%"}, func() {
		for c := range connections {
			if err := talk(c); errors.Is(err, syscall.ECONNRESET) {
				torn++
			}
		}
	}, nil)
	if torn != 2 || !r.Evidence.Bit || r.Evidence.Facts["connections reset"] != "2" || r.Evidence.Facts["clients"] != "checkout-1" {
		t.Errorf("torn %d, record %+v; want 2 of 4", torn, r)
	}
}

func TestResetAgainAndAgain(t *testing.T) {
	e := newEcho(t)
	r := e.under(network.Reset(), "all", map[string]string{"every": "2ms"}, func() {
		for range 3 { // each new connection is torn too
			c := e.dial(client)
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("read: %v; want a reset", err)
			}
		}
	}, func() {
		if err := talk(e.dial(client)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
	if !r.Evidence.Bit || r.Evidence.Facts["connections reset"] != "3" || !r.Undone {
		t.Errorf("record %+v", r)
	}
}

func TestSettledWaitsForReconnection(t *testing.T) {
	e := newEcho(t)
	e.dial(client)
	recovery, err := network.Reset().New(faults.Spec{Target: "all", Options: drivers.Options{"share": "100%"}}).Inject(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := recovery.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := recovery.Settled(short); err == nil || !strings.Contains(err.Error(), "checkout-1 not connected again") {
		t.Errorf("settled: %v", err)
	}
	e.dial(client)
	if err := recovery.Settled(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	e := newEcho(t)
	for _, kind := range []faults.Kind{network.Latency(), network.Blackhole(), network.Reset()} {
		for selector, want := range map[string]string{
			"all": "", "checkout": "", "node(n1)": "", "leader(orders)": "", "follower(orders)": "",
			"node(n2)": `target test has no node "n2"`, "voter(orders)": "chooses no connections; use all, producers",
		} {
			err := kind.New(faults.Spec{Target: selector}).Check(t.Context(), e)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s on %s: %v; want %q", kind.Name, selector, err, want)
			}
		}
	}
	e.noNodes = true
	err := network.Reset().New(faults.Spec{Target: "leader(orders)"}).Check(t.Context(), e)
	if err == nil || !strings.Contains(err.Error(), "network.reset on leader(orders) is not possible here: target test knows no nodes") {
		t.Errorf("without nodes: %v", err)
	}
}
