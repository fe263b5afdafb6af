package measure

import "sync/atomic"

// Recorder takes the samples of one goroutine, and belongs to it. It keeps a set of histograms for the current second and phase, and
// hands it to the collector when it notices, on its next sample, that either is over.
type Recorder struct {
	collector *Collector
	epoch     *atomic.Int64 // the collector's
	// live are the sets in use, that of a phase at its index modulo 2: when a phase begins, the late messages of the one before come in
	// between those of the new one for a while.
	live [2]*set
}

// set is the samples of one recorder in one second and phase.
type set struct {
	second   int64
	phase    int
	metrics  part
	overflow int64
	negative int64
}

// part is a histogram of each metric.
type part [metricCount]counts

// none is the second of a set that was never used.
const none = -1

// Record takes one sample of ns for a message of a phase, given as index into the collector's phases. It takes no lock and allocates
// nothing, but for the first samples of a second. Samples above 1 h are recorded as 1 h and counted as overflow; negative ones,
// which show that two clocks disagree, are recorded as 0 and counted too.
func (r *Recorder) Record(m Metric, phase int, ns int64) { r.RecordAlike(m, phase, ns, 1) }

// RecordAlike takes n samples of the same value, as n calls of Record would.
func (r *Recorder) RecordAlike(m Metric, phase int, ns, n int64) {
	s := r.live[phase&1]
	if s.second != r.epoch.Load() || s.phase != phase || uint64(ns) > highest {
		s, ns = r.prepare(phase, ns, n)
	}
	b := bucket(ns)
	c := s.metrics[m][b>>slotBits]
	if c == nil {
		c = r.collector.extend(s, m, b>>slotBits)
	}
	c[b&(slots-1)] += n
}

// prepare does what recording seldom needs: another set, a value within the range.
func (r *Recorder) prepare(phase int, ns, n int64) (*set, int64) {
	s := r.live[phase&1]
	if s.second != r.epoch.Load() || s.phase != phase {
		s = r.collector.exchange(r, phase)
	}
	switch {
	case ns < 0:
		s.negative += n
		ns = 0
	case ns > highest:
		s.overflow += n
		ns = highest
	}
	return s, ns
}

// Close hands over what is left. The recorder must not be used afterwards; its goroutine calls it, or one that has seen it end.
func (r *Recorder) Close() { r.collector.leave(r) }
