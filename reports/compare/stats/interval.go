// Package stats says how far two small sets of figures differ, and how sure one can be of it. The figures are one number for each run:
// messages of one run share its weather and are not independent, so they are never counted as samples.
//
//	iv := stats.Compare(before, after, stats.Options{Level: 0.95})
//	if iv.Differs() { … }
package stats

import (
	"math"
	"slices"
)

// Scale is how two figures are held against each other. The zero value is Ratio.
type Scale uint8

const (
	// Ratio is b/a: for durations, rates and costs, whose noise grows with them.
	Ratio Scale = iota
	// Difference is b−a: for counts, which may be 0.
	Difference
)

// Options of a comparison.
type Options struct {
	// Level of confidence, such as 0.95; 0 means 0.95. Divide what it leaves by the number of comparisons that one picks from (Family).
	Level float64
	Scale Scale
	// Seed of the resampling where there are too many runs to try all arrangements. The same seed gives the same interval.
	Seed uint64
}

// Interval is what can be said about the difference between two sets of figures.
type Interval struct {
	// Scale is the one asked for, but Difference where a ratio makes no sense because some figure is not above 0.
	Scale Scale
	// Estimate is the ratio of the medians, or their difference.
	Estimate float64
	// Low and High hold the true one at the level asked for. With few runs they are 0 or −Inf, and +Inf: no other interval would be true.
	Low, High float64
	// Runs is the size of the smaller set.
	Runs int
	// Exact intervals tried every arrangement; the others are bootstrapped.
	Exact bool
}

// Enough is the least number of runs on each side from which a conclusion is more than an anecdote.
const Enough = 5

// Family is the level at which each of n comparisons must be made for all of them to hold together at level (Bonferroni).
func Family(level float64, n int) float64 { return 1 - (1-level)/float64(max(n, 1)) }

// Needed is the least number of runs on each side with which an interval at this level has ends at all, and so can tell a difference,
// however large; never less than Enough.
func Needed(level float64) int {
	for n := Enough; n <= mostExact; n++ {
		total := 0.0
		for _, w := range arrangements(n, n) {
			total += w
		}
		if 1/total <= (1-level)/2*(1+1e-9) {
			return n
		}
	}
	return mostExact + 1
}

// Compare says how b differs from a. Either may be empty: then nothing is known, and the estimate is NaN.
func Compare(a, b []float64, o Options) Interval {
	if o.Level == 0 {
		o.Level = 0.95
	}
	iv := Interval{Scale: o.Scale, Estimate: math.NaN(), Low: math.Inf(-1), High: math.Inf(1), Runs: min(len(a), len(b))}
	if notPositive(a) || notPositive(b) {
		iv.Scale = Difference
	}
	if iv.Scale == Ratio {
		a, b = logarithms(a), logarithms(b)
	}
	if iv.Runs > 0 {
		iv.Estimate = Median(b) - Median(a)
		switch {
		case iv.Runs <= mostExact:
			iv.Low, iv.High = permuted(a, b, o.Level)
			iv.Exact = true
		default:
			iv.Low, iv.High = bootstrapped(a, b, o.Level, o.Seed)
		}
		// The medians are not quite what the ranks are about, and their difference may lie just outside.
		iv.Low, iv.High = min(iv.Low, iv.Estimate), max(iv.High, iv.Estimate)
	}
	if iv.Scale == Ratio {
		iv.Estimate, iv.Low, iv.High = math.Exp(iv.Estimate), math.Exp(iv.Low), math.Exp(iv.High)
	}
	return iv
}

// Differs tells that the interval leaves no room for both being alike. With fewer than Enough runs a side it is never true.
func (iv Interval) Differs() bool {
	alike := 1.0
	if iv.Scale == Difference {
		alike = 0
	}
	return iv.Runs >= Enough && (iv.Low > alike || iv.High < alike)
}

// Anecdotal tells that there are too few runs to conclude anything.
func (iv Interval) Anecdotal() bool { return iv.Runs < Enough }

// Bounded tells that the interval has two ends.
func (iv Interval) Bounded() bool {
	return !math.IsInf(iv.Low, 0) && !math.IsInf(iv.High, 0) && (iv.Scale == Difference || iv.Low > 0)
}

// Median of the values, which need not be sorted; NaN without any.
func Median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}

func notPositive(values []float64) bool {
	return slices.ContainsFunc(values, func(v float64) bool { return !(v > 0) })
}

func logarithms(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Log(v)
	}
	return out
}
