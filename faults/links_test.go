package faults

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// rig lends connections to a listener on the loopback interface.
type rig struct {
	t        testing.TB
	links    *Links
	listener net.Listener
}

func newRig(t testing.TB) *rig {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, links: NewLinks(7), listener: listener}
	r.links.NameNodes(func(addr string) string {
		if addr == listener.Addr().String() {
			return "n1"
		}
		return ""
	})
	t.Cleanup(func() { r.links.Close(); _ = listener.Close() })
	return r
}

// pair is a lent connection and the broker's end of it.
func (r *rig) pair(c Client) (client, broker net.Conn) {
	r.t.Helper()
	client, err := r.links.Dialer(c)(context.Background(), "tcp", r.listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	broker, err = r.listener.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = client.Close(); _ = broker.Close() })
	limit := time.Now().Add(20 * time.Second) // a test that hangs must fail
	if err := errors.Join(client.SetDeadline(limit), broker.SetDeadline(limit)); err != nil {
		r.t.Fatal(err)
	}
	return client, broker
}

var (
	producer = Client{Role: Producer, Name: "checkout-1"}
	consumer = Client{Role: Consumer, Name: "payment-1"}
	everyone = mustSelect("all")
)

func mustSelect(s string) Selector {
	selector, err := ParseSelector(s)
	if err != nil {
		panic(err)
	}
	return selector
}

func say(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatalf("write %q: %v", text, err)
	}
}

func hear(t testing.TB, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

// silent asserts that nothing is to be read, by a deadline that it takes away again.
func silent(t testing.TB, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	n, err := c.Read(make([]byte, 10))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v; want the deadline to pass", n, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
}

// await polls for a condition that nothing else announces.
func await(t testing.TB, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		if condition() {
			return
		}
		<-tick.C
	}
	t.Fatal("waited in vain")
}

