package measure

import (
	"slices"
	"sync/atomic"
)

// Gaps finds the longest time without a delivery in each phase, from the clock's epoch on: a group that received nothing has gaps as long
// as the phases. A gap that goes over the border of two phases is cut there, and each has its part. The members of a
// group share one Gaps: its methods are safe for concurrent use.
type Gaps struct {
	phases  []Span
	longest []atomic.Int64
	whole   []atomic.Int64
	last    atomic.Int64
}

// NewGaps makes a finder of gaps for phases that follow one another.
func NewGaps(phases []Span) *Gaps {
	n := len(phases)
	return &Gaps{phases: slices.Clone(phases), longest: make([]atomic.Int64, n), whole: make([]atomic.Int64, n)}
}

// Observe notes that something was received now, in ns since the clock's epoch. It is called once for each batch.
func (g *Gaps) Observe(now int64) {
	for {
		before := g.last.Load()
		if now < before {
			return // another member was faster
		}
		if g.last.CompareAndSwap(before, now) {
			g.cut(before, now)
			return
		}
	}
}

// Finish closes the gap that is open at the end of the run.
func (g *Gaps) Finish(end int64) { g.Observe(end) }

// Max is the longest gap of a phase in ns.
func (g *Gaps) Max(phase int) int64 { return g.longest[phase].Load() }

// Whole is the longest gap that began in a phase, in ns, wherever it ended.
func (g *Gaps) Whole(phase int) int64 { return g.whole[phase].Load() }

// cut gives each phase its part of a gap.
func (g *Gaps) cut(from, to int64) {
	for i := range g.phases {
		p := &g.phases[i]
		if p.Start >= to {
			return
		}
		if from >= p.Start && from < p.End {
			raise(&g.whole[i], to-from)
		}
		if part := min(to, p.End) - max(from, p.Start); part > 0 {
			raise(&g.longest[i], part)
		}
	}
}

func raise(top *atomic.Int64, value int64) {
	for {
		old := top.Load()
		if value <= old || top.CompareAndSwap(old, value) {
			return
		}
	}
}
