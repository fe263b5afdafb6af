package judge

import (
	"testing"

	"ordeal/internal/history"
)

// grow plays n messages into the book, in order or shuffled within batches, by some members in turn.
func grow(b *Book, t *traffic, n int, members uint32, shuffled bool) {
	const size = 1000
	ds := make([]history.Delivery, 0, size)
	for done := 0; done < n; done += size {
		ds = ds[:0]
		for i := range size {
			t.step()
			b.Attempt(&t.attempt)
			b.Receipt(&t.receipt)
			d := t.delivery
			if shuffled {
				// As if the broker had lost its flags: order is not the point here, memory is.
				d.Redelivered = true
			}
			d.Member = uint32(done/size) % members
			ds = append(ds, d)
			if j := (i * 7919) % (i + 1); shuffled {
				ds[i], ds[j] = ds[j], ds[i]
			}
		}
		b.Deliveries(0, ds)
	}
}

// memoryRatio is the heap after more messages, by the heap after fewer.
func memoryRatio(fewer, more int, members uint32, shuffled bool) float64 {
	b, t := NewBook(benchPlan(6, members, false)), newTraffic(4, 6, 6)
	grow(b, t, fewer, members, shuffled)
	before := heap()
	grow(b, t, more-fewer, members, shuffled)
	after := heap()
	b.Deliveries(0, nil) // the book lives until here
	return after / before
}

func TestMemoryDoesNotGrow(t *testing.T) {
	fewer, more := 1_000_000, 5_000_000
	if testing.Short() {
		fewer, more = 100_000, 500_000
	}
	for _, test := range []struct {
		name     string
		members  uint32
		shuffled bool
	}{{"in order", 1, false}, {"shuffled", 1, true}, {"three members", 3, false}} {
		if r := memoryRatio(fewer, more, test.members, test.shuffled); r > 1.05 {
			t.Errorf("%s: heap after %d messages is %.3f of that after %d", test.name, more, r, fewer)
		}
	}
}

// BenchmarkMemory prints the heap after 10^8 verified messages by that after 10^6.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(memoryRatio(1_000_000, 100_000_000, 1, false), "ratio")
	}
}
