package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"ordeal/reports/compare/stats"
)

// With 5 runs a side 252 arrangements are as likely as the one seen; with no overlap only one of them is as extreme on its side.
func TestExactIntervalByHand(t *testing.T) {
	a, b := []float64{1, 2, 3, 4, 5}, []float64{11, 12, 13, 14, 15}
	iv := stats.Compare(a, b, stats.Options{Scale: stats.Difference, Level: 250.0 / 252})
	// One arrangement in each tail may go: the ends are the smallest and the largest difference of two runs.
	if !iv.Exact || iv.Estimate != 10 || iv.Low != 6 || iv.High != 14 || !iv.Differs() {
		t.Errorf("got %+v", iv)
	}
	if iv := stats.Compare(a, b, stats.Options{Scale: stats.Difference, Level: 0.999}); iv.Bounded() || iv.Differs() {
		t.Errorf("252 arrangements cannot show anything at 99.9 %%: %+v", iv)
	}
}

func TestFewRunsAreAnAnecdote(t *testing.T) {
	for n := range 5 {
		a, b := make([]float64, n), make([]float64, n)
		for i := range n {
			a[i], b[i] = 1+float64(i)/1000, 1000+float64(i)
		}
		iv := stats.Compare(a, b, stats.Options{})
		if iv.Differs() || !iv.Anecdotal() || iv.Runs != n {
			t.Errorf("%d runs a side: %+v", n, iv)
		}
		if n > 0 && n < 4 && iv.Bounded() {
			t.Errorf("%d runs a side cannot bound anything: %+v", n, iv)
		}
		if n == 0 && !math.IsNaN(iv.Estimate) {
			t.Errorf("without runs the estimate is %v", iv.Estimate)
		}
	}
}

func TestRatioNeedsFiguresAboveZero(t *testing.T) {
	zero, some := []float64{0, 0, 0, 0, 0}, []float64{3, 4, 5, 4, 3}
	if iv := stats.Compare(zero, some, stats.Options{}); iv.Scale != stats.Difference || !iv.Differs() || iv.Low <= 0 {
		t.Errorf("got %+v", iv)
	}
	if iv := stats.Compare(zero, zero, stats.Options{}); iv.Differs() || iv.Low != 0 || iv.High != 0 {
		t.Errorf("nothing against nothing: %+v", iv)
	}
}

// One side may be much larger than the other.
func TestUnevenSides(t *testing.T) {
	for _, c := range []struct {
		n, m  int
		exact bool
	}{{1, 12, true}, {1, 13, true}, {5, 12, true}, {8, 8, true}, {12, 13, true}, {5, 1000, true}, {13, 13, false}, {60, 60, false}} {
		a, b := make([]float64, c.n), make([]float64, c.m)
		for i := range a {
			a[i] = 100 + float64(i%7)
		}
		for i := range b {
			b[i] = 200 + float64(i%5)
		}
		iv := stats.Compare(a, b, stats.Options{})
		if iv.Exact != c.exact || iv.Low > 2 || iv.High < 1.9 || iv.Differs() != (c.n >= stats.Enough) {
			t.Errorf("%d against %d: %+v", c.n, c.m, iv)
		}
	}
}

// Without a difference the share of alarms stays below what the level allows: exactly for few runs, nearly for many.
func TestFalseAlarms(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := map[string]func() float64{
		"log-normal, 25 %": func() float64 { return math.Exp(0.25 * random.NormFloat64()) },
		"heavy tail":       func() float64 { return 1 / math.Sqrt(1-random.Float64()) },
		"a few values":     func() float64 { return float64(1 + random.IntN(3)) },
	}
	for name, one := range noise {
		for _, c := range []struct {
			n, trials int
			most      float64
		}{{5, 1000, 0.06}, {6, 1000, 0.06}, {12, 300, 0.09}, {20, 60, 0.15}} {
			alarms := 0
			for range c.trials {
				if stats.Compare(sample(c.n, one), sample(c.n, one), stats.Options{}).Differs() {
					alarms++
				}
			}
			share := float64(alarms) / float64(c.trials)
			t.Logf("%s, %d runs a side: %.1f %% false alarms", name, c.n, 100*share)
			if share > c.most {
				t.Errorf("%s, %d runs a side: %.1f %% false alarms", name, c.n, 100*share)
			}
		}
	}
}

