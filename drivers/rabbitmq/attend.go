package rabbitmq

import (
	"context"

	"ordeal/drivers"
)

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
	if c.reads.Arm(ctx) != nil {
		return true
	}
	defer c.reads.Disarm()
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
