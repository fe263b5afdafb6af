package nats

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"ordeal/drivers/ending"
)

// keepPause is how often a consumer that does not receive shows the server that it lives: with nobody to answer its PINGs the server would
// take it for dead, at the earliest after two of the shortest interval that it takes, a second.
const keepPause = 500 * time.Millisecond

// intake is the reading end of a consumer. Whoever receives reads the connection himself; a goroutine of its own shows that the client
// lives while nobody does.
type intake struct {
	reads ending.Reads
	wire  *wire
	// within tells that somebody receives.
	within atomic.Bool

	quit chan struct{}
	done chan struct{}
	// why is what ended the connection for others to see, such as a fence.
	why  error
	gone chan struct{}
	once sync.Once
}

func newIntake(w *wire) *intake {
	i := &intake{
		reads: ending.Reads{Conn: w.conn}, wire: w, quit: make(chan struct{}), done: make(chan struct{}), gone: make(chan struct{}),
	}
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
	err := i.reads.Enter(ctx)
	if err == nil {
		i.within.Store(true)
	}
	return err
}

func (i *intake) leave() {
	i.within.Store(false)
	i.reads.Leave()
}

// read waits for more.
func (i *intake) read() error {
	err := i.wire.fill()
	if err == nil {
		return nil
	}
	if ended := i.reads.Ended(err); ended != nil {
		return ended
	}
	return err
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
	i.reads.Close()
	close(i.quit)
	<-i.done
}
