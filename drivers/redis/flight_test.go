package redis

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ordeal/drivers"
)

// TestFlight holds the flight against a list: each message is settled once, in order, whatever grows, ends or is answered when.
func TestFlight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var settled []uint64
		more := false
		f := newFlight(rapid.IntRange(1, 5000).Draw(t, "window"), func(r drivers.Receipt) {
			settled = append(settled, r.Token)
			more = r.More
		})
		next, answered, over := uint64(0), 0, false
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			n := rapid.IntRange(0, 3000).Draw(t, "n")
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				f.end(errClosed)
				over, answered = true, int(next)
			case 1, 2, 3, 4:
				tokens := make([]uint64, n)
				for i := range tokens {
					tokens[i] = next + uint64(i)
				}
				if err := f.board(tokens); (err != nil) != over {
					t.Fatalf("over %v: %v", over, err)
				} else if err == nil {
					next += uint64(n)
				}
			default:
				open := int(next) - answered
				err := f.land(make([]drivers.Receipt, n))
				if (err != nil) != (n > open) {
					t.Fatalf("%d receipts for %d messages: %v", n, open, err)
				}
				answered += min(n, open)
			}
			if len(settled) != answered || f.open() != int(next)-answered || more {
				t.Fatalf("%d are settled and %d open, want %d of %d; more is promised: %v", len(settled), f.open(), answered, next, more)
			}
		}
		for i, token := range settled {
			if token != uint64(i) {
				t.Fatalf("token %d was settled at place %d", token, i)
			}
		}
	})
}

func TestFlightWait(t *testing.T) {
	f := newFlight(1, func(drivers.Receipt) {})
	if err := f.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if err := f.board([]uint64{1, 2}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := f.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with two in flight: %v", err)
	}
	time.AfterFunc(10*time.Millisecond, func() { f.land(make([]drivers.Receipt, 2)) }) //nolint:errcheck // wait tells
	if err := f.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}
