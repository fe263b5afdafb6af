package history

import (
	"encoding/binary"

	"ordeal/internal/message"
)

// Flags of a coded receipt. The outcome takes two bits.
const (
	receiptLane    = 1 << iota
	receiptSeq     // expected: one more than the last of the lane
	receiptOutcome // the lowest of two bits; both together are no event, but a run of them
	_
	receiptKnown    // the position is known
	receiptPosition // expected: as far above the last of the lane as that was above the one before, or one above the last
	receiptMajor    // a position with another major number follows instead
	receiptAt       // expected: the last one
)

// receiptCoder codes and decodes the receipts of one producer.
type receiptCoder struct {
	producer uint32
	guesses  guesses
	turn     turn
	major    uint64
	minor    uint64
	by       either // lane or producer
	at       uint64 // µs
}

func newReceiptCoder(producer uint32) *receiptCoder {
	return &receiptCoder{producer: producer, turn: turn{producer: producer}}
}

// append codes r.
func (c *receiptCoder) append(b []byte, r *Receipt) []byte {
	start := len(b)
	b = append(b, 0)
	flags := byte(r.Outcome) * receiptOutcome
	if _, lane := c.turn.expected(&c.guesses); r.Lane != lane {
		flags |= receiptLane
		b = binary.AppendUvarint(b, uint64(r.Lane))
	}
	g := c.turn.take(&c.guesses, c.producer, r.Lane)
	if r.Seq != g.seq {
		flags |= receiptSeq
		b = putDifference(b, r.Seq, g.seq)
	}
	if r.Position.Known {
		flags |= receiptKnown
		switch guess := c.by.guess(g.position+g.positionStep, c.minor+1); {
		case r.Position.Major != c.major:
			flags |= receiptMajor
			b = putDifference(b, r.Position.Major, c.major)
			b = binary.AppendUvarint(b, r.Position.Minor)
		case r.Position.Minor != guess:
			flags |= receiptPosition
			b = putDifference(b, r.Position.Minor, guess)
		}
	}
	at := micros(r.At)
	if at != c.at {
		flags |= receiptAt
		b = putDifference(b, at, c.at)
	}
	b[start] = flags
	c.learn(g, r, at)
	return b
}

func (c *receiptCoder) learn(g *laneGuess, r *Receipt, at uint64) {
	g.seq = r.Seq + 1
	if r.Position.Known {
		c.by.learn(r.Position.Minor, g.position+g.positionStep, c.minor+1)
		g.position, g.positionStep = r.Position.Minor, r.Position.Minor-g.position
		c.major, c.minor = r.Position.Major, r.Position.Minor
	}
	c.at = at
}

// follow learns all up to last of a streak whose first two were appended. What lies between is wholly as expected, and coded by the byte.
func (c *receiptCoder) follow(last *Receipt) byte {
	g := c.guesses.at(c.producer, last.Lane)
	if !last.Position.Known {
		c.learn(g, last, c.at)
		return byte(last.Outcome) * receiptOutcome
	}
	g.position = last.Position.Minor - 1
	c.minor = last.Position.Minor - 1
	c.learn(g, last, c.at)
	return byte(last.Outcome)*receiptOutcome | receiptKnown
}

// read decodes one receipt.
func (c *receiptCoder) read(s *source, r *Receipt) {
	flags := s.code()
	_, lane := c.turn.expected(&c.guesses)
	if flags&receiptLane != 0 {
		lane = s.small()
	}
	r.ID = message.ID{Producer: c.producer, Lane: lane}
	g := c.turn.take(&c.guesses, c.producer, lane)
	r.Seq = g.seq
	if flags&receiptSeq != 0 {
		r.Seq = s.near(g.seq)
	}
	r.Outcome = message.Outcome(flags / receiptOutcome & 3)
	if r.Outcome > message.Rejected {
		s.bad = true
	}
	r.Position = message.Position{}
	if flags&receiptKnown != 0 {
		r.Position = message.Position{Major: c.major, Minor: c.by.guess(g.position+g.positionStep, c.minor+1), Known: true}
		switch {
		case flags&receiptMajor != 0:
			r.Position.Major = s.near(c.major)
			r.Position.Minor = s.number()
		case flags&receiptPosition != 0:
			r.Position.Minor = s.near(r.Position.Minor)
		}
	}
	at := c.at
	if flags&receiptAt != 0 {
		at = s.near(c.at)
	}
	r.At = nanos(at)
	c.learn(g, r, at)
}
