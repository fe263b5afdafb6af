package worker

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"ordeal/internal/message"
)

func TestRingKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 40).Draw(t, "size")
		r, next, want := newRing(size), uint32(0), uint32(0)
		for _, push := range rapid.SliceOf(rapid.Bool()).Draw(t, "steps") {
			if push && r.len() < size {
				r.push(next)
				next++
			} else if v, ok := r.pop(); ok {
				if v != want {
					t.Fatalf("popped %d, expected %d", v, want)
				}
				want++
			}
			if r.len() != int(next-want) {
				t.Fatalf("length %d, expected %d", r.len(), next-want)
			}
		}
	})
}

func TestWindowSeesMisuse(t *testing.T) {
	w := newWindow(2)
	i, _ := w.take()
	token := w.token(i)
	if s, _ := w.settled(token); s != nil {
		t.Error("a message that was never sent was settled")
	}
	w.slots[i].inFlight = true
	if s, _ := w.settled(token); s == nil {
		t.Error("a message in flight could not be settled")
	}
	w.release(i)
	if s, _ := w.settled(token); s != nil {
		t.Error("a message was settled twice")
	}
	if s, _ := w.settled(77); s != nil {
		t.Error("a token that was never given out was settled")
	}
	if n := w.misuse.Load(); n != 3 {
		t.Errorf("misuse was seen %d times, expected 3", n)
	}
}

func TestFillerIsAFunctionOfTheSeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.IntRange(message.HeaderSize, 500).Draw(t, "min")
		high := low + rapid.IntRange(0, 500).Draw(t, "more")
		seed, n := rapid.Uint64().Draw(t, "seed"), rapid.Uint64().Draw(t, "message")
		a, b := newFiller(seed, low, high), newFiller(seed, low, high)
		size := a.size(n)
		if size < low || size > high || size != b.size(n) {
			t.Fatalf("size %d outside of %d..%d or not repeatable", size, low, high)
		}
		x, y := make([]byte, size), make([]byte, size)
		a.fill(x, n)
		b.fill(y, n)
		if !bytes.Equal(x, y) {
			t.Fatal("two fillers of one seed differ")
		}
	})
}
