package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
	"ordeal/drivers/ending"
	"ordeal/drivers/spare"
)

// flight holds the messages of a producer that wait for their promise. Its lock is held while receipts are given, so that one
// goroutine at a time gives them.
type flight struct {
	ending.Unsettled
	tally tally
	seats []seat
	free  spare.Set
}

// seat is the place of one message. It is the context of its record, by which the promise finds it without a closure for every message;
// as a context it never ends.
type seat struct {
	context.Context //nolint:containedctx // it is what makes the seat a context
	record          kgo.Record
	token           uint64
	number          uint32
	taken           bool
}

func newFlight(window int, settle func(drivers.Receipt)) *flight {
	f := &flight{tally: tally{settle: settle}, seats: make([]seat, window), free: spare.Full(window)}
	for i := range f.seats {
		f.seats[i].Context, f.seats[i].number = context.Background(), uint32(i)
	}
	return f
}

// board seats a batch before it is sent. When the flight is over or has no room, it rejects the whole batch.
func (f *flight) board(seats []*seat, batch []drivers.Message) ([]*seat, error) {
	f.Lock()
	defer f.Unlock()
	err := f.Over()
	if err == nil && f.free.Len() < len(batch) {
		err = errWindow
	}
	if err != nil {
		f.reject(batch, err)
		return seats, err
	}
	for i := range batch {
		number, _ := f.free.Take()
		s := &f.seats[number]
		s.token, s.taken = batch[i].Token, true
		seats = append(seats, s)
	}
	f.Add(len(batch))
	return seats, nil
}

// refuse rejects a batch that is not sent.
func (f *flight) refuse(batch []drivers.Message, err error) {
	f.Lock()
	defer f.Unlock()
	f.reject(batch, err)
}

func (f *flight) reject(batch []drivers.Message, err error) {
	for i := range batch {
		f.tally.give(&drivers.Receipt{Token: batch[i].Token, Outcome: drivers.Rejected, Err: err}, false)
	}
}

// answer settles the message of s by its promise; the receipt's token is filled in. It does nothing when the message was settled before.
func (f *flight) answer(s *seat, r *drivers.Receipt) {
	f.Lock()
	if s.taken {
		r.Token = s.token
		f.tally.give(r, f.Count() == 1)
		f.leave(s)
	}
	f.Unlock()
}

// hear is told of n records that the broker has taken.
func (f *flight) hear(n int) {
	f.Lock()
	defer f.Unlock()
	f.tally.hear(n)
}

// land settles a message whose promise was only a part of what decides, or that got none.
func (f *flight) land(s *seat, r *drivers.Receipt) {
	f.Lock()
	defer f.Unlock()
	f.put(s, r)
}

func (f *flight) put(s *seat, r *drivers.Receipt) {
	if !s.taken {
		return
	}
	r.Token = s.token
	f.tally.pass(r, false)
	f.leave(s)
}

// leave makes room for another message.
func (f *flight) leave(s *seat) {
	s.taken = false
	f.free.Add(s.number)
	f.Done(1)
}

// stop lets nothing start any more. Only the first reason counts.
func (f *flight) stop(err error) {
	f.Lock()
	defer f.Unlock()
	f.Stop(err)
}

// end settles what is left as Unknown. The library is through with all of it.
func (f *flight) end() {
	f.Lock()
	defer f.Unlock()
	f.tally.release(false)
	for i := range f.seats {
		f.put(&f.seats[i], &drivers.Receipt{Err: f.Over()})
	}
}

// state is why nothing may start any more, nil while it may.
func (f *flight) state() error {
	f.Lock()
	defer f.Unlock()
	return f.Over()
}

// full tells whether there is no room for another message.
func (f *flight) full() bool {
	f.Lock()
	defer f.Unlock()
	return f.free.Len() == 0
}
