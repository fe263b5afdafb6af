package ending

import (
	"context"
	"sync"
)

// Unsettled counts the messages of a producer that were sent and are not settled yet, and keeps why no more may be sent. A driver embeds it
// in what holds these messages: its lock is that one's, too, and all methods but Wait are called with it held. The zero value is ready.
type Unsettled struct {
	sync.Mutex
	count int
	over  error
	// none is closed when count falls to 0; nil when nobody waits.
	none chan struct{}
}

// Count is how many messages are not settled.
func (u *Unsettled) Count() int { return u.count }

// Add counts n messages that are about to be sent.
func (u *Unsettled) Add(n int) { u.count += n }

// Done counts n of them that are settled: their receipts have been given, so that whoever Waits may rely on it.
func (u *Unsettled) Done(n int) {
	if u.count -= n; u.count == 0 && u.none != nil {
		close(u.none)
		u.none = nil
	}
}

// Over is why nothing may be sent any more, nil while it may.
func (u *Unsettled) Over() error { return u.over }

// Stop lets nothing be sent any more, because of err, which is not nil. It settles nothing. Only the first reason counts; the others are
// told false.
func (u *Unsettled) Stop(err error) bool {
	first := u.over == nil
	if first {
		u.over = err
	}
	return first
}

// Wait returns once nothing is unsettled, or with ctx's error when ctx ends before, or has ended. It takes the lock.
func (u *Unsettled) Wait(ctx context.Context) error {
	u.Lock()
	if u.count == 0 {
		u.Unlock()
		return ctx.Err()
	}
	if u.none == nil {
		u.none = make(chan struct{})
	}
	none := u.none
	u.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-none:
		return nil
	}
}
