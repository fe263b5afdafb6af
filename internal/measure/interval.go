package measure

import (
	"maps"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// interval is what is known of an open second: the merged samples of each phase.
type interval map[int]*part

// part is the merged histograms of one phase; nil where there was no sample.
type part [metricCount]*hdr.Histogram

// latencies are the figures of one second that is closed.
type latencies struct {
	second         int64
	p50, p99, max  int64
	ackP50, ackP99 int64
	heat           []int64
}

// collect merges what was handed over and closes the seconds that are complete. work is held.
func (c *Collector) collect() {
	c.gate.Lock()
	handed, now := c.handed, c.epoch.Load()
	c.handed = nil
	held := map[int64]bool{now: true}
	for _, r := range c.recorders {
		for _, s := range r.live {
			held[s.second] = true
		}
	}
	c.gate.Unlock()

	for _, s := range handed {
		c.merge(s)
	}
	c.refresh()
	for _, second := range slices.Sorted(maps.Keys(c.open)) {
		if !held[second] {
			c.close(second)
		}
	}
	c.log.flush()
}

// merge adds a set to its second. The first histogram of a kind becomes the sum itself.
func (c *Collector) merge(s *set) {
	open := c.open[s.second]
	if open == nil {
		open = interval{}
		c.open[s.second] = open
	}
	phase := min(max(s.phase, 0), len(c.phases)-1)
	p := open[phase]
	if p == nil {
		p = &part{}
		open[phase] = p
	}
	for m, h := range s.histograms {
		switch {
		case h == nil:
		case h.TotalCount() > 0:
			c.add(p, Metric(m), h)
		default:
			c.recycle(h)
		}
	}
	c.overflow += s.overflow
	c.negative += s.negative
	*s = set{second: none}
	c.gate.Lock()
	c.blanks = append(c.blanks, s)
	c.gate.Unlock()
}

// add merges h into a part, or makes it the part's own.
func (c *Collector) add(p *part, m Metric, h *hdr.Histogram) {
	if p[m] == nil {
		p[m] = h
		return
	}
	p[m].Merge(h) // drops nothing: all have the same range
	c.recycle(h)
}

// recycle puts a histogram that is no longer needed back among the spare ones.
func (c *Collector) recycle(h *hdr.Histogram) {
	h.Reset()
	c.gate.Lock()
	c.clean = append(c.clean, h)
	c.gate.Unlock()
}

// close sums up a second: a line of the log for each phase and metric, a row of the series and of the heat map, the totals.
func (c *Collector) close(second int64) {
	open := c.open[second]
	delete(c.open, second)
	whole := part{}
	for _, phase := range slices.Sorted(maps.Keys(open)) {
		p := open[phase]
		for m, h := range p {
			if h == nil {
				continue
			}
			c.log.write(second, phase, Metric(m), h)
			if c.totals[phase][m] == nil {
				c.totals[phase][m] = newHistogram()
			}
			c.totals[phase][m].Merge(h)
			c.add(&whole, Metric(m), h)
		}
	}
	c.seconds = append(c.seconds, summarize(second, &whole))
	for _, h := range whole {
		if h != nil {
			c.recycle(h)
		}
	}
}

func summarize(second int64, p *part) latencies {
	l := latencies{second: second, heat: heatRow(p[EndToEnd])}
	if h := p[EndToEnd]; h != nil {
		values := h.ValueAtPercentilesSlice([]float64{50, 99, 100})
		l.p50, l.p99, l.max = values[0], values[1], values[2]
	}
	if h := p[Ack]; h != nil {
		values := h.ValueAtPercentilesSlice([]float64{50, 99})
		l.ackP50, l.ackP99 = values[0], values[1]
	}
	return l
}

// refresh brings c.live up to the newest second with end-to-end latencies, be it complete or not.
func (c *Collector) refresh() {
	for second, open := range c.open {
		if second < c.live.Second {
			continue
		}
		for _, p := range open {
			h := p[EndToEnd]
			if h == nil || second == c.live.Second && h.TotalCount() < c.live.Count {
				continue
			}
			values := h.ValueAtPercentilesSlice([]float64{50, 99, 100})
			c.live = Live{Second: second, P50: values[0], P99: values[1], Max: values[2], Count: h.TotalCount()}
		}
	}
}
