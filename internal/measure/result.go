package measure

import (
	"cmp"
	"slices"
)

// Result is everything a collector measured.
type Result struct {
	Phases  []PhaseResult
	Seconds []Second
	Heat    Heat // a row for each of Seconds
	// Totals are the counters at the end, by name.
	Totals map[string]int64
	// Overflow counts samples above 1 h, Negative those below 0; both were recorded as the nearest value there is.
	Overflow, Negative int64
	// Open is the number of recorders that were never closed; what they held is missing.
	Open int
	// LogErr is why the interval log is not complete; nil where it is, and where none was asked for.
	LogErr error
}

// PhaseResult is the figures of one phase: latencies of the messages that belong to it, and counts of what happened while it lasted.
type PhaseResult struct {
	Span
	Latencies [metricCount]Percentiles // by Metric
	Curves    [metricCount][]Point     // by Metric; nil without samples
	Counts    map[string]float64       // by the counters' names
}

// Second is one second of the run, by the time at which things happened. Latencies are in ns, 0 without samples.
type Second struct {
	At             int64 // its start, in ns since the clock's epoch
	Rates          map[string]float64
	P50, P99, Max  int64 // end to end
	AckP50, AckP99 int64
}

// Finish ends the measuring and sums up. All recorders have been closed before.
func (c *Collector) Finish() *Result {
	end := c.now()
	c.advance(end)
	c.work.Lock()
	defer c.work.Unlock()
	c.collect()
	for second := range c.open {
		c.close(second)
	}
	c.log.flush()
	slices.SortFunc(c.seconds, func(a, b latencies) int { return cmp.Compare(a.second, b.second) })

	c.gate.Lock()
	defer c.gate.Unlock()
	r := &Result{Overflow: c.overflow, Negative: c.negative, Open: len(c.recorders), Totals: map[string]int64{}}
	if c.log != nil {
		r.LogErr = c.log.err
	}
	for i, name := range c.tallies.names {
		r.Totals[name] = c.tallies.last().sum(i)
	}
	for i, span := range c.phases {
		p := PhaseResult{Span: span, Counts: c.tallies.between(span.Start, span.End)}
		for m, h := range c.totals[i] {
			p.Latencies[m], p.Curves[m] = percentiles(h), curve(h)
		}
		r.Phases = append(r.Phases, p)
	}
	c.series(r, end)
	return r
}

// series fills in the seconds from the first to the one in which the run ended at end, those without samples too. The gate is held.
func (c *Collector) series(r *Result, end int64) {
	r.Heat.Bounds = heatBounds()
	known := c.seconds
	for at := int64(0); at < end; at += second {
		s := Second{At: at, Rates: c.tallies.between(at, at+second)}
		for name, n := range s.Rates {
			s.Rates[name] = n * second / float64(min(second, end-at)) // the last one is cut short
		}
		var row []int64
		if len(known) > 0 && known[0].second == at/second {
			l := known[0]
			s.P50, s.P99, s.Max, s.AckP50, s.AckP99, row = l.p50, l.p99, l.max, l.ackP50, l.ackP99, l.heat
			known = known[1:]
		} else {
			row = make([]int64, len(r.Heat.Bounds))
		}
		r.Seconds = append(r.Seconds, s)
		r.Heat.Cells = append(r.Heat.Cells, row)
	}
}