func TestSelectors(t *testing.T) {
	for _, c := range []struct {
		selector string
		want     []string
	}{
		{"all", []string{"checkout-1", "checkout-12", "checkout-eu-1", "payment-1"}},
		{"producers", []string{"checkout-1", "checkout-12", "checkout-eu-1"}},
		{"consumers", []string{"payment-1"}},
		{"checkout", []string{"checkout-1", "checkout-12"}},
		{"checkout-1", []string{"checkout-1"}},
		{"checkout-eu", []string{"checkout-eu-1"}},
		{"node(n2)", []string{"payment-1"}},
		{"node( n1 )", []string{"checkout-1", "checkout-12", "checkout-eu-1"}},
		{"admin", nil}, // also by its name: ordeal needs it
		{"nobody", nil},
	} {
		selector, err := ParseSelector(c.selector)
		if err != nil {
			t.Errorf("%s: %v", c.selector, err)
			continue
		}
		var got []string
		for _, client := range []struct {
			Client
			node string
		}{
			{Client{Producer, "checkout-1"}, "n1"},
			{Client{Producer, "checkout-12"}, "n1"},
			{Client{Producer, "checkout-eu-1"}, "n1"},
			{Client{Consumer, "payment-1"}, "n2"},
			{Client{Admin, "admin"}, "n2"},
		} {
			if selector.matches(client.Client, client.node) {
				got = append(got, client.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s chooses %v; want %v", c.selector, got, c.want)
		}
	}
	for _, bad := range []string{"", "leader(orders)", "node()", "node(a b)", "a,b", "-x"} {
		if _, err := ParseSelector(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestLatencyDelaysBothWaysAndKeepsOrder(t *testing.T) {
	r := newRig(t)
	client, broker := r.pair(producer)
	const delay = 60 * time.Millisecond
	a := r.links.Apply(everyone, Effect{Delay: delay, Jitter: delay / 2})
	for _, way := range []struct{ from, to net.Conn }{{client, broker}, {broker, client}} {
		begin := time.Now()
		for i := range 20 {
			say(t, way.from, string(rune('a'+i)))
		}
		hear(t, way.to, "a")
		if took := time.Since(begin); took < delay/2 {
			t.Errorf("the first byte took %v; want at least the delay less its jitter", took)
		}
		hear(t, way.to, "bcdefghijklmnopqrst")
	}
	a.Lift()
	if s := a.Stats(); s.Delayed != 40 || s.Connections != 1 || s.Calls < 2 {
		t.Errorf("stats %+v; want 40 bytes delayed on 1 connection", s)
	}
	say(t, client, "x")
	hear(t, broker, "x")
	if s := a.Stats(); s.Delayed != 40 {
		t.Errorf("after it was lifted %d bytes were delayed; want no more than 40", s.Delayed)
	}
}

func TestLatencyTakesNoBandwidth(t *testing.T) {
	r := newRig(t)
	client, broker := r.pair(producer)
	defer r.links.Apply(everyone, Effect{Delay: 500 * time.Millisecond, Direction: Sending}).Lift()
	const size = 8 << 20 // with one delay for every 64 KiB the deadline of a pair, 20 s, would pass three times
	go func() { _, _ = client.Write(make([]byte, size)) }()
	if _, err := io.ReadFull(broker, make([]byte, size)); err != nil {
		t.Fatal(err)
	}
}

func TestDirectionIsKept(t *testing.T) {
	r := newRig(t)
	client, broker := r.pair(producer)
	a := r.links.Apply(everyone, Effect{Hole: Stall, Direction: Receiving})
	say(t, client, "there")
	hear(t, broker, "there")
	say(t, broker, "back")
	silent(t, client)
	a.Lift()
	hear(t, client, "back")
}

func TestStallLosesNothing(t *testing.T) {
	r := newRig(t)
	client, broker := r.pair(producer)
	heard := make(chan error, 1)
	got := make([]byte, 8)
	go func() { // waits in the kernel when the effect begins
		_, err := io.ReadFull(client, got)
		heard <- err
	}()
	a := r.links.Apply(everyone, Effect{Hole: Stall})
	say(t, client, "question")
	say(t, broker, "answered")
	silent(t, broker)
	select {
	case err := <-heard:
		t.Fatalf("the client heard %q, %v during the stall", got, err)
	default:
	}
	if cut := a.Lift(); len(cut) > 0 {
		t.Errorf("a stall cut %v", cut)
	}
	hear(t, broker, "question")
	if err := <-heard; err != nil || string(got) != "answered" {
		t.Fatalf("heard %q, %v", got, err)
	}
	if s := a.Stats(); s.Held != 16 || s.Dropped != 0 || s.Resets != 0 {
		t.Errorf("stats %+v; want 16 bytes held", s)
	}
}

func TestStallPushesBack(t *testing.T) {
	r := newRig(t)
	client, broker := r.pair(producer)
	a := r.links.Apply(everyone, Effect{Hole: Stall, Direction: Sending})
	_ = client.SetWriteDeadline(time.Now().Add(30 * time.Millisecond))
	n, err := client.Write(make([]byte, 4*stalledLimit))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n != stalledLimit {
		t.Fatalf("wrote %d, %v; want %d bytes taken and then the deadline", n, err, stalledLimit)
	}
	a.Lift()
	if _, err := io.ReadFull(broker, make([]byte, stalledLimit)); err != nil {
		t.Fatal(err)
	}
}

func TestDropResetsWhatLostBytes(t *testing.T) {
	r := newRig(t)
	loser, loserBroker := r.pair(producer)
	idle, idleBroker := r.pair(consumer)
	a := r.links.Apply(everyone, Effect{Hole: Drop})
	say(t, loser, "into the void")
	silent(t, loserBroker)
	silent(t, loser)
	if cut := a.Lift(); !slices.Equal(cut, []string{"checkout-1"}) {
		t.Errorf("cut %v; want checkout-1 alone", cut)
	}
	if s := a.Stats(); s.Dropped != 13 || s.Resets != 1 {
		t.Errorf("stats %+v; want 13 bytes dropped and 1 reset", s)
	}
	if _, err := loserBroker.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the broker of the loser reads %v; want a reset", err)
	}
	if _, err := loser.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the loser writes %v; want a reset", err)
	}
	say(t, idle, "alive")
	hear(t, idleBroker, "alive")
}

func TestEndOfStreamIsNotSeenThroughAHole(t *testing.T) {
	for _, hole := range []Hole{Stall, Drop} {
		r := newRig(t)
		client, broker := r.pair(producer)
		a := r.links.Apply(everyone, Effect{Hole: hole})
		_ = broker.Close()
		silent(t, client)
		a.Lift()
		_, err := client.Read(make([]byte, 1))
		if hole == Stall && !errors.Is(err, io.EOF) || hole == Drop && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("hole %d: after it the client reads %v", hole, err)
		}
	}
}

func TestCloseIsNotHeardThroughAHole(t *testing.T) {
	r := newRig(t)
	client, broker := r.pair(producer)
	a := r.links.Apply(everyone, Effect{Hole: Stall})
	say(t, client, "last words")
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	silent(t, broker)
	a.Lift()
	hear(t, broker, "last words")
	if _, err := broker.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the broker reads %v; want the end", err)
	}
}

func TestCloseFlushesWhatIsDelayed(t *testing.T) {
	r := newRig(t)
	client, broker := r.pair(producer)
	defer r.links.Apply(everyone, Effect{Delay: 20 * time.Millisecond}).Lift()
	say(t, client, "last words")
	_ = client.Close()
	got, err := io.ReadAll(broker)
	if err != nil || string(got) != "last words" {
		t.Fatalf("the broker read %q, %v", got, err)
	}
}

func TestDialsWaitForTheHoleToBeLifted(t *testing.T) {
	r := newRig(t)
	a := r.links.Apply(mustSelect("node(n1)"), Effect{Hole: Drop})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := r.links.Dialer(producer)(ctx, "tcp", r.listener.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("dial: %v; want the context's end", err)
	}
	_, broker := r.pair(Client{Role: Admin, Name: "admin"}) // admin connections pass
	_ = broker.Close()
	done := make(chan struct{})
	go func() { defer close(done); r.pair(consumer) }()
	await(t, func() bool { return a.Stats().Dials == 2 })
	a.Lift()
	<-done
}

func TestNewConnectionsComeUnderTheEffect(t *testing.T) {
	r := newRig(t)
	a := r.links.Apply(everyone, Effect{Delay: 20 * time.Millisecond})
	defer a.Lift()
	begin := time.Now()
	client, broker := r.pair(producer)
	say(t, client, "x")
	hear(t, broker, "x")
	if took := time.Since(begin); took < 60*time.Millisecond {
		t.Errorf("handshake and a byte took %v; want 3 delays", took)
	}
}

func TestResetChoosesByTheSeed(t *testing.T) {
	chosen := func() []string {
		r := newRig(t)
		for i := range 10 {
			r.pair(Client{Role: Producer, Name: "checkout-" + string(rune('0'+i))})
		}
		_, admin := r.pair(Client{Role: Admin, Name: "admin"})
		cut := r.links.Reset(everyone, 0.3)
		if n := len(r.links.Reset(everyone, 1)); n != 7 {
			t.Errorf("%d left to reset; want 7", n)
		}
		silent(t, admin)
		return cut
	}
	first := chosen()
	if len(first) != 3 || !slices.Equal(first, chosen()) {
		t.Errorf("cut %v, then others", first)
	}
}

func TestResetFreesWaitingCalls(t *testing.T) {
	r := newRig(t)
	for _, hole := range []Hole{NoHole, Stall, Drop} {
		client, _ := r.pair(producer)
		a := r.links.Apply(everyone, Effect{Hole: hole, Delay: time.Hour})
		waiting := make(chan error, 1)
		go func() {
			_, err := client.Read(make([]byte, 1))
			waiting <- err
		}()
		if n := r.links.ResetClient("checkout-1"); n != 1 {
			t.Errorf("hole %d: %d connections reset; want 1", hole, n)
		}
		if err := <-waiting; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("hole %d: read: %v; want a reset", hole, err)
		}
		a.Lift()
	}
}

