package bench

import (
	"testing"

	"ordeal/internal/engine"
)

// pairs is how often both sides of a ratio are measured.
const pairs = 5

const acked = `
version: 1
name: acked
topics: {t: {}}
producers: {p: {to: t, rate: max, size: 100B, window: 1000}}
consumers: {g: {from: t, prefetch: 2000}}
phases: [{name: warm-up, for: 500ms, record: false}, {name: full, for: 2s}]
drain: {idle: 100ms, timeout: 60s}
`

// BenchmarkHistory is a run at full speed on JetStream with history.bin against one without. Claimed: at least 0.9 of the rate, at most
// 8 bytes an event.
func BenchmarkHistory(b *testing.B) {
	for range b.N {
		var with, without, bytes []float64
		for range pairs {
			r := run(b, "nats", acked, nil)
			with = append(with, phase(b, r, "full").AckedRate)
			bytes = append(bytes, float64(r.Harness.HistoryBytes)/float64(r.Harness.HistoryEvents))
			r = run(b, "nats", acked, func(o *engine.Options) { o.NoHistory = true })
			without = append(without, phase(b, r, "full").AckedRate)
		}
		report(b, "ratio", ratios(with, without))
		b.ReportMetric(median(bytes), "B/event")
		b.ReportMetric(median(with), "msg/s")
	}
}
