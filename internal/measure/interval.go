package measure

import (
	"maps"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// interval is what is known of an open second: the merged samples of each phase.
type interval map[int]*part

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

// merge adds a set to its second.
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
	var spare []*chunk
	for m := range s.metrics {
		spare = append(spare, p[m].take(&s.metrics[m])...)
	}
	c.overflow += s.overflow
	c.negative += s.negative
	*s = set{second: none}
	c.recycle(spare, s)
}

// close sums up a second: a line of the log for each phase and metric, the totals, a row of the series and of the heat map.
func (c *Collector) close(second int64) {
	open := c.open[second]
	delete(c.open, second)
	var whole part
	var spare []*chunk
	for _, phase := range slices.Sorted(maps.Keys(open)) {
		for m := range open[phase] {
			h := &open[phase][m]
			if h.empty() {
				continue
			}
			c.log.write(second, phase, Metric(m), h)
			if c.totals[phase][m] == nil {
				c.totals[phase][m] = newHistogram()
			}
			h.pour(c.totals[phase][m])
			spare = append(spare, whole[m].take(h)...)
		}
	}
	c.seconds = append(c.seconds, c.summarize(second, &whole))
	for m := range whole {
		spare = append(spare, whole[m].drain()...)
	}
	c.recycle(spare)
}

// histogram makes the library's own of h; it is valid until the next call.
func (c *Collector) histogram(h *counts) *hdr.Histogram {
	c.scratch.Reset()
	h.pour(c.scratch)
	return c.scratch
}

func (c *Collector) summarize(second int64, p *part) latencies {
	l := latencies{second: second, heat: heatRow(&p[EndToEnd])}
	values := c.histogram(&p[EndToEnd]).ValueAtPercentilesSlice([]float64{50, 99, 100})
	l.p50, l.p99, l.max = values[0], values[1], values[2]
	values = c.histogram(&p[Ack]).ValueAtPercentilesSlice([]float64{50, 99})
	l.ackP50, l.ackP99 = values[0], values[1]
	return l
}

// refresh brings c.live up to the newest second with end-to-end latencies, be it complete or not.
func (c *Collector) refresh() {
	for second, open := range c.open {
		if second < c.live.Second {
			continue
		}
		for _, p := range open {
			h := c.histogram(&p[EndToEnd])
			if n := h.TotalCount(); n > 0 && (second > c.live.Second || n >= c.live.Count) {
				values := h.ValueAtPercentilesSlice([]float64{50, 99, 100})
				c.live = Live{Second: second, P50: values[0], P99: values[1], Max: values[2], Count: n}
			}
		}
	}
}
