package ending

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// TestFuse sees it blow for the call that it is armed for, and for no other.
func TestFuse(t *testing.T) {
	cut := make(chan struct{}, 1)
	f := Fuse{Cut: func() { cut <- struct{}{} }}
	old, cancelOld := context.WithCancel(t.Context())
	if err := f.Arm(old); err != nil {
		t.Fatal(err)
	}
	f.Disarm()
	ctx, cancel := context.WithCancel(t.Context())
	if err := f.Arm(ctx); err != nil {
		t.Fatal(err)
	}
	cancelOld()
	f.blow(old.Done()) // as what is left of the old context may at any time
	select {
	case <-cut:
		t.Fatal("an old context cut the line under a new call")
	default:
	}
	cancel()
	<-cut
	f.Disarm()
	if err := f.Arm(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("armed with a context that is over: %v", err)
	}
	f.Release()
}

// TestFuseBlows makes calls with some contexts, which end when they like: one is cut when its own ends under it, and at no other time.
func TestFuseBlows(t *testing.T) {
	const contexts = 4
	rapid.Check(t, func(r *rapid.T) {
		plan := rapid.SliceOfN(rapid.SampledFrom([]string{"end", "release", "disarm", "arm"}), 0, 40).Draw(r, "plan")
		with := rapid.SliceOfN(rapid.IntRange(0, contexts-1), len(plan), len(plan)).Draw(r, "with")
		var failed string
		synctest.Test(t, func(t *testing.T) { failed = blowing(t, contexts, plan, with) })
		if failed != "" {
			r.Fatal(failed)
		}
	})
}

// blowing takes each step of plan with the context of that number, and tells what went wrong.
func blowing(t *testing.T, contexts int, plan []string, with []int) string {
	ctxs, cancels := manyContexts(t, contexts)
	const none = -1
	cuts, want, call := 0, 0, none
	f := Fuse{Cut: func() { cuts++ }}
	defer f.Release()
	for step, what := range plan {
		i := with[step]
		over := ctxs[i].Err() != nil
		if what == "end" {
			cancels[i]()
			if call == i && !over {
				want++
			}
		} else {
			f.Disarm()
			call = none
		}
		switch what {
		case "release":
			f.Release()
		case "arm":
			err := f.Arm(ctxs[i])
			if (err != nil) != over {
				return fmt.Sprintf("step %d: context %d over %v: %v", step, i, over, err)
			}
			if err == nil {
				call = i
			}
		}
		synctest.Wait()
		if cuts != want {
			return fmt.Sprintf("step %d: %d calls were cut, want %d", step, cuts, want)
		}
	}
	return ""
}

// TestFuseWatches arms one for call after call with the same context, which it watches once.
func TestFuseWatches(t *testing.T) {
	f := Fuse{Cut: func() {}}
	defer f.Release()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	allocated := testing.AllocsPerRun(100, func() {
		if err := f.Arm(ctx); err != nil {
			t.Error(err)
		}
		f.Disarm()
	})
	if allocated > 0 {
		t.Errorf("a call costs %v allocations", allocated)
	}
}
