package ending

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// ErrLapsed says that a read brought nothing until the time that was set for it.
var ErrLapsed = errors.New("nothing came in time")

// Reads ends the reads of a connection that is read by whoever receives, so that a batch costs one system call and wakes one goroutine.
// What ends a receiver's context interrupts his read and leaves the connection whole; to close does the same to whoever reads. A context
// is watched from the first call with it until one comes with another, as by a Fuse.
//
// It is ready once Conn is set. A driver embeds it in what reads the connection.
type Reads struct {
	// Conn is the connection whose read deadline it sets; nobody else does between Enter and Leave. It is set once, before the first call.
	Conn net.Conn

	turn   sync.Mutex
	closed atomic.Bool

	// mu guards the read deadline: that of a context that is over, or of Close, must not be pushed back.
	mu    sync.Mutex
	ctx   context.Context //nolint:containedctx // the one whose end interrupts reads, the same for very many calls
	stop  func() bool
	lapse time.Time
}

// Enter takes the turn for a call with ctx, and waits for it where another has it; Leave gives it back. Its error is ErrClosed after Close,
// else ctx's, which is over already; then the turn is not taken.
func (r *Reads) Enter(ctx context.Context) error {
	r.turn.Lock()
	if err := r.arm(ctx); err != nil {
		r.turn.Unlock()
		return err
	}
	return nil
}

// Leave gives back the turn of Enter or Close.
func (r *Reads) Leave() { r.turn.Unlock() }

// arm makes the end of ctx interrupt reads.
func (r *Reads) arm(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed.Load():
		return ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case r.ctx != nil && r.ctx.Done() == ctx.Done():
		return nil
	}
	r.disarm()
	r.ctx, r.lapse = ctx, time.Time{}
	r.Conn.SetReadDeadline(r.lapse) //nolint:errcheck // fails only when the connection is gone, which the read tells
	if ctx.Done() != nil {
		r.stop = context.AfterFunc(ctx, func() { r.over(ctx) })
	}
	return nil
}

// over interrupts reads because ctx has ended; what is left of an earlier one must not.
func (r *Reads) over(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == ctx {
		r.interrupt()
	}
}

// interrupt ends the read that is going on, and all after it until the deadline is set anew.
func (r *Reads) interrupt() {
	r.Conn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // fails only when the connection is gone, which ends a read as well
}

// disarm lets go of the context. mu is held.
func (r *Reads) disarm() {
	if r.stop != nil {
		r.stop()
	}
	r.stop, r.ctx = nil, nil
}

// Until sets when a read that brings nothing ends with ErrLapsed, the zero time for never. Whoever has the turn calls it. It holds for
// later calls with the same context, until a read has lapsed.
func (r *Reads) Until(t time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lapse.Equal(t) || r.closed.Load() || r.ctx != nil && r.ctx.Err() != nil {
		return
	}
	r.lapse = t
	r.Conn.SetReadDeadline(t) //nolint:errcheck // likewise
}

// Ended tells, of a read that failed with err, what ended it: ErrClosed, the context's error, or ErrLapsed, after which the connection can
// be read on. It is nil where the connection itself failed, of which err says more. Whoever has the turn calls it.
func (r *Reads) Ended(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed.Load():
		return ErrClosed
	case r.ctx != nil && r.ctx.Err() != nil:
		return r.ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.lapse = time.Time{}
		r.Conn.SetReadDeadline(r.lapse) //nolint:errcheck // likewise
		return ErrLapsed
	default:
		return nil
	}
}

// Closed tells whether Close was called. Any goroutine may ask.
func (r *Reads) Closed() bool { return r.closed.Load() }

// Close interrupts who reads, keeps everybody else out, and returns with the turn. The connection stays open, for a goodbye; whoever reads
// it now sets its deadline himself. It is called once.
func (r *Reads) Close() {
	r.mu.Lock()
	r.closed.Store(true)
	r.interrupt()
	r.disarm()
	r.mu.Unlock()
	r.turn.Lock()
}
