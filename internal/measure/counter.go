package measure

import (
	"slices"
	"sync/atomic"
)

// Counter counts what happens, such as messages sent. It is made by Collector.Counter and may be used by any goroutine, but is cheapest
// when one has it for its own.
type Counter struct {
	n atomic.Int64
	_ [120]byte // keeps the counters of different goroutines out of each other's cache lines
}

// Add counts n more: the size of a batch, say.
func (c *Counter) Add(n int64) { c.n.Add(n) }

// Count is how much was added so far.
func (c *Counter) Count() int64 { return c.n.Load() }

// tallies are the counters of a collector and their readings over time. The collector's gate guards them.
type tallies struct {
	names    []string
	counters [][]*Counter // by name
	readings []reading
}

// reading is the sums of all counters at one time, in the order of tallies.names; names that came later are missing, being 0.
type reading struct {
	at   int64
	sums []int64
}

func (t *tallies) counter(name string) *Counter {
	i := slices.Index(t.names, name)
	if i < 0 {
		i = len(t.names)
		t.names = append(t.names, name)
		t.counters = append(t.counters, nil)
	}
	c := &Counter{}
	t.counters[i] = append(t.counters[i], c)
	return c
}

// snap takes a reading. One at the same time as the last replaces it, except the very first, which stands for nothing counted yet.
func (t *tallies) snap(at int64) {
	r := reading{at: at, sums: make([]int64, len(t.names))}
	for i, counters := range t.counters {
		for _, c := range counters {
			r.sums[i] += c.n.Load()
		}
	}
	if n := len(t.readings); n > 1 && t.readings[n-1].at >= at {
		t.readings[n-1].sums = r.sums
		return
	}
	t.readings = append(t.readings, r)
}

// last is the newest reading; there always is one, for the collector begins with one.
func (t *tallies) last() reading { return t.readings[len(t.readings)-1] }

func (r reading) sum(name int) int64 {
	if name < len(r.sums) {
		return r.sums[name]
	}
	return 0
}

// until is how much was counted under each name before at. Between two readings it is a straight line.
func (t *tallies) until(at int64) []float64 {
	out := make([]float64, len(t.names))
	next, found := slices.BinarySearchFunc(t.readings, at, func(r reading, at int64) int {
		switch {
		case r.at < at:
			return -1
		case r.at > at:
			return 1
		default:
			return 0
		}
	})
	for i := range out {
		switch {
		case found:
			out[i] = float64(t.readings[next].sum(i))
		case next == 0: // before the collector began
		case next == len(t.readings):
			out[i] = float64(t.last().sum(i))
		default:
			a, b := t.readings[next-1], t.readings[next]
			share := float64(at-a.at) / float64(b.at-a.at)
			out[i] = float64(a.sum(i)) + share*float64(b.sum(i)-a.sum(i))
		}
	}
	return out
}

// between is how much was counted under each name from one time to another.
func (t *tallies) between(from, to int64) map[string]float64 {
	begin, end := t.until(from), t.until(to)
	out := make(map[string]float64, len(t.names))
	for i, name := range t.names {
		out[name] = end[i] - begin[i]
	}
	return out
}
