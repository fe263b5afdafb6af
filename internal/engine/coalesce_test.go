package engine

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ordeal/faults/socket"
	"ordeal/internal/measure"
)

func TestRhythm(t *testing.T) {
	// One message is settled in each microsecond of a look, so as many are under way as a message takes microseconds.
	at := func(under time.Duration, waits int64) seen {
		return seen{inFlight: int64(under / time.Microsecond), settled: int64(lookLength / time.Microsecond), waits: waits, passed: lookLength}
	}
	many := int64(10_000)
	type step struct {
		seen seen
		want time.Duration
	}
	for name, steps := range map[string][]step{
		"the first look shows nothing":   {{at(32*time.Millisecond, many), 0}, {at(32*time.Millisecond, many), time.Millisecond}},
		"long ways":                      {{seen{}, 0}, {at(time.Second, many), pauseMost}},
		"short ways":                     {{seen{}, 0}, {at(7*time.Millisecond, many), 0}, {at(8*time.Millisecond, many), pauseLeast}},
		"few wake-ups":                   {{seen{}, 0}, {at(32*time.Millisecond, 299), 0}, {at(32*time.Millisecond, 300), time.Millisecond}},
		"nothing is settled":             {{seen{}, 0}, {seen{inFlight: 9, waits: many, passed: lookLength}, 0}},
		"nothing is settled any more":    {{seen{}, 0}, {at(time.Second, many), pauseMost}, {seen{inFlight: 9, waits: 1, passed: lookLength}, 0}},
		"ways get shorter, then longer":  {{seen{}, 0}, {at(time.Second, many), pauseMost}, {at(16*time.Millisecond, 1), 500 * time.Microsecond}, {at(time.Second, 1), 500 * time.Microsecond}},
		"ways get short":                 {{seen{}, 0}, {at(time.Second, many), pauseMost}, {at(time.Millisecond, 1), 0}, {at(time.Millisecond, many), 0}},
		"a scarce look beside a usual":   {{seen{}, 0}, {at(32*time.Millisecond, 0), 0}, {at(32*time.Millisecond, many), time.Millisecond}},
		"the window was never filled up": {{seen{}, 0}, {seen{settled: 5, waits: many, passed: lookLength}, 0}},
	} {
		var r rhythm
		for i, s := range steps {
			if got := r.next(s.seen); got != s.want {
				t.Errorf("%s, step %d: %s, want %s", name, i, got, s.want)
			}
		}
	}
}

// Now and then arrivals do not wait for one look, to see whether it is still worth it.
func TestRhythmLooksAgain(t *testing.T) {
	var r rhythm
	free := 0
	for range 10 * (looksHeld + 1) {
		waits := int64(100)
		if r.pause == 0 {
			waits, free = 10_000, free+1
		}
		r.next(seen{inFlight: 1000, settled: 1000, waits: waits, passed: lookLength})
	}
	if free < 10 || free > 12 {
		t.Errorf("%d looks without waiting in %d", free, 10*(looksHeld+1))
	}
}

// A flow whose messages take long, in a process that wakes often, is held; and whoever reads gets everything, also when it is over.
func TestCoalesce(t *testing.T) {
	var sockets socket.Coalescer
	if !sockets.Able() {
		t.Skip("arrivals cannot be held on this system")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	plain, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ours := sockets.Wrap(plain)
	var settled, got atomic.Int64
	flow := func() Flow { return Flow{InFlight: 100_000, Settled: settled.Load()} }
	longest, restore := Coalesce(&sockets, measure.NewClock(time.Now()), flow, slog.New(slog.DiscardHandler))
	var all sync.WaitGroup
	all.Go(func() {
		for p := make([]byte, 4096); ; {
			n, err := ours.Read(p)
			if err != nil {
				return
			}
			got.Add(int64(n))
		}
	})
	sent := int64(0)
	send := func() {
		sleepInKernel(50 * time.Microsecond)
		if _, err := theirs.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		sent++
		settled.Add(1)
	}
	for began := time.Now(); longest() == 0; {
		if send(); time.Since(began) > 30*time.Second {
			t.Fatal("what arrives waits for nothing")
		}
	}
	for range 1000 {
		send()
	}
	if d := longest(); d < pauseLeast || d > pauseMost {
		t.Errorf("it waits for %s", d)
	}
	restore()
	for range 10 {
		send()
	}
	for began := time.Now(); got.Load() != sent; time.Sleep(time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%d of %d bytes have come", got.Load(), sent)
		}
	}
	_ = theirs.Close()
	all.Wait()
	_ = ours.Close()
}
