package worker

import "sync/atomic"

// ring is a queue of slot numbers between one goroutine that pushes and one that pops. It never overflows: it is as large as the window.
type ring struct {
	buf  []uint32
	mask uint64
	_    [40]byte // pushes and pops touch different cache lines
	tail atomic.Uint64
	_    [56]byte
	head atomic.Uint64
}

func newRing(size int) *ring {
	n := 1
	for n < size {
		n *= 2
	}
	return &ring{buf: make([]uint32, n), mask: uint64(n - 1)}
}

func (r *ring) push(v uint32) {
	t := r.tail.Load()
	r.buf[t&r.mask] = v
	r.tail.Store(t + 1)
}

func (r *ring) pop() (uint32, bool) {
	h := r.head.Load()
	if h == r.tail.Load() {
		return 0, false
	}
	v := r.buf[h&r.mask]
	r.head.Store(h + 1)
	return v, true
}

// peek is pop without taking; the ring must not be empty.
func (r *ring) peek() uint32 { return r.buf[r.head.Load()&r.mask] }

func (r *ring) len() int { return int(r.tail.Load() - r.head.Load()) }
