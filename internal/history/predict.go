package history

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Coder and decoder make the same guesses from what the stream held before. The guesses are kept in tables of bounded size: lanes that
// share an entry are guessed badly and coded at greater length, never wrongly.
const (
	laneGuesses     = 4096
	producerGuesses = 64
	shardGuesses    = 256
)

// laneGuess is what is expected of a lane's next event.
type laneGuess struct {
	seq   uint64
	index uint64
	step  uint64 // by which index rose
	shard int32
	// position and positionStep say where the message of a receipt is expected to lie.
	position     uint64
	positionStep uint64
	// afterProducer and afterLane tell which lane followed this one the last time.
	afterProducer, afterLane uint32
}

// guesses are the lanes of one stream, by producer.
type guesses [producerGuesses][]laneGuess

func (g *guesses) at(producer, lane uint32) *laneGuess {
	lanes := &g[producer%producerGuesses]
	i := int(lane % laneGuesses)
	if i >= len(*lanes) {
		grown := make([]laneGuess, min(laneGuesses, max(16, 2*len(*lanes), i+1)))
		copy(grown, *lanes)
		*lanes = grown
	}
	return &(*lanes)[i]
}

// shardGuess is what is expected of the next position in a shard.
type shardGuess struct {
	major, minor, step uint64
}

// either picks one of two guesses: the one that was nearer the last time.
type either struct{ second bool }

func (e *either) guess(first, second uint64) uint64 {
	if e.second {
		return second
	}
	return first
}

func (e *either) learn(value, first, second uint64) {
	e.second = zigzag(value-second) < zigzag(value-first)
}

// errMalformed tells that a payload, though its checksum is right, is not what this package writes.
var errMalformed = errors.New("malformed event")

// zigzag maps a difference to a number that is small where the difference is: 0, -1, 1, -2 to 0, 1, 2, 3.
func zigzag(difference uint64) uint64 { return difference<<1 ^ uint64(int64(difference)>>63) }

func unzigzag(n uint64) uint64 { return n>>1 ^ -(n & 1) }

func putDifference(b []byte, value, guess uint64) []byte {
	return binary.AppendUvarint(b, zigzag(value-guess))
}

// source reads events and their numbers; the first error sticks.
type source struct {
	b     []byte
	again []byte // what begins a run
	bad   bool
	// latest is the latest event's first byte, left is how often it is still to come again, and from how much of b was left before it.
	latest byte
	left   uint64
	from   int
}

// again is what stands, in blocks of a kind, where the byte before, which is a whole event, comes again: no event of that kind begins so. A
// number follows it, of how often.
func again(kind blockKind) []byte {
	switch kind {
	case attemptBlock:
		return []byte{attemptRun}
	case receiptBlock:
		return []byte{3 * receiptOutcome}
	case deliveryBlock:
		return []byte{deliveryMore, 0}
	default:
		return nil // not of events
	}
}

// code begins an event and returns its first byte.
func (s *source) code() byte {
	if s.left == 0 {
		if single := s.from == len(s.b)+1; !single || !bytes.HasPrefix(s.b, s.again) {
			s.from = len(s.b)
			s.latest = s.byte()
			return s.latest
		}
		s.b = s.b[len(s.again):]
		s.from = 0 // behind a run comes something else
		if s.left = s.number(); s.left == 0 {
			s.bad = true
			return 0
		}
	}
	s.left--
	return s.latest
}

// ended tells that nothing is left.
func (s *source) ended() bool { return len(s.b) == 0 && s.left == 0 }

func (s *source) byte() byte {
	if len(s.b) == 0 {
		s.bad = true
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return c
}

func (s *source) number() uint64 {
	n, size := binary.Uvarint(s.b)
	if size <= 0 {
		s.bad, s.b = true, nil
		return 0
	}
	s.b = s.b[size:]
	return n
}

func (s *source) near(guess uint64) uint64 { return guess + unzigzag(s.number()) }

// small reads a number that must fit into 32 bits.
func (s *source) small() uint32 {
	n := s.number()
	if n > 1<<32-1 {
		s.bad = true
	}
	return uint32(n)
}

func (s *source) nearInt32(guess int32) int32 {
	n := int64(s.near(uint64(int64(guess))))
	if n != int64(int32(n)) {
		s.bad = true
	}
	return int32(n)
}

const microsecond = 1000

// micros rounds down to µs, also before the epoch, so that order stays.
func micros(ns int64) uint64 {
	us := ns / microsecond
	if ns%microsecond < 0 {
		us--
	}
	return uint64(us)
}

func nanos(us uint64) int64 { return int64(us) * microsecond }

// turn is the order in which lanes take turns in a stream: the lane that followed this one the last time is expected to follow it again.
type turn struct{ producer, lane uint32 }

func (t *turn) expected(g *guesses) (producer, lane uint32) {
	last := g.at(t.producer, t.lane)
	return last.afterProducer, last.afterLane
}

// take notes which lane came, and returns what is expected of it.
func (t *turn) take(g *guesses, producer, lane uint32) *laneGuess {
	last := g.at(t.producer, t.lane)
	last.afterProducer, last.afterLane = producer, lane
	t.producer, t.lane = producer, lane
	return g.at(producer, lane)
}
