package history

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"ordeal/internal/message"
)

// load of a run, for benchmarks: how lanes are picked, when messages are due, and what positions look like.
type pattern struct {
	name      string
	producers int
	lanes     int
	keyed     bool
	poisson   bool
	batch     int // of attempts, receipts and deliveries with one time
}

// events makes n messages of a pattern; the events are in the order in which each stream gets them.
func (p pattern) events(n int) (attempts []Attempt, receipts []Receipt, deliveries []Delivery) {
	const shards = 6
	random := rand.New(rand.NewPCG(1, 2))
	seqs := make([]uint64, p.producers*p.lanes)
	indexes := make([]uint64, p.producers)
	due := make([]int64, p.producers)
	var positions [shards]uint64
	for i := range n {
		producer := i % p.producers
		lane := int(indexes[producer]) % p.lanes
		if p.keyed {
			lane = int(float64(p.lanes) * random.Float64() * random.Float64())
		}
		gap := int64(200_000) // 5,000 a second for each
		if p.poisson {
			gap = int64(random.ExpFloat64() * 200_000)
		}
		due[producer] += gap
		shard := int32(lane % shards)
		id := message.ID{Producer: uint32(producer) + 1, Lane: uint32(lane), Seq: seqs[producer*p.lanes+lane]}
		positions[shard]++
		position := message.Position{Minor: positions[shard], Known: true}
		sent := due[producer] / int64(p.batch*50_000) * int64(p.batch*50_000)
		attempts = append(attempts, Attempt{ID: id, Index: indexes[producer], Shard: shard, Intended: due[producer], Sent: sent})
		receipts = append(receipts, Receipt{ID: id, Outcome: message.Acked, Position: position, At: sent + 300_000 + int64(random.IntN(90_000))})
		deliveries = append(deliveries, Delivery{
			ID: id, Index: indexes[producer], Shard: shard, Position: position, At: sent + 500_000 + int64(i/p.batch)*1000,
		})
		seqs[producer*p.lanes+lane]++
		indexes[producer]++
	}
	return attempts, receipts, deliveries
}

// BenchmarkHistory is the cost of recording one event, in time on the goroutine that causes it and in bytes of the file. The file is
// written while the benchmark runs.
func BenchmarkHistory(b *testing.B) {
	for _, p := range []pattern{
		{name: "shards", producers: 4, lanes: 6, batch: 8},
		{name: "one-by-one", producers: 4, lanes: 6, batch: 1},
		{name: "keys-poisson", producers: 4, lanes: 1000, keyed: true, poisson: true, batch: 4},
		{name: "many-keys", producers: 4, lanes: 100_000, keyed: true, poisson: true, batch: 4},
	} {
		b.Run(p.name, func(b *testing.B) {
			const size = 200_000
			attempts, receipts, deliveries := p.events(size)
			b.ReportAllocs()
			var bytes, events int64
			for b.Loop() {
				b.StopTimer()
				w, err := Create(filepath.Join(b.TempDir(), "history.bin"), Header{})
				if err != nil {
					b.Fatal(err)
				}
				logs := make([]*ProducerLog, p.producers+1)
				for i := range logs {
					logs[i] = w.Producer(uint32(i))
				}
				group := w.Group(0)
				b.StartTimer()
				for i := range attempts {
					logs[attempts[i].Producer].Attempt(&attempts[i])
				}
				for i := range receipts {
					logs[receipts[i].Producer].Receipt(&receipts[i])
				}
				for i := 0; i < len(deliveries); i += 100 {
					group.Deliveries(deliveries[i : i+100])
				}
				b.StopTimer()
				s, err := w.Close(nil)
				if err != nil {
					b.Fatal(err)
				}
				bytes, events = bytes+s.Bytes, events+s.Totals.Events()
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
			b.ReportMetric(float64(bytes)/float64(events), "bytes/event")
		})
	}
}
