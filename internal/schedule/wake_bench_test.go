package schedule

import (
	"testing"
	"time"
)

// BenchmarkWake is what it costs to end a sleep from outside, as receipts end that of a closed loop, against a channel that does the same.
func BenchmarkWake(b *testing.B) {
	pacer, err := NewPacer(0, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer pacer.Close() //nolint:errcheck // nothing is left to lose
	signal, woken := make(chan struct{}), make(chan struct{})
	cost := func(sleep func() error, wake func(), n int) time.Duration {
		go func() {
			for range n {
				if err := sleep(); err != nil {
					b.Error(err)
				}
				woken <- struct{}{}
			}
		}()
		began := cpuTime()
		for range n {
			wake()
			<-woken
		}
		return cpuTime() - began
	}
	var ours, plain time.Duration
	const n = 1000
	for b.Loop() {
		ours += cost(func() error { return pacer.Wait(b.Context(), 0, int64(time.Second)) }, pacer.Wake, n)
		plain += cost(func() error { <-signal; return nil }, func() { signal <- struct{}{} }, n)
	}
	b.ReportMetric(float64(ours)/float64(plain), "ratio")
	b.ReportMetric(float64(ours)/float64(b.N*n), "CPU-ns")
}
