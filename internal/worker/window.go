package worker

import (
	"encoding/binary"
	"sync/atomic"

	"ordeal/drivers/spare"
	"ordeal/internal/message"
)

// slot is one place in a producer's window: a message from its attempt to its receipt. The producer's goroutine writes it before the send,
// the settling goroutine reads it after; the driver orders the two. It is laid out by hand, little endian:
//
//	0  when it was sent, ns since the beginning   8  what a sealer made of what lies behind the stamp   12 round   14 marks and tries
//	16 the stamp, of which the rest of what settling needs to know is read
//
// It is one cache line, and where it can be, the message's body goes on right behind it: large windows are in no cache, and to fetch slots
// and bodies, which go from one processor to the other and back, is most of what a message costs.
type slot [slotState + message.HeaderSize]byte

const slotState = 16

// The marks of a slot stand above the count of tries.
const (
	inFlight = 1 << 15
	// inDoubt is set once one try ended as unknown: the message can then never be called rejected.
	inDoubt = 1 << 14
	// filled tells that what lies behind the stamp was made before.
	filled    = 1 << 13
	triesMask = filled - 1
)

func (s *slot) sent() int64       { return int64(binary.LittleEndian.Uint64(s[0:])) }
func (s *slot) setSent(ns int64)  { binary.LittleEndian.PutUint64(s[0:], uint64(ns)) }
func (s *slot) rest() uint32      { return binary.LittleEndian.Uint32(s[8:]) }
func (s *slot) setRest(r uint32)  { binary.LittleEndian.PutUint32(s[8:], r) }
func (s *slot) marks() uint16     { return binary.LittleEndian.Uint16(s[14:]) }
func (s *slot) setMarks(m uint16) { binary.LittleEndian.PutUint16(s[14:], m) }
func (s *slot) tries() int        { return int(s.marks() & triesMask) }

// round tells the uses of a slot apart, so that a second settle of one message is seen.
func (s *slot) round() uint16 { return binary.LittleEndian.Uint16(s[12:]) }

func (s *slot) nextRound() { binary.LittleEndian.PutUint16(s[12:], s.round()+1) }

func (s *slot) stamp() *[message.HeaderSize]byte { return (*[message.HeaderSize]byte)(s[slotState:]) }

// begin makes it that of a new message, which is sent now for the first time.
func (s *slot) begin(now int64) {
	s.setSent(now)
	s.setMarks(s.marks()&filled | 1)
}

// again notes another try.
func (s *slot) again(now int64) {
	s.setSent(now)
	s.setMarks(s.marks() + 1)
}

// contents is what the message of a slot says, in memory that serves one message after another, where it does not lie behind the slot.
type contents struct {
	body []byte
	// rest is what a sealer made of what lies behind the stamp.
	rest uint32
}

// cacheLine is how much of memory comes into a cache at once.
const cacheLine = 64

// window hands out slots. The producer's goroutine takes, the settling goroutine gives back.
type window struct {
	// memory holds the slots, stride bytes from one to the next, with the bodies of size bytes behind them; size is 0 where these are
	// elsewhere.
	memory       []byte
	stride, size int
	// contents, keys and retryAt are those of each slot: contents nil where bodies lie behind the slots, keys nil where messages have none,
	// retryAt when a failed try is to be made again.
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

// placeMax is how much memory a window takes at once. Larger bodies are made as they are needed.
const placeMax = 8 << 20

// newWindow makes one of so many slots, for bodies of so many bytes.
func newWindow(slots, minSize, maxSize int) *window {
	w := &window{
		stride: cacheLine, retryAt: make([]int64, slots), spare: spare.Full(slots), free: newRing(slots), retry: newRing(slots),
	}
	if stride := (slotState + maxSize + cacheLine - 1) / cacheLine * cacheLine; minSize == maxSize && slots*stride <= placeMax {
		w.stride, w.size = stride, maxSize
	} else {
		w.contents = make([]contents, slots)
	}
	w.memory = make([]byte, slots*w.stride)
	return w
}

// slots is how many there are.
func (w *window) slots() uint32 { return uint32(len(w.retryAt)) }

// slot i, which must be one.
func (w *window) slot(i uint32) *slot { return (*slot)(w.memory[int(i)*w.stride:]) }

// body is what slot i's message says.
func (w *window) body(i uint32) []byte {
	if w.size == 0 {
		return w.contents[i].body
	}
	at := int(i)*w.stride + slotState
	return w.memory[at : at+w.size : at+w.size]
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

// showSettled shows the producer's goroutine what was settled and released. What is to be tried again is shown before it is no more in
// flight, or there would be a moment in which it was neither.
func (w *window) showSettled() {
	w.retry.showPushed()
	w.inFlight.Add(-w.landed)
	w.landed = 0
	w.free.showPushed()
}

// token names the present use of slot i, which is s.
func token(i uint32, s *slot) uint64 { return uint64(s.round())<<32 | uint64(i) }

// touch reads something of the slot of a token, so that it comes into the cache.
func (w *window) touch(token uint64) uint16 {
	if i := uint32(token); i < w.slots() {
		return w.slot(i).round()
	}
	return 0
}

// settled finds the slot of a token, or nil where the driver had no right to settle it.
func (w *window) settled(token uint64) (*slot, uint32) {
	i := uint32(token)
	if i >= w.slots() {
		w.misuse.Add(1)
		return nil, 0
	}
	s := w.slot(i)
	if uint64(s.round()) != token>>32 || s.marks()&inFlight == 0 {
		w.misuse.Add(1)
		return nil, 0
	}
	s.setMarks(s.marks() &^ inFlight)
	w.landed++
	return s, i
}

// release gives slot i, which is s, back for another message, after showSettled.
func (w *window) release(i uint32, s *slot) {
	s.nextRound()
	w.free.push(i)
}

// ready tells whether the producer, which waits when it knows of no free slot, should be woken, and that only once.
func (w *window) ready() bool {
	n := w.wanted.Load()
	return n > 0 && (w.free.len() >= int(n) || w.retry.len() > 0) && w.wanted.CompareAndSwap(n, 0)
}
