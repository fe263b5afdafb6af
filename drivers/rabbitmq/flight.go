package rabbitmq

import (
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// flight holds the messages of a producer that wait for a confirm, by the delivery tags that the broker counts for itself: 1 for the
// first message on a channel. Its lock is held while receipts are given, so that one goroutine at a time gives them.
type flight struct {
	settle func(drivers.Receipt)
	// keep is told once of each shard that a message was acked in it; nil where nobody asks. filled are those it was told of.
	keep   func(shard int32)
	filled []bool
	// doubtful is of answer.
	doubtful bool
	born     time.Time

	ending.Unsettled
	// ring has a seat for each tag from low to next-1, at tag modulo its length, which is a power of two.
	ring      []seat
	low, next uint64
	// kept is the confirmed message that is kept back, 0 for none; its seat is taken still.
	kept struct {
		tag uint64
		ack bool
	}
	// refused are the first and the last of the nacks that no ack has come between, since born; 0 where the last answer was an ack.
	refused struct{ first, last time.Duration }
}

// seat is the place of one message.
type seat struct {
	token           uint64
	sent            time.Duration // since born; board sets it
	shard           int32
	size            int // of the body
	taken, returned bool
}

func newFlight(window int, settle func(drivers.Receipt)) *flight {
	size := 1
	for size < window {
		size *= 2
	}
	return &flight{settle: settle, born: time.Now(), ring: make([]seat, size), low: 1, next: 1}
}

func (f *flight) seat(tag uint64) *seat { return &f.ring[tag&uint64(len(f.ring)-1)] }

// board seats messages that are about to be sent, in the order of their tags. When the flight is over it rejects them.
func (f *flight) board(seats []seat) error {
	sent := time.Since(f.born)
	f.Lock()
	defer f.Unlock()
	if over := f.Over(); over != nil {
		err := &unsentError{over}
		for i := range seats {
			f.settle(drivers.Receipt{Token: seats[i].token, Outcome: sendOutcome(err), Err: err, More: i < len(seats)-1})
		}
		return over
	}
	for f.next+uint64(len(seats))-f.low > uint64(len(f.ring)) {
		f.grow()
	}
	for i := range seats {
		s := f.seat(f.next)
		*s = seats[i]
		s.sent = sent
		f.next++
	}
	f.Add(len(seats))
	return nil
}

func (f *flight) grow() {
	old := f.ring
	f.ring = make([]seat, 2*len(old))
	for tag := f.low; tag < f.next; tag++ {
		*f.seat(tag) = old[tag&uint64(len(old)-1)]
	}
}

// reject settles what is not sent at all.
func (f *flight) reject(token uint64, cause error) {
	err := &unsentError{cause}
	f.Lock()
	defer f.Unlock()
	f.settle(drivers.Receipt{Token: token, Outcome: sendOutcome(err), Err: err})
}

// confirmed settles the message of tag, and with multiple all before it. It is the broker's answer; what was settled already is left. The
// last of what it settles is kept back, until another follows or settled says that none is at hand.
func (f *flight) confirmed(tag uint64, multiple, ack bool) {
	f.Lock()
	defer f.Unlock()
	if tag >= f.next {
		return
	}
	if ack {
		f.refused.first, f.refused.last = 0, 0
	} else {
		f.refused.last = time.Since(f.born)
		if f.refused.first == 0 {
			f.refused.first = f.refused.last
		}
	}
	first := tag
	if multiple {
		first = f.low
	}
	for t := max(first, f.low); t <= tag; t++ {
		if f.seat(t).taken && t != f.kept.tag {
			f.answer(true)
			f.kept.tag, f.kept.ack = t, ack
		}
	}
}

// settled says that no other confirm is at hand.
func (f *flight) settled() {
	f.Lock()
	defer f.Unlock()
	f.answer(false)
}

// answer settles the message that was kept back, if there is one, by the broker's confirm.
func (f *flight) answer(more bool) {
	if f.kept.tag == 0 {
		return
	}
	s := f.seat(f.kept.tag)
	outcome, err := answer{ack: f.kept.ack, returned: s.returned, doubtful: f.doubtful}.outcome()
	f.kept.tag = 0
	if outcome == drivers.Acked && f.keep != nil && !f.filled[s.shard] {
		f.filled[s.shard] = true
		f.keep(s.shard)
	}
	f.vacate(s, drivers.Receipt{Outcome: outcome, Err: err, More: more})
	for f.low < f.next && !f.seat(f.low).taken {
		f.low++
	}
}

// returned notes that the broker gave the message of tag back. Its confirm is still to come.
func (f *flight) returned(tag uint64) {
	f.Lock()
	defer f.Unlock()
	if tag >= f.low && tag < f.next && tag != f.kept.tag {
		f.seat(tag).returned = true
	}
}

func (f *flight) vacate(s *seat, r drivers.Receipt) {
	r.Token = s.token
	*s = seat{}
	f.settle(r)
	f.Done(1)
}

// stuck tells why the channel is of no more use: the oldest message has waited longer than patience, or nothing was taken of what was
// answered in longer than refusals. One nack before a pause says nothing of what would be answered next.
func (f *flight) stuck(patience, refusals time.Duration) error {
	f.Lock()
	defer f.Unlock()
	now := time.Since(f.born)
	switch {
	case f.Count() > 0 && now-f.seat(f.low).sent > patience:
		return errSilent
	case f.refused.last-f.refused.first > refusals:
		return errRefusing
	default:
		return nil
	}
}

// end settles what is left as unknown and lets nothing start any more. Only the first reason counts.
//
// One message can be told apart: where the broker ends the channel because of a message's size, it is the first one over the limit. The
// broker looks at the size before anything else is done with a message, takes a channel's messages in their order, and would not have come
// past another. What it does with those behind is left open.
func (f *flight) end(err error) {
	size, limit, refused := tooLarge(err)
	f.Lock()
	defer f.Unlock()
	f.answer(f.Count() > 1)
	if !f.Stop(err) {
		return
	}
	for ; f.low < f.next; f.low++ {
		s := f.seat(f.low)
		if !s.taken {
			continue
		}
		r := drivers.Receipt{Outcome: sendOutcome(err), Err: err, More: f.Count() > 1}
		if refused && s.size > limit {
			refused = false
			if s.size == size {
				r.Outcome = drivers.Rejected
			}
		}
		f.vacate(s, r)
	}
}
