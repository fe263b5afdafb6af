package history

import (
	"encoding/binary"

	"ordeal/internal/message"
)

// Flags of a coded delivery, in one byte or two.
const (
	deliveryLane        = 1 << iota // another producer or lane than expected
	deliverySeq                     // expected: one more than the last of the lane
	deliveryIndex                   // expected: see producerGuess
	deliveryPosition                // expected: as far above the last of the shard as that was above the one before
	deliveryAt                      // expected: the last one
	deliveryReader                  // expected: the last member and session
	deliveryRedelivered             // it is flagged
	deliveryMore                    // a second byte follows; where that is zero, this is no event, but a run of them
)

const (
	moreStatus      = 1 << iota // the lowest of two bits
	_                           //
	moreIncarnation             // expected: the last of the producer
	moreShard                   // expected: that of the lane
	moreKnown                   // the position's being known is not as the last time
	moreMajor                   // a position with another major number follows instead
)

// deliveryCoder codes and decodes the deliveries of one group.
type deliveryCoder struct {
	group     uint32
	guesses   guesses
	turn      turn
	producers [producerGuesses]producerGuess
	shards    []shardGuess
	known     bool
	member    uint32
	session   uint32
	at        uint64 // µs
}

// producerGuess is what is expected of a producer's next message: an index as far above the last of the lane as that was above the one
// before, or one above the producer's last.
type producerGuess struct {
	index       uint64
	by          either // lane or producer
	incarnation uint16
}

func (p *producerGuess) next(g *laneGuess) uint64 { return p.by.guess(g.index+g.step, p.index+1) }

func newDeliveryCoder(group uint32) *deliveryCoder { return &deliveryCoder{group: group} }

func (c *deliveryCoder) shard(shard int32) *shardGuess {
	i := int(uint32(shard) % shardGuesses)
	if i >= len(c.shards) {
		grown := make([]shardGuess, min(shardGuesses, max(4, 2*len(c.shards), i+1)))
		copy(grown, c.shards)
		c.shards = grown
	}
	return &c.shards[i]
}

// append codes d.
func (c *deliveryCoder) append(b []byte, d *Delivery) []byte {
	start := len(b)
	flags, more := byte(0), byte(d.Status)*moreStatus
	producer, lane := c.turn.expected(&c.guesses)
	isLane := d.Producer == producer && d.Lane == lane
	g := c.turn.take(&c.guesses, d.Producer, d.Lane)
	sender := &c.producers[d.Producer%producerGuesses]
	place := c.shard(d.Shard)
	if d.Incarnation != sender.incarnation {
		more |= moreIncarnation
	}
	if d.Shard != g.shard {
		more |= moreShard
	}
	if d.Position.Known != c.known {
		more |= moreKnown
	}
	if d.Position.Known && d.Position.Major != place.major {
		more |= moreMajor
	}
	b = append(b, 0)
	if more != 0 {
		flags |= deliveryMore
		b = append(b, more)
	}
	if !isLane {
		flags |= deliveryLane
		b = binary.AppendUvarint(b, uint64(d.Producer))
		b = binary.AppendUvarint(b, uint64(d.Lane))
	}
	if d.Seq != g.seq {
		flags |= deliverySeq
		b = putDifference(b, d.Seq, g.seq)
	}
	if guess := sender.next(g); d.Index != guess {
		flags |= deliveryIndex
		b = putDifference(b, d.Index, guess)
	}
	if more&moreIncarnation != 0 {
		b = binary.AppendUvarint(b, uint64(d.Incarnation))
	}
	if more&moreShard != 0 {
		b = putDifference(b, uint64(int64(d.Shard)), uint64(int64(g.shard)))
	}
	switch guess := place.minor + place.step; {
	case !d.Position.Known:
	case more&moreMajor != 0:
		b = putDifference(b, d.Position.Major, place.major)
		b = binary.AppendUvarint(b, d.Position.Minor)
	case d.Position.Minor != guess:
		flags |= deliveryPosition
		b = putDifference(b, d.Position.Minor, guess)
	}
	if d.Member != c.member || d.Session != c.session {
		flags |= deliveryReader
		b = binary.AppendUvarint(b, uint64(d.Member))
		b = binary.AppendUvarint(b, uint64(d.Session))
	}
	at := micros(d.At)
	if at != c.at {
		flags |= deliveryAt
		b = putDifference(b, at, c.at)
	}
	if d.Redelivered {
		flags |= deliveryRedelivered
	}
	b[start] = flags
	c.learn(g, sender, place, d, at)
	return b
}

