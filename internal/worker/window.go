package worker

import (
	"sync/atomic"

	"ordeal/drivers/spare"
)

// slot is one place in a producer's window: a message from its attempt to its receipt. The producer's goroutine writes it before the send,
// the settling goroutine reads it after; the driver orders the two.
//
// It is one cache line, and has nothing but what settling a message looks at: large windows are in no cache, and to fetch their slots is
// most of what settling costs.
type slot struct {
	seq      uint64
	intended int64
	sent     int64
	lane     uint32
	shard    int32
	phase    int32
	// round tells the uses of a slot apart, so that a second settle of one message is seen.
	round uint32
	tries int32
	// doubt is set once one try ended as unknown: the message can then never be called rejected.
	doubt    bool
	inFlight bool
	_        [cacheLine - 46]byte
}

// contents is what the message of a slot says, in memory that serves one message after another.
type contents struct {
	body []byte
	// rest is what a sealer made of what lies behind the stamp.
	rest uint32
}

// cacheLine is how much of memory comes into a cache at once.
const cacheLine = 64

// window hands out slots. The producer's goroutine takes, the settling goroutine gives back.
type window struct {
	slots []slot
	// contents, keys and retryAt are those of each slot: keys nil where messages have none, retryAt when a failed try is to be made again.
	contents []contents
	keys     [][]byte
	retryAt  []int64
	// spare are the free slots that the producer's goroutine knows of, free is how it hears of more.
	spare spare.Set
	free  *ring
	retry *ring
	// inFlight counts messages with the driver, and landed those of them that were settled since it was last brought up to date.
	inFlight atomic.Int64
	landed   int64
	// wanted is how many free slots the producer waits for; 0 while it does not wait.
	wanted atomic.Int32
	// misuse counts tokens that were settled twice or never given out: a bug of the driver.
	misuse atomic.Int64
}

func newWindow(size int) *window {
	return &window{
		slots: make([]slot, size), contents: make([]contents, size), retryAt: make([]int64, size),
		spare: spare.Full(size), free: newRing(size), retry: newRing(size),
	}
}

// learn makes the producer's goroutine know of the slots that were shown to be free.
func (w *window) learn() {
	for {
		i, ok := w.free.pop()
		if !ok {
			return
		}
		w.spare.Add(i)
	}
}

// take returns a free slot's number, of those that are known.
func (w *window) take() (uint32, bool) { return w.spare.Take() }

// showTaken shows the settling goroutine what was taken, also for another try.
func (w *window) showTaken() {
	w.free.showPopped()
	w.retry.showPopped()
}

// showSettled shows the producer's goroutine what was settled and released.
func (w *window) showSettled() {
	w.inFlight.Add(-w.landed)
	w.landed = 0
	w.free.showPushed()
	w.retry.showPushed()
}

// token names the present use of slot i; hand has the same on its way.
func (w *window) token(i uint32) uint64 { return uint64(w.slots[i].round)<<32 | uint64(i) }

// touch reads something of the slot of a token, so that it comes into the cache.
func (w *window) touch(token uint64) uint32 {
	if i := uint32(token); i < uint32(len(w.slots)) {
		return w.slots[i].round
	}
	return 0
}

// settled finds the slot of a token, or nil where the driver had no right to settle it.
func (w *window) settled(token uint64) (*slot, uint32) {
	i := uint32(token)
	if i >= uint32(len(w.slots)) || w.slots[i].round != uint32(token>>32) || !w.slots[i].inFlight {
		w.misuse.Add(1)
		return nil, 0
	}
	s := &w.slots[i]
	s.inFlight = false
	w.landed++
	return s, i
}

// release gives slot i back for another message, after showSettled.
func (w *window) release(i uint32) {
	w.slots[i].round++
	w.free.push(i)
}

// ready tells whether the producer, which waits when it knows of no free slot, should be woken, and that only once.
func (w *window) ready() bool {
	n := w.wanted.Load()
	return n > 0 && (w.free.len() >= int(n) || w.retry.len() > 0) && w.wanted.CompareAndSwap(n, 0)
}