// Who has left is not waited for, whether it leaves before or meanwhile.
func TestReconnectedWithoutWhoLeft(t *testing.T) {
	l := NewLinks(1)
	l.Leave("checkout-1")
	done := make(chan error, 1)
	go func() { done <- l.Reconnected(t.Context(), []string{"checkout-1", "checkout-2"}) }()
	select {
	case err := <-done:
		t.Fatalf("checkout-2 is not waited for: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	l.Leave("checkout-2")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReconnected(t *testing.T) {
	r := newRig(t)
	r.pair(producer)
	cut := r.links.Reset(everyone, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.links.Reconnected(ctx, cut); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("reconnected: %v; want the context's end", err)
	}
	done := make(chan error, 1)
	go func() { done <- r.links.Reconnected(t.Context(), cut) }()
	r.pair(producer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestClosedLinksLendNothing(t *testing.T) {
	r := newRig(t)
	client, _ := r.pair(producer)
	r.links.Close()
	r.links.Close()
	if _, err := client.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("write: %v", err)
	}
	if _, err := r.links.Dialer(producer)(t.Context(), "tcp", r.listener.Addr().String()); !errors.Is(err, errLinksClosed) {
		t.Errorf("dial: %v", err)
	}
}

// TestBytesSurviveAnyEffectButDrop lets effects come and go while both sides talk: what arrives is what was sent.
func TestBytesSurviveAnyEffectButDrop(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t)
		client, broker := r.pair(producer)
		size := rapid.IntRange(1, 300_000).Draw(rt, "size")
		data := bytes.Repeat([]byte("ordeal keeps the order of bytes. "), size/32+1)[:size]
		chunk := rapid.IntRange(1, 70_000).Draw(rt, "chunk")
		done := make(chan error, 4)
		for _, way := range []struct{ from, to net.Conn }{{client, broker}, {broker, client}} {
			go func() {
				var err error
				for rest := data; len(rest) > 0 && err == nil; rest = rest[min(chunk, len(rest)):] {
					_, err = way.from.Write(rest[:min(chunk, len(rest))])
				}
				done <- err
			}()
			go func() {
				got := make([]byte, size)
				_, err := io.ReadFull(way.to, got)
				if err == nil && !bytes.Equal(got, data) {
					err = errors.New("other bytes than were sent")
				}
				done <- err
			}()
		}
		var inForce []*Applied
		for range rapid.IntRange(0, 6).Draw(rt, "effects") {
			inForce = append(inForce, r.links.Apply(everyone, Effect{
				Direction: rapid.SampledFrom([]Direction{BothWays, Sending, Receiving}).Draw(rt, "direction"),
				Delay:     time.Duration(rapid.IntRange(0, 3).Draw(rt, "ms")) * time.Millisecond,
				Jitter:    time.Duration(rapid.IntRange(0, 2).Draw(rt, "jitter")) * time.Millisecond,
				Hole:      rapid.SampledFrom([]Hole{NoHole, Stall}).Draw(rt, "hole"),
			}))
			if rapid.Bool().Draw(rt, "lift") {
				inForce[rapid.IntRange(0, len(inForce)-1).Draw(rt, "which")].Lift()
			}
		}
		for _, a := range inForce {
			a.Lift()
		}
		for range 4 {
			if err := <-done; err != nil {
				rt.Fatal(err)
			}
		}
		r.links.Close()
	})
}
