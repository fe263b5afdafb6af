package schedule

import (
	"math"
	"slices"
	"testing"
)

// Fixed seeds make these tests deterministic: each bound is one that a right generator misses once in some thousand seeds, not runs.

// gaps gives n gaps of the unit process from arrival first on, in steps of stride.
func gaps(seed, first uint64, n int, stride uint64) []float64 {
	a := newArrivals(seed)
	out := make([]float64, n)
	for k := range out {
		i := first + uint64(k)*stride
		before := 0.0
		if i > 0 {
			before = a.at(i - 1)
		}
		out[k] = a.at(i) - before
	}
	return out
}

func moments(xs []float64) (mean, variance float64) {
	for _, x := range xs {
		mean += x
	}
	mean /= float64(len(xs))
	for _, x := range xs {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(xs)-1)
}

// kolmogorov is the largest distance between the distribution of xs and that of exponential gaps of mean 1, times √n. A right sample
// exceeds 1.95 once in 1000 (Kolmogorov's distribution).
func kolmogorov(xs []float64) float64 {
	slices.Sort(xs)
	n, worst := float64(len(xs)), 0.0
	for i, x := range xs {
		f := 1 - math.Exp(-x)
		worst = max(worst, f-float64(i)/n, float64(i+1)/n-f)
	}
	return worst * math.Sqrt(n)
}

func TestPoissonGapsAreExponential(t *testing.T) {
	const n = 20_000
	for _, tt := range []struct {
		name          string
		first, stride uint64
	}{
		{"all", 0, 1},
		{"first of a group", 0, fan},
		{"first of a group of groups", 0, fan * fan},
		{"far away", 1 << 33, 1},
	} {
		xs := gaps(1, tt.first, n, tt.stride)
		mean, variance := moments(xs)
		// The mean of n gaps has the deviation 1/√n, the variance √(8/n): the fourth central moment of the distribution is 9.
		if math.Abs(mean-1) > 4/math.Sqrt(n) || math.Abs(variance-1) > 4*math.Sqrt(8.0/n) {
			t.Errorf("%s: gaps have mean %.4f and variance %.4f, want 1 and 1", tt.name, mean, variance)
		}
		if d := kolmogorov(xs); d > 1.95 {
			t.Errorf("%s: distance of the gaps from exponential ones is %.2f, want at most 1.95", tt.name, d)
		}
	}
}

// In a Poisson process the numbers of arrivals in equal windows have the mean's variance and do not depend on each other, at any scale: a
// generator that is right gap by gap but not as a whole fails here.
func TestPoissonCountsAtEveryScale(t *testing.T) {
	const windows = 1000
	for _, width := range []float64{1, 20, 300, 5000} {
		a, counts, i := newArrivals(2), make([]float64, windows), uint64(0)
		for w := range counts {
			for a.at(i) < width*float64(w+1) {
				counts[w]++
				i++
			}
		}
		mean, variance := moments(counts)
		if math.Abs(mean/width-1) > 4/math.Sqrt(width*windows) {
			t.Errorf("windows of %g: mean %.3f", width, mean)
		}
		if ratio := variance / width; math.Abs(ratio-1) > 4*math.Sqrt((2+1/width)/windows) {
			t.Errorf("windows of %g: variance/mean %.3f, want 1", width, ratio)
		}
		var covariance float64
		for w := 1; w < windows; w++ {
			covariance += (counts[w] - mean) * (counts[w-1] - mean)
		}
		if r := covariance / variance / windows; math.Abs(r) > 4/math.Sqrt(windows) {
			t.Errorf("windows of %g: neighbours correlate by %.3f, want 0", width, r)
		}
	}
}

// Sums of k gaps are gamma variates of shape k, also where they come from the upper levels: mean k, variance k.
func TestPoissonSumsOfGroups(t *testing.T) {
	for _, size := range []uint64{fan, fan * fan, 1 << 24, 1 << 40} {
		const n = 2000
		a, sums := newArrivals(3), make([]float64, n)
		for k := range sums {
			first := uint64(k) * size
			before := 0.0
			if first > 0 {
				before = a.at(first - 1)
			}
			sums[k] = (a.at(first+size-1) - before - float64(size)) / math.Sqrt(float64(size))
		}
		mean, variance := moments(sums)
		if math.Abs(mean) > 4/math.Sqrt(n) || math.Abs(variance-1) > 4*math.Sqrt(2.0/n) {
			t.Errorf("sums of %d gaps: standard mean %.3f, variance %.3f, want 0 and 1", size, mean, variance)
		}
	}
}

// The messages of one of n producers come with Erlang gaps: mean n, variance n.
func TestPoissonStride(t *testing.T) {
	const n, producers = 50_000, 4
	a, own := newArrivals(4), make([]float64, n)
	for k := range own {
		i := uint64(k) * producers
		own[k] = a.at(i+producers) - a.at(i)
	}
	mean, variance := moments(own)
	if math.Abs(mean-producers) > 0.04 || math.Abs(variance-producers) > 0.15 {
		t.Errorf("gaps of one of %d producers have mean %.3f and variance %.3f, want %[1]d and %[1]d", producers, mean, variance)
	}
}

// A stretched process follows the rate: as many arrivals in each part of a ramp as its integral says.
func TestPoissonFollowsTheRate(t *testing.T) {
	s := mustNew(t, []Segment{{1000, 50_000, 10e9}, {50_000, 0, 10e9}}, Poisson, 5)
	for at := int64(0); at < 20e9; at += 1e9 {
		got, want := float64(s.Count(at+1e9)-s.Count(at)), s.Expected(at, at+1e9)
		if math.Abs(got-want) > 4*math.Sqrt(want) {
			t.Errorf("second %d: %.0f messages, the rates offer %.0f", at/1e9, got, want)
		}
	}
}

// Runs are repeated by their seed, so the numbers that it stands for must not change.
func TestPoissonIsStable(t *testing.T) {
	c := mustNew(t, []Segment{{From: 1000, To: 1000}}, Poisson, 42).Cursor()
	for i, want := range map[uint64]int64{
		0: 57_673, 1: 657_061, 1000: 986_499_687, 1 << 20: 1_049_442_052_214, 1 << 33: 8_590_115_146_659_168,
	} {
		if got := c.At(i); got != want {
			t.Errorf("At(%d) = %d, want %d", i, got, want)
		}
	}
	other := mustNew(t, []Segment{{From: 1000, To: 1000}}, Poisson, 43).Cursor()
	if c.At(0) == other.At(0) {
		t.Error("two seeds give the same schedule")
	}
}
