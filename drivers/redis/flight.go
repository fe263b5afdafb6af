package redis

import (
	"fmt"
	"sync"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// flight holds the messages of a producer that wait for a reply. Replies come in the order of the messages.
type flight struct {
	settle func(drivers.Receipt)

	// giving is held while receipts are given, so that one goroutine at a time gives them. It is taken before the lock of Unsettled.
	giving sync.Mutex

	ending.Unsettled
	// tokens of what is in flight, a ring; first is the oldest's number, next that of the message after the newest.
	tokens      []uint64
	first, next uint64
}

const (
	// leastRing is how many tokens a ring has at first.
	leastRing = 1024
	// settleStep is how many receipts are given for one look into the ring.
	settleStep = 256
)

func newFlight(window int, settle func(drivers.Receipt)) *flight {
	size := leastRing
	for size < window {
		size *= 2
	}
	return &flight{settle: settle, tokens: make([]uint64, size)}
}

// board puts messages in flight, before they are written. An error says that nothing may start any more.
func (f *flight) board(tokens []uint64) error {
	f.Lock()
	defer f.Unlock()
	if over := f.Over(); over != nil {
		return over
	}
	for int(f.next-f.first)+len(tokens) > len(f.tokens) {
		f.grow()
	}
	mask := uint64(len(f.tokens) - 1)
	for _, token := range tokens {
		f.tokens[f.next&mask] = token
		f.next++
	}
	f.Add(len(tokens))
	return nil
}

// grow doubles the ring: the window is the engine's to keep.
func (f *flight) grow() {
	larger := make([]uint64, 2*len(f.tokens))
	for n := f.first; n < f.next; n++ {
		larger[n&uint64(len(larger)-1)] = f.tokens[n&uint64(len(f.tokens)-1)]
	}
	f.tokens = larger
}

// refuse settles a message that was not put in flight, as Rejected.
func (f *flight) refuse(token uint64, err error) {
	f.giving.Lock()
	defer f.giving.Unlock()
	f.settle(drivers.Receipt{Token: token, Outcome: drivers.Rejected, Err: err})
}

// land settles the oldest messages with rs, whose tokens are filled in. The error says that there are not so many.
func (f *flight) land(rs []drivers.Receipt) error {
	f.giving.Lock()
	defer f.giving.Unlock()
	var step [settleStep]uint64
	for len(rs) > 0 {
		n := f.take(step[:min(len(step), len(rs))])
		if n == 0 {
			break
		}
		for i := range n {
			rs[i].Token, rs[i].More = step[i], i < n-1
			f.settle(rs[i])
		}
		rs = rs[n:]
	}
	f.Lock()
	defer f.Unlock()
	f.reached()
	if len(rs) == 0 {
		return nil
	}
	if over := f.Over(); over != nil {
		return over // and with that all was settled
	}
	return fmt.Errorf("%w: it answers nothing", errReply)
}

// take takes the oldest tokens out of the ring.
func (f *flight) take(into []uint64) (n int) {
	f.Lock()
	defer f.Unlock()
	mask := uint64(len(f.tokens) - 1)
	for n < len(into) && f.first < f.next {
		into[n] = f.tokens[f.first&mask]
		f.first++
		n++
	}
	return n
}

// reached notes that everything that was taken is settled. Both locks are held.
func (f *flight) reached() { f.Done(f.Count() - int(f.next-f.first)) }

// close lets nothing start any more; what is in flight may still be answered. Only the first reason counts.
func (f *flight) close(err error) {
	f.Lock()
	defer f.Unlock()
	f.Stop(err)
}

// end does the same and settles what is left as Unknown.
func (f *flight) end(err error) {
	f.close(err)
	f.giving.Lock()
	defer f.giving.Unlock()
	var step [settleStep]uint64
	for n := f.take(step[:]); n > 0; n = f.take(step[:]) {
		for i := range n {
			f.settle(drivers.Receipt{Token: step[i], Err: err, More: i < n-1})
		}
	}
	f.Lock()
	defer f.Unlock()
	f.reached()
}

// open counts what is not settled.
func (f *flight) open() int {
	f.Lock()
	defer f.Unlock()
	return f.Count()
}

// sent counts what was ever put in flight.
func (f *flight) sent() uint64 {
	f.Lock()
	defer f.Unlock()
	return f.next
}
