package nats

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// keepPause is how often a consumer that does not receive shows the server that it lives: with nobody to answer its PINGs the server would
// take it for dead, at the earliest after two of the shortest interval that it takes, a second.
const keepPause = 500 * time.Millisecond

// intake is the reading end of a consumer. Whoever receives reads the connection himself, so that a batch costs one system call and wakes
// one goroutine; what ends his context interrupts the read and leaves the connection whole.
type intake struct {
	wire *wire
	// turn is held by who reads, and by who closes.
	turn   sync.Mutex
	within atomic.Bool
	closed atomic.Bool

	// mu guards the read deadline: that of a context that is over, or of close, must not be pushed back.
	mu    sync.Mutex
	ctx   context.Context //nolint:containedctx // the one whose end interrupts reads, the same for very many calls
	stop  func() bool
	lapse time.Time

	quit chan struct{}
	done chan struct{}
	// why is what ended the connection for others to see, such as a fence.
	why  error
	gone chan struct{}
	once sync.Once
}

// errLapsed says that nothing came until the time that was set.
var errLapsed = errors.New("nothing came in time")

func newIntake(w *wire) *intake {
	i := &intake{wire: w, quit: make(chan struct{}), done: make(chan struct{}), gone: make(chan struct{})}
	go i.keep()
	return i
}

// keep shows that the client lives while nobody reads.
func (i *intake) keep() {
	defer close(i.done)
	tick := time.NewTicker(keepPause)
	defer tick.Stop()
	for {
		select {
		case <-i.quit:
			return
		case <-i.gone:
			return
		case <-tick.C:
			if !i.within.Load() && i.wire.tell("PONG") != nil {
				return
			}
		}
	}
}

// enter begins to receive for ctx.
func (i *intake) enter(ctx context.Context) error {
	i.turn.Lock()
	err := i.arm(ctx)
	if err != nil {
		i.turn.Unlock()
		return err
	}
	i.within.Store(true)
	return nil
}

func (i *intake) leave() {
	i.within.Store(false)
	i.turn.Unlock()
}

// arm makes the end of ctx interrupt reads.
func (i *intake) arm(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.closed.Load():
		return errClosed
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
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.closed.Load():
		return errClosed
	case i.ctx != nil && i.ctx.Err() != nil:
		return i.ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		i.lapse = time.Time{}
		i.wire.conn.SetReadDeadline(i.lapse) //nolint:errcheck // likewise
		return errLapsed
	default:
		return err
	}
}

// end notes what ended the connection. Only the first reason counts.
func (i *intake) end(err error) {
	i.once.Do(func() {
		i.why = err
		close(i.gone)
	})
	i.wire.close()
}

// close interrupts who reads and keeps everybody else out. It returns with the turn.
func (i *intake) close() {
	i.mu.Lock()
	i.closed.Store(true)
	i.wire.interrupt()
	i.disarm()
	i.mu.Unlock()
	i.turn.Lock()
	close(i.quit)
	<-i.done
}
