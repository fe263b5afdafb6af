package history

import (
	"math"

	"ordeal/internal/message"
)

// A streak is one event that stands for several of its kind: that of a message, and those of the messages that follow it directly, each one
// higher in sequence number and in the minor number of its position, as much higher in index as the others, and alike in all else. At full
// speed most events come in streaks, and what is true of a whole streak is found out once. A file keeps no streaks: it is the same, bit for
// bit, whether the events came in streaks or one by one.

// Extend takes next, which is no streak, into the streak that a begins, and tells whether it could: next must follow directly.
func (a *Attempt) Extend(next *Attempt) bool {
	step := uint64(a.Following) + 1
	if next.Lane != a.Lane || next.Producer != a.Producer || !above(next.Seq, a.Seq, step) || !above(next.Index, a.Index, step) ||
		next.Shard != a.Shard || next.Incarnation != a.Incarnation || next.Intended != a.Intended || next.Sent != a.Sent {
		return false
	}
	a.Following++
	return true
}

// Nth is event n of the streak that a begins, from 0, as one by itself.
func (a *Attempt) Nth(n uint32) Attempt {
	nth := *a
	nth.Seq, nth.Index, nth.Following = a.Seq+uint64(n), a.Index+uint64(n), 0
	return nth
}

// Extend takes next, which is no streak, into the streak that r begins, and tells whether it could: next must follow directly.
func (r *Receipt) Extend(next *Receipt) bool {
	step := uint64(r.Following) + 1
	if next.Lane != r.Lane || next.Producer != r.Producer || !above(next.Seq, r.Seq, step) || next.Outcome != r.Outcome ||
		next.At != r.At || !further(next.Position, r.Position, step) {
		return false
	}
	r.Following++
	return true
}

// Nth is event n of the streak that r begins, from 0, as one by itself.
func (r *Receipt) Nth(n uint32) Receipt {
	nth := *r
	nth.Seq, nth.Position, nth.Following = r.Seq+uint64(n), onwards(r.Position, n), 0
	return nth
}

// Extend takes next, which is no streak, into the streak that d begins, and tells whether it could: next must follow directly, and both
// bodies be whole, for what the others say of themselves proves nothing. Indices rise by more than one where messages go to several shards
// in turn.
func (d *Delivery) Extend(next *Delivery) bool {
	step := uint64(d.Following) + 1
	stride := uint64(d.Stride)
	if d.Following == 0 {
		stride = next.Index - d.Index
	}
	if next.Lane != d.Lane || next.Producer != d.Producer || !above(next.Seq, d.Seq, step) ||
		stride-1 >= math.MaxUint32 || !above(next.Index, d.Index, step*stride) ||
		next.Status != message.Whole || d.Status != message.Whole || next.Shard != d.Shard || next.Incarnation != d.Incarnation ||
		next.Redelivered != d.Redelivered || next.At != d.At || !further(next.Position, d.Position, step) ||
		next.Group != d.Group || next.Member != d.Member || next.Session != d.Session {
		return false
	}
	d.Following++
	d.Stride = uint32(stride)
	return true
}

// Nth is event n of the streak that d begins, from 0, as one by itself.
func (d *Delivery) Nth(n uint32) Delivery {
	nth := *d
	nth.Seq, nth.Index, nth.Position = d.Seq+uint64(n), d.Index+uint64(n)*uint64(d.Stride), onwards(d.Position, n)
	nth.Following, nth.Stride = 0, 0
	return nth
}

// above tells whether next is step above first, which numbers that overflow are not.
func above(next, first, step uint64) bool { return next == first+step && next >= step }

// further tells whether next is step places behind first, or both are unknown.
func further(next, first message.Position, step uint64) bool {
	if !first.Known {
		return next == first
	}
	return next.Known && next.Major == first.Major && above(next.Minor, first.Minor, step)
}

func onwards(p message.Position, n uint32) message.Position {
	if p.Known {
		p.Minor += uint64(n)
	}
	return p
}
