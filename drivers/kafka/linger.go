package kafka

import (
	"sync"
	"time"
)

// crowdedFor is for how long a producer whose window was full does without linger.
const crowdedFor = time.Second

// linger holds messages back until others have come, and then hands all of them to the library at once, which so makes one request of them
// for all partitions. The library's own linger would go on when the window is full, and then wait for messages that nobody may send.
type linger struct {
	wait time.Duration
	// hand gives messages to the library, in order.
	hand func(seats []*seat)

	mu   sync.Mutex
	held []*seat
	// due ends the wait of those that are held.
	due *time.Timer
	// crowded is until when nothing is held, because the window was full not long ago: there is always more to come.
	crowded time.Time
	// over tells that nothing is handed over any more.
	over bool
}

func newLinger(wait time.Duration, hand func([]*seat)) *linger {
	l := &linger{wait: wait, hand: hand}
	l.due = time.AfterFunc(time.Hour, l.release)
	l.due.Stop()
	return l
}

// add takes messages over. full tells that no more can come before one of them is settled.
func (l *linger) add(seats []*seat, now time.Time, full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return // whoever ended it settles what is in flight
	}
	if full {
		l.crowded = now.Add(crowdedFor)
	}
	if l.wait == 0 || now.Before(l.crowded) {
		l.flush()
		l.hand(seats)
		return
	}
	if len(l.held) == 0 {
		l.due.Reset(l.wait)
	}
	l.held = append(l.held, seats...)
}

// release hands over what is held.
func (l *linger) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
}

func (l *linger) flush() {
	if len(l.held) > 0 {
		l.due.Stop()
		l.hand(l.held)
		l.held = l.held[:0]
	}
}

// drop ends the waiting: nothing is handed over any more.
func (l *linger) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due.Stop()
	l.held, l.over = nil, true
}
