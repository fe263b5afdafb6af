package nats

import (
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// subjectAge is for how long messages in one seat share a reply subject. It is shorter than the least time in which a cluster elects
// another leader (minElectionTimeout in the server's raft.go, 4 s): one that was paused and acknowledges once more what the next leader has
// acknowledged before then finds nobody.
const subjectAge = time.Second

// flight holds the messages of a producer that wait for an answer of their own. Its lock is held while receipts are given, so that
// one goroutine at a time gives them.
//
// Messages that follow one another in a seat share a reply subject for a while: the server remembers who listens on a few hundred subjects
// (maxResultCacheSize in client.go), and one that it has not met lately costs it a seventh of all that a message costs. What still tells
// the answers apart is the place in the stream, which rises: an ack of a place no higher than one that an ack in this seat has had before
// is an earlier message's. It is not believed also where a stream begins anew meanwhile: what such an ack was for is then unknown.
type flight struct {
	settle func(drivers.Receipt)
	born   time.Time
	// apart gives each message a subject of its own, for where the place does not rise: an ack may name that of an earlier copy.
	apart bool

	ending.Unsettled
	seats []seat
	free  []uint32
}

// seat is the place of one message. Its generation makes the answers to a later message in the same seat differ: it changes with time, and
// after a message that got no ack. An answer that comes after the message was given up finds nobody.
type seat struct {
	token      uint64
	deadline   int64
	generation uint64
	taken      bool
	// since is when the generation began, acked the highest place in the stream that an ack of it has named.
	since int64
	acked uint64
}

// renew begins another generation.
func (s *seat) renew(now int64) {
	s.generation++
	s.since, s.acked = now, 0
}

// A handle is a seat's number in its low bits and the generation above.
const (
	seatBits = 24
	seatMask = 1<<seatBits - 1
)

func newFlight(window int, apart bool, settle func(drivers.Receipt)) *flight {
	return &flight{settle: settle, born: time.Now(), apart: apart, seats: make([]seat, 0, max(1, window))}
}

// board seats a batch before it is sent, and appends its handles. When the flight is over, it rejects the whole batch.
func (f *flight) board(handles []uint64, batch []drivers.Message, patience time.Duration) ([]uint64, error) {
	now := int64(time.Since(f.born))
	f.Lock()
	defer f.Unlock()
	err := f.Over()
	if err == nil && f.Count()+len(batch) > seatMask {
		err = errWindow
	}
	if err != nil {
		f.reject(batch, err)
		return handles, err
	}
	for i := range batch {
		if len(f.free) == 0 {
			f.free = append(f.free, uint32(len(f.seats)))
			f.seats = append(f.seats, seat{})
		}
		number := f.free[len(f.free)-1]
		f.free = f.free[:len(f.free)-1]
		s := &f.seats[number]
		if f.apart || s.generation == 0 || now-s.since >= int64(subjectAge) {
			s.renew(now)
		}
		s.token, s.deadline, s.taken = batch[i].Token, now+int64(patience), true
		handles = append(handles, s.generation<<seatBits|uint64(number))
	}
	f.Add(len(batch))
	return handles, nil
}

// refuse rejects a batch that is not sent.
func (f *flight) refuse(batch []drivers.Message, err error) {
	f.Lock()
	defer f.Unlock()
	f.reject(batch, err)
}

func (f *flight) reject(batch []drivers.Message, err error) {
	for i := range batch {
		f.settle(drivers.Receipt{Token: batch[i].Token, Outcome: drivers.Rejected, Err: err})
	}
}

// landing is the receipt of the message of handle; its token is filled in.
type landing struct {
	handle  uint64
	receipt drivers.Receipt
}

func landed(handle uint64, r drivers.Receipt) landing { return landing{handle: handle, receipt: r} }

// land settles what one read brought. It does nothing for a message that was settled before, nor for a second ack of one.
func (f *flight) land(ls []landing) {
	f.Lock()
	defer f.Unlock()
	held := -1 // one receipt is kept back, to say whether another follows
	for i := range ls {
		if !f.seated(&ls[i]) || held >= 0 && ls[held].handle == ls[i].handle {
			continue
		}
		if held >= 0 {
			ls[held].receipt.More = true
			f.vacate(uint32(ls[held].handle&seatMask), ls[held].receipt)
		}
		held = i
	}
	if held >= 0 {
		f.vacate(uint32(ls[held].handle&seatMask), ls[held].receipt)
	}
}

// seated tells whether the message that l is for waits for its answer.
func (f *flight) seated(l *landing) bool {
	number := l.handle & seatMask
	if number >= uint64(len(f.seats)) {
		return false
	}
	s := &f.seats[number]
	again := !f.apart && l.receipt.Outcome == drivers.Acked && l.receipt.Position.Minor <= s.acked
	return s.taken && s.generation == l.handle>>seatBits && !again
}

func (f *flight) vacate(number uint32, r drivers.Receipt) {
	s := &f.seats[number]
	r.Token = s.token
	s.taken = false
	if r.Outcome == drivers.Acked {
		s.acked = r.Position.Minor
	} else {
		s.renew(int64(time.Since(f.born)))
	}
	f.free = append(f.free, number)
	f.settle(r)
	f.Done(1)
}

// expire gives up what has waited too long, and tells what is still owed.
func (f *flight) expire() debt {
	now := int64(time.Since(f.born))
	f.Lock()
	defer f.Unlock()
	if f.Count() == 0 {
		return nothing
	}
	for i := range f.seats {
		if s := &f.seats[i]; s.taken && s.deadline <= now {
			f.vacate(uint32(i), drivers.Receipt{Err: errNoAnswer})
		}
	}
	return answers // also where it was given up now: the server has yet to show that it is there
}

// end settles what is left as Unknown and lets nothing start any more. Only the first reason counts.
func (f *flight) end(err error) {
	f.Lock()
	defer f.Unlock()
	if !f.Stop(err) {
		return
	}
	for i := range f.seats {
		if f.seats[i].taken {
			f.vacate(uint32(i), drivers.Receipt{Err: err})
		}
	}
}
