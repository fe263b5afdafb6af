package redis

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// intake is the reading end of a consumer. Whoever receives reads the connection himself, so that a batch costs one system call and wakes
// one goroutine; what ends his context interrupts the read and leaves the connection whole.
type intake struct {
	wire *wire
	// turn is held by who receives or acknowledges, and by who closes. within tells that somebody receives.
	turn   sync.Mutex
	within atomic.Bool
	closed atomic.Bool
	// heard counts reads.
	heard atomic.Uint64

	// mu guards the read deadline: that of a context that is over, or of close, must not be pushed back.
	mu    sync.Mutex
	ctx   context.Context //nolint:containedctx // the one whose end interrupts reads, the same for very many calls
	stop  func() bool
	lapse time.Time
	// why is what ended the connection, where it did not go by itself.
	why error

	// quit is closed by close, gone when the connection was given up.
	quit, gone chan struct{}
}

// errLapsed says that nothing came until the time that was set.
var errLapsed = errors.New("nothing came in time")

func newIntake(w *wire) *intake {
	return &intake{wire: w, quit: make(chan struct{}), gone: make(chan struct{})}
}

// enter takes the turn for a call with ctx.
func (i *intake) enter(ctx context.Context) error {
	i.turn.Lock()
	if err := i.arm(ctx); err != nil {
		i.turn.Unlock()
		return err
	}
	return nil
}

func (i *intake) leave() { i.turn.Unlock() }

// arm makes the end of ctx interrupt reads.
func (i *intake) arm(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.closed.Load():
		return errClosed
	case i.why != nil:
		return i.why
	case ctx.Err() != nil:
		return ctx.Err()
	case i.ctx != nil && i.ctx.Done() == ctx.Done():
		return nil
	}
	i.disarm()
	i.ctx, i.lapse = ctx, time.Time{}
	i.wire.conn.SetReadDeadline(i.lapse) //nolint:errcheck // fails only when the connection is gone, which the read tells
	if ctx.Done() != nil {
		i.stop = context.AfterFunc(ctx, func() {
			i.mu.Lock()
			defer i.mu.Unlock()
			if i.ctx == ctx {
				i.wire.interrupt()
			}
		})
	}
	return nil
}

// disarm lets go of the context. mu is held.
func (i *intake) disarm() {
	if i.stop != nil {
		i.stop()
	}
	i.stop, i.ctx = nil, nil
}

// until sets when a read that brings nothing ends with errLapsed.
func (i *intake) until(t time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lapse.Equal(t) || i.closed.Load() || i.ctx != nil && i.ctx.Err() != nil {
		return
	}
	i.lapse = t
	i.wire.conn.SetReadDeadline(t) //nolint:errcheck // likewise
}

// read waits for more.
func (i *intake) read() error {
	err := i.wire.fill()
	if err == nil {
		i.heard.Add(1)
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.closed.Load():
		return errClosed
	case i.ctx != nil && i.ctx.Err() != nil:
		return i.ctx.Err()
	case i.why == nil && errors.Is(err, os.ErrDeadlineExceeded):
		i.lapse = time.Time{}
		i.wire.conn.SetReadDeadline(i.lapse) //nolint:errcheck // likewise
		return errLapsed
	default:
		return cutOff(i.why, err)
	}
}

// end gives the connection up. Only the first reason counts.
func (i *intake) end(err error) {
	i.mu.Lock()
	if i.why == nil {
		i.why = err
		close(i.gone)
	}
	i.mu.Unlock()
	i.wire.cut()
}

// reason is what ended the connection, nil where it has not ended or went by itself.
func (i *intake) reason() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.why
}

// lost tells whether the connection is of no more use.
func (i *intake) lost() bool {
	select {
	case <-i.gone:
		return true
	default:
		return false
	}
}

// close interrupts who reads and keeps everybody else out. It returns with the turn.
func (i *intake) close() {
	i.mu.Lock()
	i.closed.Store(true)
	close(i.quit)
	i.wire.interrupt()
	i.disarm()
	i.mu.Unlock()
	i.turn.Lock()
}
