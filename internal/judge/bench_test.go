package judge

import (
	"fmt"
	"runtime"
	"testing"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// benchPlan is one topic with four producers and one group.
func benchPlan(lanes, members uint32, keyed bool) Plan {
	plan := Plan{Run: 1, Groups: []Group{{Name: "g", Topic: "t", Members: members, Shards: 6, Delivery: AtLeastOnce, Order: PerShard}}}
	for i := range uint32(4) {
		plan.Producers = append(plan.Producers, Producer{
			ID: i + 1, Name: fmt.Sprintf("p-%d", i+1), Topic: "t", Lanes: lanes, KeyLanes: keyed, Counted: true,
		})
	}
	return plan
}

// traffic makes the events of a flawless run, one message after another.
type traffic struct {
	lanes, shards uint32
	next          uint64
	seqs          [][]uint64
	indexes       []uint64
	positions     []uint64
	attempt       history.Attempt
	receipt       history.Receipt
	delivery      history.Delivery
}

func newTraffic(producers int, lanes, shards uint32) *traffic {
	t := &traffic{lanes: lanes, shards: shards, indexes: make([]uint64, producers), positions: make([]uint64, shards)}
	for range producers {
		t.seqs = append(t.seqs, make([]uint64, lanes))
	}
	return t
}

func (t *traffic) step() {
	p := int(t.next) % len(t.seqs)
	n := t.next / uint64(len(t.seqs))
	lane := uint32(n % uint64(t.lanes))
	if t.lanes > t.shards { // keys come in no order
		lane = uint32(n * 0x9e3779b97f4a7c15 >> 33 % uint64(t.lanes))
	}
	shard := int32(lane % t.shards)
	id := message.ID{Producer: uint32(p) + 1, Lane: lane, Seq: t.seqs[p][lane]}
	index := t.indexes[p]
	t.next++
	t.seqs[p][lane]++
	t.indexes[p]++
	t.positions[shard]++
	at := int64(t.next) * 1000
	position := message.Position{Minor: t.positions[shard], Known: true}
	t.attempt = history.Attempt{ID: id, Index: index, Shard: shard, Intended: at, Sent: at + 100}
	t.receipt = history.Receipt{ID: id, Outcome: message.Acked, Position: position, At: at + 1000}
	t.delivery = history.Delivery{ID: id, Index: index, Shard: shard, Position: position, At: at + 2000}
}

// BenchmarkBook is the whole path of a message through the book, events made in advance: attempt, receipt, delivery in batches of 256.
func BenchmarkBook(b *testing.B) {
	for _, c := range []struct {
		name    string
		lanes   uint32
		members uint32
	}{
		{"shards", 6, 1}, {"shards-3-members", 6, 3}, {"keys-1000", 1000, 1}, {"keys-1000000", 1_000_000, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			const size = 1 << 16
			t := newTraffic(4, c.lanes, 6)
			attempts, receipts := make([]history.Attempt, size), make([]history.Receipt, size)
			deliveries := make([]history.Delivery, size)
			book := NewBook(benchPlan(c.lanes, c.members, c.lanes > 6))
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; {
				b.StopTimer()
				n := min(size, b.N-done)
				for i := range n {
					t.step()
					attempts[i], receipts[i], deliveries[i] = t.attempt, t.receipt, t.delivery
					deliveries[i].Member = uint32(i/256) % c.members
				}
				b.StartTimer()
				for at := 0; at < n; at += 256 {
					end := min(n, at+256)
					for i := at; i < end; i++ {
						book.Attempt(&attempts[i])
					}
					for i := at; i < end; i++ {
						book.Receipt(&receipts[i])
					}
					book.Deliveries(0, deliveries[at:end])
				}
				done += n
			}
		})
	}
}

// heap is what is in use after a collection.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
