package worker

import (
	"bytes"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"ordeal/internal/message"
)

func TestRingKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 40).Draw(t, "size")
		r := newRing(size)
		var pushed, pushedShown, popped, poppedShown uint32
		step := rapid.SampledFrom([]string{"push", "show pushed", "pop", "show popped"})
		for _, do := range rapid.SliceOf(step).Draw(t, "steps") {
			switch do {
			case "push":
				if int(pushed-popped) < size {
					r.push(pushed)
					pushed++
				}
			case "show pushed":
				r.showPushed()
				pushedShown = pushed
			case "pop":
				if r.none() != (popped == pushedShown) {
					t.Fatalf("none is %v with %d pushed and %d popped", r.none(), pushedShown, popped)
				}
				if !r.none() && r.peek() != popped {
					t.Fatalf("peek gives %d, expected %d", r.peek(), popped)
				}
				v, ok := r.pop()
				if ok != (popped < pushedShown) || ok && v != popped {
					t.Fatalf("popped %d, %v, expected %d of %d", v, ok, popped, pushedShown)
				}
				if ok {
					popped++
				}
			case "show popped":
				r.showPopped()
				poppedShown = popped
			}
			if r.len() != int(pushedShown-poppedShown) {
				t.Fatalf("length %d, expected %d", r.len(), pushedShown-poppedShown)
			}
		}
	})
}

func TestWindowSeesMisuse(t *testing.T) {
	w := newWindow(2, 100, 100)
	i, _ := w.take()
	slot := w.slot(i)
	slot.begin(1)
	token := token(i, slot)
	if s, _ := w.settled(token); s != nil {
		t.Error("a message that was never sent was settled")
	}
	slot.setMarks(slot.marks() | inFlight)
	if s, _ := w.settled(token); s == nil {
		t.Error("a message in flight could not be settled")
	}
	w.release(i, slot)
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

// Sizes are a function of the seed. Bodies are whole, as large as they should be, and not alike behind the stamp, whatever their memory
// held before.
func TestFiller(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.IntRange(message.HeaderSize, 500).Draw(t, "min")
		high := low + rapid.SampledFrom([]int{0, 1, 500}).Draw(t, "more")
		seed, first := rapid.Uint64().Draw(t, "seed"), rapid.Uint64().Draw(t, "message")
		a, b := newFiller(seed, low, high), newFiller(seed, low, high)
		slots := rapid.SampledFrom([]int{3, 1 << 17}).Draw(t, "slots") // so many are too large to have their bodies with them
		if low == high && slots > 3 {
			low = max(low, placeMax/slots)
			high = low
			a, b = newFiller(seed, low, high), newFiller(seed, low, high)
		}
		w := newWindow(slots, low, high)
		if together := w.size > 0; together != (low == high && slots == 3) {
			t.Fatalf("%d slots of %d to %d bytes: bodies behind them is %v", slots, low, high, together)
		}
		for n := first; n != first+9; n++ {
			size := a.size(n)
			if size < low || size > high || size != b.size(n) {
				t.Fatalf("size %d outside of %d..%d or not repeatable", size, low, high)
			}
			i := uint32(rapid.IntRange(0, 2).Draw(t, "slot"))
			w.slot(i).begin(int64(n))
			want := message.Stamp{ID: message.ID{Producer: 1, Seq: n, Lane: 5}, Run: 7, Index: n, Intended: 9}
			a.make(w, i, n, &want)
			var got message.Stamp
			body := w.body(i)
			if status := message.Parse(body, 7, &got); status != message.Whole || got != want || len(body) != size {
				t.Fatalf("message %d of %d bytes: status %d, %d bytes, %+v", n, size, status, len(body), got)
			}
			lane, seq, index, intended := message.Peek(w.slot(i).stamp())
			if lane != 5 || seq != n || index != n || intended != 9 || w.slot(i).sent() != int64(n) || w.slot(i).tries() != 1 {
				t.Fatalf("the slot says %d, %d, %d, %d, %x", lane, seq, index, intended, *w.slot(i))
			}
		}
		for i := range uint32(3) {
			x, y := w.body(i), w.body((i+1)%3)
			if size := min(len(x), len(y)); size > message.HeaderSize+8 && bytes.Equal(x[message.HeaderSize:size], y[message.HeaderSize:size]) {
				t.Fatal("two bodies are alike")
			}
		}
	})
}

func TestSlotsFitCacheLines(t *testing.T) {
	if size := unsafe.Sizeof(slot{}); size != cacheLine {
		t.Errorf("a slot has %d bytes", size)
	}
}
