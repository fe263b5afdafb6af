package schedule

import "math"

const second = 1e9 // ns

// piece is a stretch of a schedule with a straight line of rates. Its offsets are ns since its start, its counts messages since then.
type piece struct {
	start, length int64
	// first is how many messages were offered before it, count how many it offers.
	first, count float64
	from, to     float64
}

func newPiece(g Segment, start int64, first float64) piece {
	p := piece{start: start, length: int64(g.For), first: first, from: g.From, to: g.To}
	if p.falls() {
		p.count = p.left(p.length)
	} else {
		p.count = p.offered(p.length)
	}
	return p
}

func (p *piece) end() float64 { return p.first + p.count }

func (p *piece) falls() bool { return p.to < p.from }

// offered is how many messages are offered in the first t ns: the integral of the rate. In floating point, too, it never falls as t
// grows, because it is made of sums and products of what is not negative; for falling rates that takes counting from the end.
func (p *piece) offered(t int64) float64 {
	if p.falls() {
		return p.count - p.left(p.length-t)
	}
	x := float64(t)
	if p.from == p.to {
		return x * p.from / second
	}
	return x * (p.from + x*(p.to-p.from)/(2*float64(p.length))) / second
}

// left is how many messages a falling piece offers in its last u ns.
func (p *piece) left(u int64) float64 {
	x := float64(u)
	return x * (p.to + x*(p.from-p.to)/(2*float64(p.length))) / second
}

// when is the last ns at which no more than x messages are offered, with 0 <= x < count. The closed form finds it to within a rounding
// error; comparing with the integral itself makes it exact, and so when never falls as x grows.
func (p *piece) when(x float64) int64 {
	if p.falls() {
		return p.whenFalling(x)
	}
	t := whole(root(p.from, (p.to-p.from)/float64(p.length), x), p.length)
	for t > 0 && p.offered(t) > x {
		t--
	}
	for t < p.length && p.offered(t+1) <= x {
		t++
	}
	return t
}

func (p *piece) whenFalling(x float64) int64 {
	y := p.count - x
	u := whole(root(p.to, (p.from-p.to)/float64(p.length), y), p.length)
	for u < p.length && p.left(u) < y {
		u++
	}
	for u > 0 && p.left(u-1) >= y {
		u--
	}
	return p.length - u
}

// root is when x messages are reached by a rate that starts at rate and grows by slope a ns. It solves slope/2·t² + rate·t = x·second in
// the form that does not subtract nearly equal numbers.
func root(rate, slope, x float64) float64 {
	if slope == 0 {
		return x * second / rate
	}
	mean := rate + math.Sqrt(rate*rate+2*slope*x*second) // twice the mean rate up to then
	if mean == 0 {
		return 0 // the foot of a ramp from 0, where x is 0 or as good as that
	}
	return 2 * x * second / mean
}

// whole rounds t, which is not negative, down to a ns, but not beyond limit.
func whole(t float64, limit int64) int64 {
	if t >= float64(limit) {
		return limit
	}
	return int64(t)
}
