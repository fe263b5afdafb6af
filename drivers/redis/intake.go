package redis

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"ordeal/drivers/ending"
)

// intake is the reading end of a consumer. Whoever receives reads the connection himself; whoever acknowledges takes the turn, too, and the
// goroutine that sees whether the server still answers may give the connection up under both.
type intake struct {
	reads ending.Reads
	wire  *wire
	// within tells that somebody receives.
	within atomic.Bool
	// heard counts reads.
	heard atomic.Uint64

	mu sync.Mutex
	// why is what ended the connection, where it did not go by itself.
	why error

	// quit is closed by close, gone when the connection was given up.
	quit, gone chan struct{}
}

func newIntake(w *wire) *intake {
	return &intake{reads: ending.Reads{Conn: w.conn}, wire: w, quit: make(chan struct{}), gone: make(chan struct{})}
}

// enter takes the turn for a call with ctx. That the connection was given up counts for more than the end of ctx.
func (i *intake) enter(ctx context.Context) error {
	err := i.reads.Enter(ctx)
	if errors.Is(err, errClosed) {
		return err
	}
	if why := i.reason(); why != nil {
		if err == nil {
			i.reads.Leave()
		}
		return why
	}
	return err
}

func (i *intake) leave() { i.reads.Leave() }

// read waits for more.
func (i *intake) read() error {
	err := i.wire.fill()
	if err == nil {
		i.heard.Add(1)
		return nil
	}
	ended, why := i.reads.Ended(err), i.reason()
	if ended != nil && (why == nil || !errors.Is(ended, ending.ErrLapsed)) {
		return ended
	}
	return cutOff(why, err)
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
	close(i.quit)
	i.reads.Close()
}
