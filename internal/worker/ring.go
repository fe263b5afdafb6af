package worker

import "sync/atomic"

// ring is a queue of slot numbers between one goroutine that pushes and one that pops. It never overflows: it is as large as the window.
// Each of the two works on numbers of its own and shows the other how far it has come once for a batch: a write that another core has to
// see costs as much as the rest of a push.
type ring struct {
	buf  []uint32
	mask uint64
	_    [40]byte // pushes and pops touch different cache lines

	tail   atomic.Uint64 // pushes that were shown
	pushed uint64
	_      [48]byte

	head   atomic.Uint64 // pops that were shown
	popped uint64
	known  uint64 // pushes that the popping goroutine knows of
}

func newRing(size int) *ring {
	n := 1
	for n < size {
		n *= 2
	}
	return &ring{buf: make([]uint32, n), mask: uint64(n - 1)}
}

// push adds v; it can be popped after showPushed.
func (r *ring) push(v uint32) {
	r.buf[r.pushed&r.mask] = v
	r.pushed++
}

func (r *ring) showPushed() { r.tail.Store(r.pushed) }

// pop takes the oldest; len of the other goroutine counts it until showPopped.
func (r *ring) pop() (uint32, bool) {
	if r.none() {
		return 0, false
	}
	v := r.buf[r.popped&r.mask]
	r.popped++
	return v, true
}

func (r *ring) showPopped() { r.head.Store(r.popped) }

// none tells the goroutine that pops whether there is nothing.
func (r *ring) none() bool {
	if r.popped == r.known {
		r.known = r.tail.Load()
	}
	return r.popped == r.known
}

// peek is pop without taking; the ring must not be empty.
func (r *ring) peek() uint32 { return r.buf[r.popped&r.mask] }

// len is how many there are by what both have shown.
func (r *ring) len() int { return int(r.tail.Load() - r.head.Load()) }
