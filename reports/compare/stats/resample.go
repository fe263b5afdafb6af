package stats

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

const (
	// mostArrangements is up to how many ways of dealing the runs to the two sides are all tried: 8 runs against 8 are 12,870.
	mostArrangements = 20_000
	// mostSubsets bounds the larger side, all subsets of which are made.
	mostSubsets = 1 << 16
)

// few tells that all arrangements can be tried.
func few(n, m int) bool {
	if 1<<min(max(n, m), 32) > mostSubsets {
		return false
	}
	ways := 1 // to choose the smaller side from all
	for i := 1; i <= min(n, m); i++ {
		ways = ways * (max(n, m) + i) / i
	}
	return ways <= mostArrangements
}

// permuted is the interval of all shifts of b against a that the permutation test of the difference of means does not reject. It is exact:
// if the two differed by a shift only, any arrangement of the (shifted back) values would be as likely as the one seen. Exchanging a set of
// k values of a with k of b makes the difference larger than the one seen exactly when the shift is smaller than the difference of the
// two sets' means, so the ends are order statistics of these differences (Pagano and Tritchler, JASA 78, 1983).
func permuted(a, b []float64, level float64) (low, high float64) {
	sumsA, sumsB := subsetSums(a), subsetSums(b)
	var shifts []float64
	for k := 1; k <= min(len(a), len(b)); k++ {
		for _, x := range sumsA[k] {
			for _, y := range sumsB[k] {
				shifts = append(shifts, (y-x)/float64(k))
			}
		}
	}
	slices.Sort(shifts)
	tail := int(math.Floor(float64(len(shifts)+1)*(1-level)/2 + 1e-9)) // the arrangement seen is one of them
	if tail < 1 {
		return math.Inf(-1), math.Inf(1)
	}
	return shifts[tail-1], shifts[len(shifts)-tail]
}

// subsetSums has the sums of all subsets, by their size.
func subsetSums(values []float64) [][]float64 {
	sums := make([][]float64, len(values)+1)
	for set := range uint(1) << len(values) {
		sum := 0.0
		for i, v := range values {
			if set&(1<<i) != 0 {
				sum += v
			}
		}
		size := bits.OnesCount(set)
		sums[size] = append(sums[size], sum)
	}
	return sums
}

// resamples of the bootstrap; the ends of a 95 % interval rest on 100 of them each.
const resamples = 4000

// bootstrapped is the studentized bootstrap interval (Efron and Tibshirani, An Introduction to the Bootstrap, 12.5): it allows the two
// sides to be differently noisy, and keeps its level with as few as nine runs, where the plain percentile interval is too short.
func bootstrapped(a, b []float64, level float64, seed uint64) (low, high float64) {
	random := rand.New(rand.NewPCG(seed, uint64(len(a))<<32|uint64(len(b)))) //nolint:gosec // it must repeat
	seen, wide := mean(b)-mean(a), standardError(a, b)
	if wide == 0 {
		return seen, seen
	}
	x, y := make([]float64, len(a)), make([]float64, len(b))
	ts := make([]float64, 0, resamples)
	for range resamples {
		draw(x, a, random)
		draw(y, b, random)
		if e := standardError(x, y); e > 0 {
			ts = append(ts, (mean(y)-mean(x)-seen)/e)
		}
	}
	slices.Sort(ts)
	if len(ts) == 0 {
		return math.Inf(-1), math.Inf(1)
	}
	tail := int(float64(len(ts)) * (1 - level) / 2)
	return seen - ts[len(ts)-1-tail]*wide, seen - ts[tail]*wide
}

func draw(dst, from []float64, random *rand.Rand) {
	for i := range dst {
		dst[i] = from[random.IntN(len(from))]
	}
}

// standardError of the difference of the means.
func standardError(a, b []float64) float64 {
	return math.Sqrt(variance(a)/float64(len(a)) + variance(b)/float64(len(b)))
}

func variance(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	return sum / float64(len(values)-1)
}
