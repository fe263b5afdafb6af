package measure

import (
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
	if s.second != r.collector.epoch.Load() || s.phase != phase {
		s = r.collector.exchange(r, phase)
	}
	h := s.histograms[m]
	if h == nil {
		h = r.collector.draw(s, m)
	}
	if uint64(ns) > highest {
		ns = s.clamp(ns)
	}
	_ = h.RecordValue(ns) // it is within the range
}

func (s *set) clamp(ns int64) int64 {
	if ns < 0 {
		s.negative++
		return 0
	}
	s.overflow++
	return highest
}

// Close hands over what is left. The recorder must not be used afterwards; its goroutine calls it, or one that has seen it end.
func (r *Recorder) Close() { r.collector.leave(r) }
