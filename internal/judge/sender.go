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

// settledLane is what the receipts of one lane said. What is in no set is unknown.
type settledLane struct {
	acked set
	// refused are those whose first try was rejected, or all; nil as long as there are none. Those that were told so twice are wholly
	// refused: after the first try and in the end. Those that are unknown in the end are unsure. Both are nil likewise.
	refused, wholly, unsure *set
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
	from, to := r.Seq, r.Seq+uint64(r.Following)+1
	if r.Outcome == message.Unknown {
		if lane := s.settled.peek(r.Lane); lane != nil && lane.refused != nil {
			lane.again(&lane.unsure, from, to, &s.pool)
		}
		return
	}
	lane := s.settled.at(r.Lane)
	if r.Outcome == message.Acked {
		lane.acked.addRun(from, to, &s.pool)
		return
	}
	if lane.refused == nil {
		lane.refused = new(set)
	}
	lane.again(&lane.wholly, from, to, &s.pool)
	lane.refused.addRun(from, to, &s.pool)
}

// again puts those of [from, to) that were refused before into a set.
func (l *settledLane) again(into **set, from, to uint64, p *pool) {
	if !l.refused.any(from, to) {
		return
	}
	if *into == nil {
		*into = new(set)
	}
	for n := from; n < to; n++ {
		if l.refused.has(n) {
			(*into).add(n, p)
		}
	}
}

// unite takes over what other knows.
func (l *settledLane) unite(other *settledLane, p *pool) {
	l.acked.unite(&other.acked, p)
	for _, pair := range []struct {
		mine   **set
		theirs *set
	}{{&l.refused, other.refused}, {&l.wholly, other.wholly}, {&l.unsure, other.unsure}} {
		if pair.theirs == nil {
			continue
		}
		if *pair.mine == nil {
			*pair.mine = new(set)
		}
		(*pair.mine).unite(pair.theirs, p)
	}
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
		if !theirs.acked.empty() || theirs.refused != nil {
			s.settled.at(lane).unite(theirs, &s.pool)
		}
	})
}

// account is the settled state of one lane after everything stopped.
type account struct {
	attempted uint64
	// These are the sets of a settledLane, none of them nil.
	acked, refused, wholly, unsure *set
}

// rejected are the messages that were in the end.
func (a *account) rejected() *set {
	var out set
	if a.refused.empty() {
		return &out
	}
	var p pool
	walk(a.refused, a.acked, onlyFirst, 0, a.attempted, func(from, to uint64) bool {
		out.addRun(from, to, &p)
		return true
	})
	if !a.unsure.empty() {
		out.drop(a.unsure, &p)
	}
	return &out
}

// lane sums up one lane. A receipt proves an attempt, also where a cut history has lost it.
func (s *sender) lane(lane uint32) account {
	a := account{acked: &set{}, refused: &set{}, wholly: &set{}, unsure: &set{}}
	if next := s.attempts.peek(lane); next != nil {
		a.attempted = *next
	}
	if settled := s.settled.peek(lane); settled != nil {
		a.acked = &settled.acked
		if settled.refused != nil {
			a.refused = settled.refused
		}
		if settled.wholly != nil {
			a.wholly = settled.wholly
		}
		if settled.unsure != nil {
			a.unsure = settled.unsure
		}
	}
	a.attempted = max(a.attempted, a.acked.end(), a.refused.end())
	return a
}
