package measure

import (
	"sync/atomic"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// lowest, highest and digits are what the histograms hold: 1 ns to 1 h, with an error below 0.1 %.
	lowest  = 1
	highest = 3_600_000_000_000
	digits  = 3
)

// Recorder takes the samples of one goroutine, and belongs to it. It keeps a set of histograms for the current second and phase, and
// hands it to the collector when it notices, on its next sample, that either is over.
type Recorder struct {
	collector *Collector
	epoch     *atomic.Int64 // the collector's
	// live are the sets in use, that of a phase at its index modulo 2: when a phase begins, the late messages of the one before come in
	// between those of the new one for a while.
	live    [2]*set
	metrics []Metric
}

// set is the samples of one recorder in one second and phase.
type set struct {
	second     int64
	phase      int
	histograms [metricCount]*hdr.Histogram // nil where there was no sample
	overflow   int64
	negative   int64
}

// none is the second of a set that was never used.
const none = -1

// Record takes one sample of ns for a message of a phase, given as index into the collector's phases. It takes no lock and allocates
// nothing, but for the first sample in a second. Samples above 1 h are recorded as 1 h and counted as overflow; negative ones,
// which show that two clocks disagree, are recorded as 0 and counted too.
func (r *Recorder) Record(m Metric, phase int, ns int64) {
	s := r.live[phase&1]
	h := s.histograms[m]
	if s.second != r.epoch.Load() || s.phase != phase || h == nil || uint64(ns) > highest {
		h, ns = r.prepare(m, phase, ns)
	}
	_ = h.RecordValue(ns) // it is within the range
}

// prepare does what Record seldom needs: another set, another histogram, a value within the range.
func (r *Recorder) prepare(m Metric, phase int, ns int64) (*hdr.Histogram, int64) {
	s := r.live[phase&1]
	if s.second != r.epoch.Load() || s.phase != phase {
		s = r.collector.exchange(r, phase)
	}
	if s.histograms[m] == nil {
		r.collector.draw(s, m)
	}
	switch {
	case ns < 0:
		s.negative++
		ns = 0
	case ns > highest:
		s.overflow++
		ns = highest
	}
	return s.histograms[m], ns
}

// Close hands over what is left. The recorder must not be used afterwards; its goroutine calls it, or one that has seen it end.
func (r *Recorder) Close() { r.collector.leave(r) }