// What is there is seen: half as much again, with noise of 10 %.
func TestSeesADifference(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{5, 12} {
		seen, held, trials := 0, 0, 200
		for range trials {
			one := func() float64 { return math.Exp(0.1 * random.NormFloat64()) }
			a, b := sample(n, one), sample(n, one)
			for i := range b {
				b[i] *= 1.5
			}
			iv := stats.Compare(a, b, stats.Options{})
			if iv.Differs() && iv.Low > 1 {
				seen++
			}
			if iv.Low <= 1.5 && iv.High >= 1.5 {
				held++
			}
		}
		t.Logf("%d runs a side: seen in %d of %d, true ratio held in %d", n, seen, trials, held)
		if seen < trials*95/100 || held < trials*90/100 {
			t.Errorf("%d runs a side: seen in %d of %d, true ratio held in %d", n, seen, trials, held)
		}
	}
}

func sample(n int, one func() float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = one()
	}
	return out
}

func TestProperties(t *testing.T) {
	figures := rapid.SliceOfN(rapid.Float64Range(0.001, 1e6), 1, 12)
	rapid.Check(t, func(t *rapid.T) {
		a, b := figures.Draw(t, "a"), figures.Draw(t, "b")
		scale := rapid.SampledFrom([]stats.Scale{stats.Ratio, stats.Difference}).Draw(t, "scale")
		o := stats.Options{Scale: scale, Seed: 7}
		iv := stats.Compare(a, b, o)
		if again := stats.Compare(a, b, o); again != iv {
			t.Fatalf("not the same again: %+v, %+v", iv, again)
		}
		if !(iv.Low <= iv.Estimate && iv.Estimate <= iv.High) {
			t.Fatalf("the estimate is not inside: %+v", iv)
		}
		wider := stats.Compare(a, b, stats.Options{Scale: scale, Seed: 7, Level: 0.99})
		if iv.Exact && (wider.Low > iv.Low || wider.High < iv.High) {
			t.Fatalf("surer is narrower: %+v, %+v", iv, wider)
		}
		if !iv.Exact {
			return // the bootstrap is so up to its resampling
		}
		// Symmetric: the other way round it is the inverse.
		back := stats.Compare(b, a, o)
		inverse := func(v float64) float64 { return -v }
		if iv.Scale == stats.Ratio {
			inverse = func(v float64) float64 { return 1 / v }
		}
		if !near(back.Low, inverse(iv.High)) || !near(back.High, inverse(iv.Low)) || back.Differs() != iv.Differs() {
			t.Fatalf("the other way round: %+v, %+v", iv, back)
		}
		// Monotonic: more of b moves the whole interval up.
		more := make([]float64, len(b))
		for i, v := range b {
			more[i] = v * 2
		}
		up := stats.Compare(a, more, o)
		if up.Low < iv.Low || up.High < iv.High || up.Estimate < iv.Estimate {
			t.Fatalf("more is less: %+v, %+v", iv, up)
		}
	})
}

func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-6*math.Max(math.Abs(a), math.Abs(b))+1e-6
}

func TestFamily(t *testing.T) {
	if got := stats.Family(0.95, 6); math.Abs(got-(1-0.05/6)) > 1e-12 {
		t.Errorf("got %v", got)
	}
	if got := stats.Family(0.95, 0); got != 0.95 {
		t.Errorf("got %v", got)
	}
}

// With as many runs as are needed sides that lie wholly apart are told apart, and with one less nothing is.
func TestNeeded(t *testing.T) {
	for pairs, want := range map[int]int{0: 5, 1: 5, 6: 5, 7: 6, 10: 6, 45: 7} {
		level := stats.Family(0.95, pairs)
		if got := stats.Needed(level); got != want {
			t.Errorf("%d pairs: %d runs, want %d", pairs, got, want)
		}
		for n := stats.Enough; n <= want; n++ {
			a, b := make([]float64, n), make([]float64, n)
			for i := range n {
				a[i], b[i] = 1+float64(i)/1000, 1000+float64(i)
			}
			if iv := stats.Compare(a, b, stats.Options{Level: level}); iv.Differs() != (n == want) {
				t.Errorf("%d pairs, %d runs a side: %+v", pairs, n, iv)
			}
		}
	}
	if got := stats.Needed(1 - 1e-12); got != 13 {
		t.Errorf("at a level that no arrangement reaches: %d", got)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 5}, 5}} {
		if got := stats.Median(c.values); got != c.want {
			t.Errorf("%v: %v", c.values, got)
		}
	}
	if !math.IsNaN(stats.Median(nil)) {
		t.Error("nothing has a median")
	}
}
