package compare

import (
	"math"
	"slices"

	"ordeal/reports"
	"ordeal/reports/compare/stats"
)

// least is the smallest ratio that is worth a rank, however certain it is.
const least = 1.01

// figures reads every figure from the counted runs, holds the ranked targets against each other, and leaves out what no run has.
func (c *Comparison) figures(sides []side, seed uint64) {
	for _, g := range gauges(c.Calm, c.Rough) {
		f := g.Figure
		some := false
		for i := range sides {
			v := read(c.Targets[i].Label, sides[i].counted(), g.of)
			some = some || len(v.Runs) > 0
			f.Values = append(f.Values, v)
		}
		if !some {
			continue
		}
		c.pairs(&f, seed)
		rank(&f)
		c.Figures = append(c.Figures, f)
	}
}

func read(label string, runs []*reports.Run, of func(*reports.Run) (float64, bool)) Value {
	v := Value{Target: label, Runs: []float64{}}
	for _, r := range runs {
		if x, ok := of(r); ok && !math.IsNaN(x) && !math.IsInf(x, 0) {
			v.Runs = append(v.Runs, x)
		}
	}
	if len(v.Runs) > 0 {
		v.Median, v.Min, v.Max = stats.Median(v.Runs), slices.Min(v.Runs), slices.Max(v.Runs)
	}
	return v
}

// comparable tells that the targets at two places may be ranked together.
func (c *Comparison) comparable(i, j int) bool {
	return c.Targets[i].Ranked && c.Targets[j].Ranked && (c.Unequal || c.equal(i, j))
}

// pairs compares every two targets that may be. One looks for the best among them, so all comparisons of a figure must hold at once.
func (c *Comparison) pairs(f *Figure, seed uint64) {
	type two struct{ i, j int }
	var list []two
	for i := range f.Values {
		for j := i + 1; j < len(f.Values); j++ {
			if c.comparable(i, j) && len(f.Values[i].Runs) > 0 && len(f.Values[j].Runs) > 0 {
				list = append(list, two{i, j})
			}
		}
	}
	scale := stats.Ratio
	if f.Unit == Messages {
		scale = stats.Difference
	}
	o := stats.Options{Level: stats.Family(c.Level, len(list)), Scale: scale, Seed: seed}
	for _, t := range list {
		iv := stats.Compare(f.Values[t.i].Runs, f.Values[t.j].Runs, o)
		p := Pair{
			A: f.Values[t.i].Target, B: f.Values[t.j].Target, Scale: scaleRatio, Estimate: iv.Estimate, Anecdotal: iv.Anecdotal(),
			Unequal: !c.equal(t.i, t.j),
		}
		if iv.Scale == stats.Difference {
			p.Scale = scaleDifference
		}
		if iv.Bounded() {
			p.Low, p.High = &iv.Low, &iv.High
		}
		p.Tiny = iv.Differs() && iv.Scale == stats.Ratio && max(iv.Estimate, 1/iv.Estimate) < least
		p.Significant = iv.Differs() && !p.Tiny
		f.Pairs = append(f.Pairs, p)
	}
}

const (
	scaleRatio      = "ratio"
	scaleDifference = "difference"
)

// rank counts for every target those that are significantly better. Where nobody is there are no ranks.
func rank(f *Figure) {
	if !slices.ContainsFunc(f.Pairs, func(p Pair) bool { return p.Significant }) {
		return
	}
	for i := range f.Values {
		v := &f.Values[i]
		worseThan, held := 0, false
		for _, p := range f.Pairs {
			if p.Anecdotal || p.A != v.Target && p.B != v.Target {
				continue
			}
			held = true
			if p.Significant && p.worse(f) == v.Target {
				worseThan++
			}
		}
		if held {
			v.Rank = worseThan + 1
		}
	}
}

// worse is the label of the worse one of a significant pair.
func (p *Pair) worse(f *Figure) string {
	alike := 1.0
	if p.Scale == scaleDifference {
		alike = 0
	}
	if (p.Estimate > alike) == f.Higher {
		return p.A
	}
	return p.B
}

// Best is the ranked target of a group of labels with the best median; nil where none of them has the figure or may be ranked.
func (c *Comparison) Best(f *Figure, among []string) *Value {
	var best *Value
	for i := range f.Values {
		v := &f.Values[i]
		if !c.Targets[i].Ranked || len(v.Runs) == 0 || !slices.Contains(among, v.Target) {
			continue
		}
		if best == nil || (v.Median < best.Median) != f.Higher && v.Median != best.Median {
			best = v
		}
	}
	return best
}

// Against is how the target labelled b stands to the one labelled a.
func (f *Figure) Against(a, b string) (Pair, bool) {
	for _, p := range f.Pairs {
		switch {
		case p.A == a && p.B == b:
			return p, true
		case p.A == b && p.B == a:
			return p.turned(), true
		}
	}
	return Pair{}, false
}

// turned is the pair the other way round.
func (p Pair) turned() Pair {
	inverse := func(v float64) float64 { return -v }
	if p.Scale == scaleRatio {
		inverse = func(v float64) float64 { return 1 / v }
	}
	p.A, p.B, p.Estimate = p.B, p.A, inverse(p.Estimate)
	if p.Low != nil && p.High != nil {
		low, high := inverse(*p.High), inverse(*p.Low)
		p.Low, p.High = &low, &high
	}
	return p
}

// Rankings are the sets of labels that are held against each other: the groups, or all at once where that was asked for.
func (c *Comparison) Rankings() []Group {
	if !c.Unequal || len(c.Groups) < 2 {
		return c.Groups
	}
	all := Group{Guarantee: "unequal guarantees"}
	for _, t := range c.Targets {
		all.Targets = append(all.Targets, t.Label)
	}
	return []Group{all}
}
