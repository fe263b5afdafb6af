package schedule

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"
)

// MaxRate is the highest rate of a segment, in messages per second: beyond it two messages would share a nanosecond for good.
const MaxRate = 1e9

// Segment is a stretch of a schedule in which the rate goes in a straight line from From to To, both in messages per second. A step is two
// segments. The To of a schedule's last segment holds on for ever, so a constant rate is one segment whose For does not matter.
type Segment struct {
	From, To float64
	For      time.Duration
}

// Arrival is how messages are spread over the time that a rate gives them.
type Arrival uint8

const (
	// Uniform spreads them evenly. It is the zero value. It hides queueing: a server just fast enough looks idle.
	Uniform Arrival = iota
	// Poisson sends as many independent clients would: exponential gaps of the same mean.
	Poisson
)

// String gives the arrival's word in scenarios.
func (a Arrival) String() string {
	if a == Poisson {
		return "poisson"
	}
	return "uniform"
}

// Schedule says when each message must be sent. It is safe for concurrent use; offsets are in ns since its start.
type Schedule struct {
	pieces  []piece
	arrival Arrival
	seed    uint64
}

// New makes a schedule. The seed decides a Poisson schedule entirely, and means nothing to a uniform one.
func New(segments []Segment, arrival Arrival, seed uint64) (*Schedule, error) {
	if len(segments) == 0 {
		return nil, fmt.Errorf("schedule without segments: give it at least one rate")
	}
	if arrival > Poisson {
		return nil, fmt.Errorf("schedule: arrival %d is neither uniform nor poisson", arrival)
	}
	s := &Schedule{arrival: arrival, seed: seed}
	start, first := int64(0), 0.0
	for i, g := range segments {
		if err := g.check(); err != nil {
			return nil, fmt.Errorf("segment %d of the schedule: %w", i, err)
		}
		if int64(g.For) > math.MaxInt64-start {
			return nil, fmt.Errorf("segment %d of the schedule ends after %s, the longest time there is", i, time.Duration(math.MaxInt64))
		}
		if g.For == 0 {
			continue
		}
		p := newPiece(g, start, first)
		s.pieces = append(s.pieces, p)
		start, first = start+p.length, p.end()
	}
	rest := segments[len(segments)-1].To
	s.pieces = append(s.pieces, piece{start: start, length: math.MaxInt64 - start, first: first, from: rest, to: rest})
	if last := &s.pieces[len(s.pieces)-1]; rest > 0 {
		last.count = math.Inf(1)
	} else if first == 0 {
		return nil, fmt.Errorf("schedule never sends a message: all its rates are 0")
	}
	return s, nil
}

func (g Segment) check() error {
	for _, rate := range []float64{g.From, g.To} {
		if !(rate >= 0 && rate <= MaxRate) { // so written, it catches NaN
			return fmt.Errorf("rate %g is not between 0 and %g messages per second", rate, float64(MaxRate))
		}
	}
	if g.For < 0 {
		return fmt.Errorf("length %s is negative", g.For)
	}
	return nil
}

// Cursor gives a way to ask for the times of messages; each goroutine needs one of its own.
func (s *Schedule) Cursor() *Cursor {
	c := &Cursor{schedule: s}
	if s.arrival == Poisson {
		c.arrivals = newArrivals(s.seed)
	}
	return c
}

// Count is how many messages are intended before until: the number of i with At(i) < until. It takes up to a millisecond.
func (s *Schedule) Count(until int64) uint64 {
	if until <= 0 {
		return 0
	}
	c := s.Cursor()
	beyond := uint64(1)
	for c.At(beyond-1) < until && beyond < 1<<63 {
		beyond *= 2
	}
	low, high := beyond/2, beyond
	for low < high {
		if middle := low + (high-low)/2; c.At(middle) < until {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// RateAt is the offered rate at offset t, in messages per second; at a step it is the new one, and 0 before the start.
func (s *Schedule) RateAt(t int64) float64 {
	if t < 0 {
		return 0
	}
	p := s.pieceAt(t)
	return p.from + (p.to-p.from)*(float64(t-p.start)/float64(p.length))
}

// Expected is how many messages the schedule offers between two offsets: the integral of the rate. It is negative where to < from.
func (s *Schedule) Expected(from, to int64) float64 {
	return s.offered(to) - s.offered(from)
}

func (s *Schedule) offered(t int64) float64 {
	if t <= 0 {
		return 0
	}
	p := s.pieceAt(t)
	return p.first + p.offered(t-p.start)
}

// pieceAt is the piece that offset t, not negative, lies in.
func (s *Schedule) pieceAt(t int64) *piece {
	i, found := slices.BinarySearchFunc(s.pieces, t, func(p piece, t int64) int {
		switch {
		case p.start < t:
			return -1
		case p.start > t:
			return 1
		default:
			return 0
		}
	})
	if !found {
		i--
	}
	return &s.pieces[i]
}

// pieceOf is the index of the piece in which the count of offered messages passes x, or len(s.pieces) if it never does. Pieces without
// messages are passed over, so a message that falls on the beginning of a pause waits for its end.
func (s *Schedule) pieceOf(x float64) int {
	return sort.Search(len(s.pieces), func(i int) bool { return x < s.pieces[i].end() })
}
