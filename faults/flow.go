package faults

import (
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How much a flow takes in before it makes the other side wait. A delayed flow must hold all that is under way, bandwidth times delay,
// or it would take away bandwidth too; a stalled one holds what a socket's buffer would.
const (
	delayedLimit = 16 << 20
	stalledLimit = 64 << 10
)

// flow is one direction of a connection. It is passive, and not looked at, until an effect comes. Then it queues: a pump, a goroutine
// of its own, takes bytes from the connection (receiving) or gives them to it (sending), and calls of the borrower deal with the queue.
// It goes back to being passive when no effect is left, the queue is empty and the pump has ended; so no byte overtakes another.
type flow struct {
	link   *link
	way    Direction
	active atomic.Bool // calls must take the slow way; written with mu held
	turn   sync.Mutex  // one slow Write at a time

	mu       sync.Mutex
	changed  chan struct{} // closed when anything below changed
	applied  []*Applied
	queue    []chunk
	size     int       // bytes in queue
	last     time.Time // when the last of the queue is due
	pumping  bool
	lost     bool // bytes, or the end of the stream, have vanished
	err      error
	deadline time.Time
	rng      *rand.Rand
}

// chunk is what came or went at once. err is the end of the stream, after data.
type chunk struct {
	data []byte
	err  error
	due  time.Time
}

func (f *flow) init(k *link, way Direction, rng *rand.Rand) { f.link, f.way, f.rng = k, way, rng }

func (f *flow) apply(a *Applied) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied = append(f.applied, a)
	f.active.Store(true)
	f.notify()
}

// lift takes a away and tells whether bytes were lost. What is queued need not wait longer than what comes now.
func (f *flow) lift(a *Applied) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.applied, a)
	if i < 0 {
		return false
	}
	f.applied = slices.Delete(f.applied, i, i+1)
	latest := time.Now()
	for _, b := range f.applied {
		latest = latest.Add(b.effect.Delay + b.effect.Jitter)
	}
	for i := range f.queue {
		if f.queue[i].due.After(latest) {
			f.queue[i].due = latest
		}
	}
	if f.last.After(latest) {
		f.last = latest
	}
	f.rest()
	f.notify()
	return f.lost
}

// rest makes the flow passive when nothing is left to do. mu is held.
func (f *flow) rest() {
	if len(f.applied) > 0 || len(f.queue) > 0 || f.pumping || !f.active.Load() {
		return
	}
	_ = f.forward(f.deadline)
	f.active.Store(false)
}

// busy tells whether the peer may not yet hear of the end of a sending flow.
func (f *flow) busy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.link.cut.Load() && f.err == nil && (len(f.queue) > 0 || f.pumping || f.hole() != NoHole)
}

// hole is the worst in force. mu is held.
func (f *flow) hole() Hole {
	worst := NoHole
	for _, a := range f.applied {
		worst = max(worst, a.effect.Hole)
	}
	return worst
}

// limit is how many bytes the queue may hold before others have to wait. mu is held.
func (f *flow) limit() int {
	if f.hole() == Stall {
		return stalledLimit
	}
	return delayedLimit
}

// put queues a copy of data, due after the delays in force, and counts them. mu is held.
func (f *flow) put(data []byte, err error) {
	due := time.Now()
	for _, a := range f.applied {
		due = due.Add(f.delay(a.effect))
		switch {
		case a.effect.Hole == Stall:
			a.held.Add(int64(len(data)))
		case a.effect.Delay > 0 || a.effect.Jitter > 0:
			a.calls.Add(1)
			a.delayed.Add(int64(len(data)))
		}
	}
	if due.Before(f.last) {
		due = f.last // order before delay
	}
	f.last = due
	f.queue = append(f.queue, chunk{data: slices.Clone(data), err: err, due: due})
	f.size += len(data)
	f.notify()
}

func (f *flow) delay(e Effect) time.Duration {
	if e.Jitter <= 0 {
		return e.Delay
	}
	return max(0, e.Delay-e.Jitter+time.Duration(f.rng.Int64N(2*int64(e.Jitter)+1)))
}

// drop lets n bytes vanish; an end of the stream counts as lost without a byte. mu is held.
func (f *flow) drop(n int) {
	f.lost = true
	for _, a := range f.applied {
		if a.effect.Hole == Drop {
			a.dropped.Add(int64(n))
		}
	}
}

// setDeadline keeps t for the slow way, and passes it on unless the pump has the connection to itself.
func (f *flow) setDeadline(t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deadline = t
	f.notify()
	if f.pumping {
		return nil
	}
	return f.forward(t)
}

func (f *flow) forward(t time.Time) error {
	if f.way == Sending {
		return f.link.Conn.SetWriteDeadline(t)
	}
	return f.link.Conn.SetReadDeadline(t)
}

// stopped is why a slow call must not go on: the connection's end, or the deadline. mu is held.
func (f *flow) stopped(op string) error {
	if err := f.link.ended(op); err != nil {
		return err
	}
	if !f.deadline.IsZero() && !time.Now().Before(f.deadline) {
		return f.link.failure(op, os.ErrDeadlineExceeded)
	}
	return nil
}

// wait gives mu away until something changed, or until the earliest of the given moments that are not zero.
func (f *flow) wait(moments ...time.Time) {
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	changed := f.changed
	f.mu.Unlock()
	defer f.mu.Lock()
	var first time.Time
	for _, m := range moments {
		if !m.IsZero() && (first.IsZero() || m.Before(first)) {
			first = m
		}
	}
	if first.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(first))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

// notify wakes everybody in wait. mu is held.
func (f *flow) notify() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

func (f *flow) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notify()
}
