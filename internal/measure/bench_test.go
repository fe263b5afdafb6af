package measure

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// BenchmarkRecord compares recording, while another goroutine rotates every 10 ms (100 times as often as in a run), with the bare recording
// of the library. Both take turns with the same values. At most 1.5 is wanted, and no allocation.
func BenchmarkRecord(b *testing.B) {
	const turn = 1 << 16
	values := make([]int64, 1<<12)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range values {
		values[i] = int64(math.Exp(13 + random.NormFloat64())) // around 0.5 ms, as latencies are
	}
	c := NewCollector(NewClock(time.Now()), twoPhases())
	r, bare := c.Recorder(Ack, Service), newHistogram()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for s := int64(1); ; s++ {
			select {
			case <-stop:
				return
			case <-tick.C:
				goTo(c, s)
			}
		}
	})
	var ours, library time.Duration
	n := 0
	b.ReportAllocs()
	for b.ResetTimer(); n < b.N; n += turn {
		start := time.Now()
		for i := range turn {
			r.Record(Ack, 0, values[i%len(values)])
		}
		middle := time.Now()
		for i := range turn {
			if err := bare.RecordValue(values[i%len(values)]); err != nil {
				b.Fatal(err)
			}
		}
		ours += middle.Sub(start)
		library += time.Since(middle)
	}
	b.StopTimer()
	close(stop)
	wg.Wait()
	r.Close()
	b.ReportMetric(float64(ours)/float64(library), "ratio")
	b.ReportMetric(float64(ours)/float64(n), "ns/record")
	b.ReportMetric(float64(library)/float64(n), "ns/bare")
}

// BenchmarkRotate is what a second costs the collector with 8 recorders of 2 metrics: merging, summing up, the log.
func BenchmarkRotate(b *testing.B) {
	c := NewCollector(NewClock(time.Now()), twoPhases())
	c.LogTo(discard{})
	recorders := make([]*Recorder, 8)
	for i := range recorders {
		recorders[i] = c.Recorder(Ack, EndToEnd)
	}
	s := int64(0)
	for b.Loop() {
		for _, r := range recorders {
			for i := range int64(1000) {
				r.Record(Ack, 0, i*1000)
				r.Record(EndToEnd, 0, i*1500)
			}
		}
		s++
		goTo(c, s)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkEncode compares the encoding of one second of one metric with that of the library, in turns. At most 0.3 is wanted.
func BenchmarkEncode(b *testing.B) {
	var c counts
	theirs := newHistogram()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		v := int64(math.Exp(13 + random.NormFloat64()))
		count(&c, v, 1)
		if err := theirs.RecordValue(v); err != nil {
			b.Fatal(err)
		}
	}
	var e encoder
	var ours, library time.Duration
	for b.Loop() {
		start := time.Now()
		if _, _, err := e.encode(&c); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := theirs.EncodeV2(); err != nil {
			b.Fatal(err)
		}
		ours += middle.Sub(start)
		library += time.Since(middle)
	}
	b.ReportMetric(float64(ours)/float64(library), "ratio")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "µs")
	b.ReportMetric(float64(library.Microseconds())/float64(b.N), "µs/library")
}
