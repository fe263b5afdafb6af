package rabbitmq

import (
	"context"
	"sync"

	"ordeal/drivers"
)

// attendance is what a consumer needs to read its line itself. What ends its call interrupts the read and leaves the line whole.
type attendance struct {
	line *line

	mu sync.Mutex
	// done is that of the context whose end interrupts reads, the same for very many calls.
	done <-chan struct{}
	stop func() bool
}

// watch has the end of ctx interrupt reads.
func (a *attendance) watch(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	done := ctx.Done()
	if done == a.done {
		return
	}
	a.drop()
	if a.done = done; done != nil {
		a.stop = context.AfterFunc(ctx, a.line.interrupt)
	}
}

// release lets go of the context.
func (a *attendance) release() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop()
}

func (a *attendance) drop() {
	if a.stop != nil {
		a.stop()
	}
	a.stop, a.done = nil, nil
}

// receive waits for at least one delivery.
func (c *consumer) receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if n, err := c.inbox.take(dst); n > 0 || err != nil {
			return n, err
		}
		if c.attend(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-c.inbox.some:
		case <-c.session.line.taken:
		}
	}
}

// attend reads the line until there is something to look at, if the consumer has it to itself. It is false when somebody else brings what
// comes next: the library, for a line with other users, or when the line is over and the library is about to tell why; or the library is
// to catch up first.
func (c *consumer) attend(ctx context.Context) bool {
	l := c.session.line
	if l.parts.Load() != 1 {
		return false
	}
	c.attendance.watch(ctx)
	l.waiting.Store(true)
	defer l.waiting.Store(false)
	select {
	case l.turn <- struct{}{}:
	default: // the library reads
		l.interrupt()
		select {
		case l.turn <- struct{}{}:
		case <-c.inbox.some: // it may have to wait for room
			return true
		case <-ctx.Done():
			return true
		}
	}
	defer func() { <-l.turn }()
	c.inbox.yield(true)
	defer c.inbox.yield(false)
	for ctx.Err() == nil && !c.inbox.stirred() {
		if waiting, last := l.backlog(); last || waiting > handedMost || l.parts.Load() != 1 {
			l.summon()
			return false
		}
		l.pump()
	}
	l.visited.Store(true)
	return true
}
