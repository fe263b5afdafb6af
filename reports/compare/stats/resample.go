package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// mostExact is the largest size of the smaller side for which all arrangements are counted. From there on the bootstrap has enough to draw
// from: of few runs it would draw no value beyond theirs, and promise too much.
const mostExact = 12

// permuted is the interval of all shifts of b against a that the exact rank test (Wilcoxon, Mann and Whitney) does not reject. If the two
// differed by a shift only, every way of dealing the (shifted back) runs to the two sides would be as likely as the one seen. Its ends are
// order statistics of the pairwise differences (Hollander and Wolfe, Nonparametric Statistical Methods, 4.3). Equal values make it longer,
// never shorter; one run that went wrong cannot stretch it to anywhere.
func permuted(a, b []float64, level float64) (low, high float64) {
	shifts := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			shifts = append(shifts, y-x)
		}
	}
	slices.Sort(shifts)
	ways, total := arrangements(len(a), len(b)), 0.0
	for _, w := range ways {
		total += w
	}
	tail, sum := 0, 0.0
	for tail < len(ways) && (sum+ways[tail])/total <= (1-level)/2*(1+1e-9) {
		sum += ways[tail]
		tail++
	}
	if tail < 1 || tail > len(shifts) {
		return math.Inf(-1), math.Inf(1)
	}
	return shifts[tail-1], shifts[len(shifts)-tail]
}

// arrangements counts the ways of dealing n and m runs so that u of the n·m pairs are the wrong way round, for each u (Mann and Whitney,
// Annals of Mathematical Statistics 18, 1947): the largest of all is on one side or on the other.
func arrangements(n, m int) []float64 {
	memo := map[[2]int][]float64{}
	var count func(n, m int) []float64
	count = func(n, m int) []float64 {
		if n == 0 || m == 0 {
			return []float64{1}
		}
		if known, ok := memo[[2]int{n, m}]; ok {
			return known
		}
		out := make([]float64, n*m+1)
		for u, w := range count(n-1, m) {
			out[u+m] += w
		}
		for u, w := range count(n, m-1) {
			out[u] += w
		}
		memo[[2]int{n, m}] = out
		return out
	}
	return count(n, m)
}

// resamples of the bootstrap; the ends of a 95 % interval rest on 100 of them each.
const resamples = 4000

// bootstrapped is the percentile bootstrap of the difference of the medians (Efron and Tibshirani, An Introduction to the Bootstrap, 13):
// it lets the two sides be differently noisy.
func bootstrapped(a, b []float64, level float64, seed uint64) (low, high float64) {
	random := rand.New(rand.NewPCG(seed, uint64(len(a))<<32|uint64(len(b)))) //nolint:gosec // it must repeat
	x, y := make([]float64, len(a)), make([]float64, len(b))
	shifts := make([]float64, resamples)
	for i := range shifts {
		draw(x, a, random)
		draw(y, b, random)
		shifts[i] = Median(y) - Median(x)
	}
	slices.Sort(shifts)
	tail := int(resamples * (1 - level) / 2)
	return shifts[tail], shifts[resamples-1-tail]
}

func draw(dst, from []float64, random *rand.Rand) {
	for i := range dst {
		dst[i] = from[random.IntN(len(from))]
	}
}
