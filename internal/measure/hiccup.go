package measure

import (
	"context"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// hiccupStep is how long the meter means to sleep. A shorter one would give more samples of the same distribution, and each takes a
// wake-up, which on a moderate run is a good part of what a message costs.
const hiccupStep = 5 * time.Millisecond

// Hiccups measures how long the machine kept the process from running: it sleeps 5 ms again and again and records by how much each sleep
// was too long. Latencies in the order of its figures are not the broker's. The idea is that of jHiccup (github.com/giltene/jHiccup).
type Hiccups struct {
	histogram *hdr.Histogram
}

// NewHiccups makes a meter, which measures while Run runs.
func NewHiccups() *Hiccups { return &Hiccups{histogram: newHistogram()} }

// Run measures until ctx ends.
func (h *Hiccups) Run(ctx context.Context) {
	ticker := time.NewTimer(hiccupStep)
	defer ticker.Stop()
	for {
		before := time.Now()
		ticker.Reset(hiccupStep)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.record(time.Since(before) - hiccupStep)
		}
	}
}

// record counts a hiccup once for each step that it covers, for that many sleeps would have been too long by the rest of it.
func (h *Hiccups) record(overshoot time.Duration) {
	ns := min(max(int64(overshoot), 0), highest)
	_ = h.histogram.RecordCorrectedValue(ns, int64(hiccupStep)) // it is within the range
}

// Result is the distribution of the hiccups in ns. It is asked for when Run has returned.
func (h *Hiccups) Result() Percentiles { return percentiles(h.histogram) }
