package schedule

import (
	"math"
	"math/rand/v2"
)

const (
	fanBits = 8
	fan     = 1 << fanBits
	depth   = 64 / fanBits
)

// arrivals is a Poisson process of rate 1: at(i) is the sum of i+1 independent exponential gaps of mean 1. A schedule stretches it by the
// inverse of its count of offered messages, which makes a Poisson process of the schedule's rate.
//
// To find any arrival without adding up all gaps before it, the process is drawn from the top: the sum of 2^64 gaps is a gamma variate of
// that shape, and it is cut into the sums of 256 equal groups of gaps, each of those again, down to single gaps. Independent gamma variates
// divided by their sum have the distribution of such parts, and are independent of the sum (Devroye, Non-Uniform Random Variate
// Generation, 1986, chapter XI, theorem 4.1), so the result is exactly the process, not like it. Each group's random numbers come from its
// place and the seed alone. A cursor keeps the eight groups on the way to its last answer, 16 KiB.
type arrivals struct {
	seed   uint64
	source rand.PCG
	random *rand.Rand
	groups [depth]group
}

// group is 256 neighbours of one level: single gaps at level 0, groups of level-1 above. Times are of the unit process.
type group struct {
	id    uint64
	drawn bool
	start float64
	ends  [fan]float64
}

func newArrivals(seed uint64) *arrivals {
	a := &arrivals{seed: seed}
	a.random = rand.New(&a.source)
	return a
}

// at is when arrival i happens. It does not fall as i grows.
func (a *arrivals) at(i uint64) float64 {
	g := &a.groups[0]
	if !g.drawn || g.id != i>>fanBits {
		a.descend(i)
	}
	return g.ends[i%fan]
}

// descend draws the groups on the way to arrival i that the last answer did not need.
func (a *arrivals) descend(i uint64) {
	for level := depth - 1; level >= 0; level-- {
		g, id := &a.groups[level], i>>(fanBits*(level+1))
		if g.drawn && g.id == id {
			continue
		}
		g.id, g.drawn = id, true
		a.source.Seed(mix(a.seed+uint64(level)), mix(id))
		if level == depth-1 {
			g.start, g.ends[fan-1] = 0, a.gamma(math.Ldexp(1, fanBits*depth))
		} else {
			above, place := &a.groups[level+1], id%fan
			g.start, g.ends[fan-1] = above.start, above.ends[place]
			if place > 0 {
				g.start = above.ends[place-1]
			}
		}
		a.cut(g, math.Ldexp(1, fanBits*level))
	}
}

// cut divides g, from its start to its last end, into the sums of 256 groups of shape gaps each.
func (a *arrivals) cut(g *group, shape float64) {
	end, sum := g.ends[fan-1], 0.0
	for i := range g.ends {
		if shape == 1 {
			sum += a.random.ExpFloat64()
		} else {
			sum += a.gamma(shape)
		}
		g.ends[i] = sum
	}
	for i := range g.ends {
		g.ends[i] = min(g.start+(end-g.start)*(g.ends[i]/sum), end) // rounding up must not reach into the next group
	}
	g.ends[fan-1] = end
}

// gamma draws from the gamma distribution of a shape of at least 1: the sum of that many exponential variates. Method: Marsaglia and Tsang,
// "A simple method for generating gamma variables", ACM TOMS 26 (2000), with v³-1 kept apart so that shapes up to 2^64 do not cancel out.
func (a *arrivals) gamma(shape float64) float64 {
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := a.random.NormFloat64()
		y := c * x
		if y <= -1 {
			continue
		}
		excess := y * (3 + y*(3+y)) // (1+y)³ - 1
		if math.Log(1-a.random.Float64()) < x*x/2+d*(math.Log1p(excess)-excess) {
			return d * (1 + excess)
		}
	}
}

// mix spreads neighbouring numbers over all 64 bits, so that neighbouring groups share no randomness. It is the finalizer of SplitMix64
// (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
