package history

import (
	"encoding/binary"

	"ordeal/internal/message"
)

// Flags of a coded attempt: which values are not as expected and follow, in this order.
const (
	attemptLane        = 1 << iota
	attemptSeq         // expected: one more than the last of the lane
	attemptIndex       // expected: one more than the last
	attemptShard       // expected: that of the lane
	attemptIncarnation // expected: the last one
	attemptIntended    // expected: the last one; else the change of the distance to it
	attemptSent        // expected: the last one
	attemptRun         // no event, but a run of them
)

// attemptCoder codes and decodes the attempts of one producer.
type attemptCoder struct {
	producer       uint32
	guesses        guesses
	turn           turn
	index          uint64
	incarnation    uint16
	intended, sent uint64 // µs
	pace           uint64 // between the last two intended times
}

func newAttemptCoder(producer uint32) *attemptCoder {
	return &attemptCoder{producer: producer, turn: turn{producer: producer}}
}

// append codes a.
func (c *attemptCoder) append(b []byte, a *Attempt) []byte {
	at := len(b)
	b = append(b, 0)
	flags := byte(0)
	if _, lane := c.turn.expected(&c.guesses); a.Lane != lane {
		flags |= attemptLane
		b = binary.AppendUvarint(b, uint64(a.Lane))
	}
	g := c.turn.take(&c.guesses, c.producer, a.Lane)
	if a.Seq != g.seq {
		flags |= attemptSeq
		b = putDifference(b, a.Seq, g.seq)
	}
	if a.Index != c.index {
		flags |= attemptIndex
		b = putDifference(b, a.Index, c.index)
	}
	if a.Shard != g.shard {
		flags |= attemptShard
		b = putDifference(b, uint64(int64(a.Shard)), uint64(int64(g.shard)))
	}
	if a.Incarnation != c.incarnation {
		flags |= attemptIncarnation
		b = binary.AppendUvarint(b, uint64(a.Incarnation))
	}
	intended, sent := micros(a.Intended), micros(a.Sent)
	if intended != c.intended {
		flags |= attemptIntended
		b = putDifference(b, intended-c.intended, c.pace)
	}
	if sent != c.sent {
		flags |= attemptSent
		b = putDifference(b, sent, c.sent)
	}
	b[at] = flags
	c.learn(g, a, intended, sent)
	return b
}

func (c *attemptCoder) learn(g *laneGuess, a *Attempt, intended, sent uint64) {
	g.seq, g.shard = a.Seq+1, a.Shard
	c.index, c.incarnation = a.Index+1, a.Incarnation
	if intended != c.intended {
		c.pace = intended - c.intended
	}
	c.intended, c.sent = intended, sent
}

// follow learns all up to last of a streak whose first two were appended. What lies between is wholly as expected, and coded by the byte.
func (c *attemptCoder) follow(last *Attempt) byte {
	c.learn(c.guesses.at(c.producer, last.Lane), last, c.intended, c.sent)
	return 0
}

// read decodes one attempt.
func (c *attemptCoder) read(s *source, a *Attempt) {
	flags := s.code()
	s.bad = s.bad || flags&attemptRun != 0
	_, lane := c.turn.expected(&c.guesses)
	if flags&attemptLane != 0 {
		lane = s.small()
	}
	a.ID = message.ID{Producer: c.producer, Lane: lane}
	g := c.turn.take(&c.guesses, c.producer, lane)
	a.Seq, a.Index, a.Shard, a.Incarnation = g.seq, c.index, g.shard, c.incarnation
	if flags&attemptSeq != 0 {
		a.Seq = s.near(g.seq)
	}
	if flags&attemptIndex != 0 {
		a.Index = s.near(c.index)
	}
	if flags&attemptShard != 0 {
		a.Shard = s.nearInt32(g.shard)
	}
	if flags&attemptIncarnation != 0 {
		a.Incarnation = uint16(s.small())
	}
	intended, sent := c.intended, c.sent
	if flags&attemptIntended != 0 {
		intended += s.near(c.pace)
	}
	if flags&attemptSent != 0 {
		sent = s.near(c.sent)
	}
	a.Intended, a.Sent = nanos(intended), nanos(sent)
	c.learn(g, a, intended, sent)
}
