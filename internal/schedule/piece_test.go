package schedule

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// when is defined by the integral: the last ns up to which no more than x is offered. The closed form alone misses it by a rounding error.
func TestWhenIsTheLastTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0.001, 1e6))
		g := Segment{rate.Draw(t, "from"), rate.Draw(t, "to"), time.Duration(rapid.Int64Range(1, int64(100*time.Hour)).Draw(t, "for"))}
		p := newPiece(g, 0, 0)
		for range 200 {
			x := rapid.Float64Range(0, p.count).Draw(t, "x")
			if rapid.Bool().Draw(t, "at a ns") { // where the slightest error shows
				x = p.offered(rapid.Int64Range(0, p.length-1).Draw(t, "t"))
				x = math.Nextafter(x, rapid.SampledFrom([]float64{0, x, p.count}).Draw(t, "towards"))
			}
			if x >= p.count {
				continue
			}
			at := p.when(x)
			if at < 0 || at > p.length || !p.reached(at, x) || at < p.length && p.reached(at+1, x) {
				t.Fatalf("when(%g) of %+v is %d: offered are %g there, %g after", x, p, at, p.offered(at), p.offered(at+1))
			}
		}
	})
}

// reached tells whether no more than x is offered in the first t ns, counted from the end where the rate falls.
func (p *piece) reached(t int64, x float64) bool {
	if p.falls() {
		return p.left(p.length-t) >= p.count-x
	}
	return p.offered(t) <= x
}
