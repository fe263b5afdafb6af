package ending

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// readEnd is a connection that is read under a Reads, with its other end.
type readEnd struct {
	Reads
	far net.Conn
}

func newReadEnd(t *testing.T) *readEnd {
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	return &readEnd{Reads: Reads{Conn: near}, far: far}
}

// receive reads a byte for a call with ctx; with a patience it waits no longer than that.
func (e *readEnd) receive(ctx context.Context, patience time.Duration) error {
	if err := e.Enter(ctx); err != nil {
		return err
	}
	defer e.Leave()
	if patience > 0 {
		e.Until(time.Now().Add(patience))
	}
	if _, err := e.Conn.Read(make([]byte, 1)); err != nil {
		if ended := e.Ended(err); ended != nil {
			return ended
		}
		return err
	}
	return nil
}

// later runs f in a goroutine and returns where its error comes to.
func later(f func() error) <-chan error {
	given := make(chan error, 1)
	go func() { given <- f() }()
	return given
}

// TestReadsEnd reads with contexts that end and times that come, in any order: each read ends for the first reason there is, and what was
// interrupted before does not interrupt what comes after.
func TestReadsEnd(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		const contexts = 3
		plan := rapid.SliceOfN(rapid.SampledFrom([]string{"byte", "byte in time", "late byte", "end", "end another", "lapse"}), 0, 30).Draw(r, "plan")
		with := rapid.SliceOfN(rapid.IntRange(0, contexts-1), len(plan), len(plan)).Draw(r, "with")
		var failed string
		synctest.Test(t, func(t *testing.T) { failed = reading(t, contexts, plan, with) })
		if failed != "" {
			r.Fatal(failed)
		}
	})
}

// reading has what the plan says happen to one read after the other, each with the context of its number, and tells what went wrong.
func reading(t *testing.T, contexts int, plan []string, with []int) string {
	e := newReadEnd(t)
	ctxs, cancels := manyContexts(t, contexts)
	limited, last := false, -1 // whether a limit holds, for calls with the last context
	for step, what := range plan {
		i := with[step]
		over := ctxs[i].Err() != nil
		if !over && last != i {
			limited, last = false, i
		}
		var patience time.Duration
		if !over && (what == "byte in time" || what == "lapse") {
			patience, limited = time.Second, true
		}
		var want error
		switch {
		case over || what == "end":
			want = context.Canceled
		case limited && (what == "late byte" || what == "lapse"):
			want, limited = ErrLapsed, false
		}
		given := later(func() error { return e.receive(ctxs[i], patience) })
		synctest.Wait()
		switch {
		case over:
		case what == "end":
			cancels[i]()
		case what == "lapse" || what == "late byte":
			time.Sleep(2 * time.Second)
		case what == "end another":
			another := (i + 1) % contexts
			cancels[another]()
			e.over(ctxs[another]) // as what is left of it may at any time
		}
		synctest.Wait()
		if len(given) == 0 {
			e.far.Write([]byte{1})
		}
		if got := <-given; !errors.Is(got, want) || (got == nil) != (want == nil) {
			return fmt.Sprintf("step %d, %s with context %d: %v, want %v", step, what, i, got, want)
		}
	}
	return ""
}

// TestReadsClose closes under a reader and before another: neither reads on, and who closes has the turn and a connection that is whole.
func TestReadsClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newReadEnd(t)
		under := later(func() error { return e.receive(t.Context(), 0) })
		synctest.Wait()
		if e.Closed() {
			t.Error("closed from the start")
		}
		e.Close()
		behind := later(func() error { return e.receive(t.Context(), 0) })
		if err := <-under; !errors.Is(err, ErrClosed) || !e.Closed() {
			t.Errorf("a read under way: %v; closed: %v", err, e.Closed())
		}
		if e.turn.TryLock() {
			t.Fatal("nobody has the turn")
		}
		e.Until(time.Now().Add(time.Hour)) // must not undo the interruption
		if _, err := e.Conn.Read(make([]byte, 1)); err == nil {
			t.Error("a read was not interrupted")
		}
		e.Conn.SetReadDeadline(time.Time{})
		go e.far.Write([]byte{7})
		b := make([]byte, 1)
		if _, err := e.Conn.Read(b); err != nil || b[0] != 7 {
			t.Errorf("a goodbye is answered by %v, %v", b, err)
		}
		e.Leave()
		if err := <-behind; !errors.Is(err, ErrClosed) {
			t.Errorf("behind the closing: %v", err)
		}
	})
}

// TestReadsGone: of a connection that fails there is nothing to say here.
func TestReadsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newReadEnd(t)
		e.far.Close()
		if err := e.receive(t.Context(), 0); err == nil || errors.Is(err, ErrLapsed) || errors.Is(err, ErrClosed) {
			t.Errorf("with the other end gone: %v", err)
		}
	})
}

// TestReadsKeep makes call after call with the same context, which it watches once.
func TestReadsKeep(t *testing.T) {
	e := newReadEnd(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	allocated := testing.AllocsPerRun(100, func() {
		if err := e.Enter(ctx); err != nil {
			t.Error(err)
		}
		e.Leave()
	})
	if allocated > 0 {
		t.Errorf("a call costs %v allocations", allocated)
	}
}
