package schedule

import "math"

// Never is the intended time of a message that is not in the schedule.
const Never = math.MaxInt64

// Cursor tells the intended times of a schedule's messages. It remembers where it was asked last, so asking in rising order is cheap, with
// any stride; the answers do not depend on the order. It is not safe for concurrent use.
type Cursor struct {
	schedule *Schedule
	piece    int
	arrivals *arrivals // nil for uniform
}

// At is the intended time of message i, counted from 0, in ns since the schedule's start, or Never. It does not fall as i grows.
func (c *Cursor) At(i uint64) int64 {
	x := float64(i)
	if c.arrivals != nil {
		x = c.arrivals.at(i)
	}
	pieces := c.schedule.pieces
	p := &pieces[c.piece]
	if x < p.first || x >= p.end() {
		next := c.schedule.pieceOf(x)
		if next == len(pieces) {
			return Never
		}
		c.piece, p = next, &pieces[next]
	}
	return p.start + p.when(x-p.first)
}
