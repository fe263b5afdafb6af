package engine

import (
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ordeal/faults/socket"
	"ordeal/internal/measure"
)

// A flow whose messages take long, in a process that wakes often, is held; and whoever reads gets everything, also when it is over.
func TestCoalesce(t *testing.T) {
	var sockets socket.Coalescer
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
	flows := func() []Flow { return []Flow{{InFlight: 100_000, Settled: settled.Load()}} }
	longest, restore := Coalesce(&sockets, measure.NewClock(time.Now()), flows, slog.New(slog.DiscardHandler))
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
	if sockets.Holding() {
		t.Error("in the end it holds still")
	}
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

// sleepInKernel sleeps as no goroutine does: its thread waits, which counts as one wake-up of the process.
func sleepInKernel(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // a shorter one does as well
}
