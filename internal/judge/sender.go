package judge

import (
	"sync/atomic"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// sender is what the book knows of one producer. Its three parts belong to the goroutine that sends, to everybody, and to the goroutine
// that settles; the padding keeps them on cache lines of their own.
type sender struct {
	plan Producer

	// attempts is the number of messages attempted, by lane.
	attempts table[uint64]
	_        [64]byte
	// total is the number of messages attempted in all lanes, which is more than the Index of any of them. Groups read it to tell a
	// message from an invention before it misleads them about order.
	total atomic.Uint64
	_     [56]byte
	// settled is what became of the attempts, by lane.
	settled table[settledLane]
	pool    pool
}

// settledLane is what the receipts of one lane said. What is in neither set is unknown.
type settledLane struct {
	acked set
	// rejected is nil as long as nothing was.
	rejected *set
}

// attempt notes a; only the producer's goroutine calls it, and show after it.
func (s *sender) attempt(a *history.Attempt) {
	if next := s.attempts.at(a.Lane); a.Seq+uint64(a.Following) >= *next {
		*next = a.Seq + uint64(a.Following) + 1
	}
}

// show lets the groups know that messages up to index were attempted.
func (s *sender) show(index uint64) {
	if index >= s.total.Load() {
		s.total.Store(index + 1)
	}
}

// receipt notes r; one goroutine at a time calls it.
func (s *sender) receipt(r *history.Receipt) {
	if r.Outcome == message.Unknown {
		return
	}
	lane := s.settled.at(r.Lane)
	if r.Outcome == message.Acked {
		lane.acked.addRun(r.Seq, r.Seq+uint64(r.Following)+1, &s.pool)
		return
	}
	if lane.rejected == nil {
		lane.rejected = new(set)
	}
	lane.rejected.addRun(r.Seq, r.Seq+uint64(r.Following)+1, &s.pool)
}

// merge takes over what other knows of the same producer.
func (s *sender) merge(other *sender) {
	other.attempts.each(func(lane uint32, next *uint64) {
		if *next > 0 {
			mine := s.attempts.at(lane)
			*mine = max(*mine, *next)
		}
	})
	s.total.Store(max(s.total.Load(), other.total.Load()))
	other.settled.each(func(lane uint32, theirs *settledLane) {
		if theirs.acked.empty() && theirs.rejected == nil {
			return
		}
		mine := s.settled.at(lane)
		mine.acked.unite(&theirs.acked, &s.pool)
		if theirs.rejected != nil {
			if mine.rejected == nil {
				mine.rejected = new(set)
			}
			mine.rejected.unite(theirs.rejected, &s.pool)
		}
	})
}

// account is the settled state of one lane after everything stopped.
type account struct {
	attempted       uint64
	acked, rejected *set
}

// lane sums up one lane. A receipt proves an attempt, also where a cut history has lost it.
func (s *sender) lane(lane uint32) account {
	a := account{acked: &set{}, rejected: &set{}}
	if next := s.attempts.peek(lane); next != nil {
		a.attempted = *next
	}
	if settled := s.settled.peek(lane); settled != nil {
		a.acked = &settled.acked
		if settled.rejected != nil {
			a.rejected = settled.rejected
		}
	}
	a.attempted = max(a.attempted, a.acked.end(), a.rejected.end())
	return a
}