func (c *deliveryCoder) learn(g *laneGuess, sender *producerGuess, place *shardGuess, d *Delivery, at uint64) {
	sender.by.learn(d.Index, g.index+g.step, sender.index+1)
	sender.index, sender.incarnation = d.Index, d.Incarnation
	g.seq, g.index, g.step, g.shard = d.Seq+1, d.Index, d.Index-g.index, d.Shard
	if d.Position.Known {
		if d.Position.Major == place.major {
			place.step = d.Position.Minor - place.minor
		} else {
			place.step = 1
		}
		place.major, place.minor = d.Position.Major, d.Position.Minor
	}
	c.known, c.member, c.session, c.at = d.Position.Known, d.Member, d.Session, at
}

// follow learns all up to last of a streak whose first three were appended, with which indices rise by stride. What lies between is wholly
// as expected, and coded by the byte. It takes a third to know that the lane tells better of indices than the producer.
func (c *deliveryCoder) follow(last *Delivery, stride uint32) byte {
	g, sender, place := c.guesses.at(last.Producer, last.Lane), &c.producers[last.Producer%producerGuesses], c.shard(last.Shard)
	g.index, sender.index = last.Index-uint64(stride), last.Index-uint64(stride)
	if last.Position.Known {
		place.minor = last.Position.Minor - 1
	}
	c.learn(g, sender, place, last, c.at)
	if last.Redelivered {
		return deliveryRedelivered
	}
	return 0
}

// read decodes one delivery.
func (c *deliveryCoder) read(s *source, d *Delivery) {
	flags, more := s.code(), byte(0)
	if flags&deliveryMore != 0 {
		more = s.byte()
		s.bad = s.bad || more == 0
	}
	producer, lane := c.turn.expected(&c.guesses)
	if flags&deliveryLane != 0 {
		producer, lane = s.small(), s.small()
	}
	*d = Delivery{ID: message.ID{Producer: producer, Lane: lane}, Group: c.group, Status: message.Status(more / moreStatus & 3)}
	if d.Status > message.Foreign {
		s.bad = true
	}
	g := c.turn.take(&c.guesses, producer, lane)
	sender := &c.producers[producer%producerGuesses]
	d.Seq, d.Index, d.Shard, d.Incarnation = g.seq, sender.next(g), g.shard, sender.incarnation
	if flags&deliverySeq != 0 {
		d.Seq = s.near(g.seq)
	}
	if flags&deliveryIndex != 0 {
		d.Index = s.near(d.Index)
	}
	if more&moreIncarnation != 0 {
		d.Incarnation = uint16(s.small())
	}
	if more&moreShard != 0 {
		d.Shard = s.nearInt32(g.shard)
	}
	place := c.shard(d.Shard)
	d.Position.Known = c.known != (more&moreKnown != 0)
	if d.Position.Known {
		d.Position.Major, d.Position.Minor = place.major, place.minor+place.step
		switch {
		case more&moreMajor != 0:
			d.Position.Major = s.near(place.major)
			d.Position.Minor = s.number()
		case flags&deliveryPosition != 0:
			d.Position.Minor = s.near(d.Position.Minor)
		}
	}
	d.Member, d.Session = c.member, c.session
	if flags&deliveryReader != 0 {
		d.Member, d.Session = s.small(), s.small()
	}
	at := c.at
	if flags&deliveryAt != 0 {
		at = s.near(c.at)
	}
	d.At, d.Redelivered = nanos(at), flags&deliveryRedelivered != 0
	c.learn(g, sender, place, d, at)
}
