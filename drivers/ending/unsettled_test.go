package ending

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// TestUnsettledWait sends and settles in steps, and at each of them somebody begins to wait: all come back when the last message is
// settled, and nobody before.
func TestUnsettledWait(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(-5, 5), 0, 40).Draw(r, "steps")
		var failed string
		synctest.Test(t, func(t *testing.T) { failed = waiting(t, steps) })
		if failed != "" {
			r.Fatal(failed)
		}
	})
}

// waiting counts each step's messages, where negative as settled, and tells what went wrong.
func waiting(t *testing.T, steps []int) string {
	var u Unsettled
	var back atomic.Int64
	waiting, count := 0, 0
	for step, n := range steps {
		n = max(n, -count)
		count += n
		u.Lock()
		u.Add(max(n, 0))
		u.Done(max(-n, 0))
		u.Unlock()
		synctest.Wait()
		want := 0
		if count == 0 {
			want, waiting = waiting, 0
		}
		if got := int(back.Swap(0)); got != want || u.Count() != count {
			return fmt.Sprintf("step %d: %d come back with %d unsettled; want %d with %d", step, got, u.Count(), want, count)
		}
		if count == 0 {
			if err := u.Wait(t.Context()); err != nil {
				return err.Error()
			}
			continue
		}
		waiting++
		go func() {
			if u.Wait(t.Context()) == nil {
				back.Add(1)
			}
		}()
	}
	return ""
}

// TestUnsettledContext: a context that ends, or has ended, ends the waiting and nothing else.
func TestUnsettledContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var u Unsettled
		ctx, cancel := context.WithCancel(t.Context())
		u.Add(1)
		given := make(chan error, 1)
		go func() { given <- u.Wait(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("with one unsettled: %v", err)
		}
		go func() { given <- u.Wait(t.Context()) }()
		synctest.Wait()
		u.Lock()
		u.Done(1)
		u.Unlock()
		if err := <-given; err != nil {
			t.Errorf("another's context ended, and so did this: %v", err)
		}
		if err := u.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("with nothing unsettled: %v", err)
		}
	})
}

// TestUnsettledStop: the first reason counts, and what is unsettled stays so.
func TestUnsettledStop(t *testing.T) {
	var u Unsettled
	u.Add(2)
	first, second := errors.New("first"), errors.New("second")
	if u.Over() != nil {
		t.Errorf("over from the start: %v", u.Over())
	}
	if !u.Stop(first) || u.Stop(second) || !errors.Is(u.Over(), first) || u.Count() != 2 {
		t.Errorf("over because of %v with %d unsettled", u.Over(), u.Count())
	}
}
