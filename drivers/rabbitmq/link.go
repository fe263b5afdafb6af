package rabbitmq

import (
	"context"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// link is the channel of a producer or a consumer.
type link struct {
	session *session
	part    part
	channel *amqp.Channel
	number  uint16
	watcher sync.WaitGroup

	// calls lets one goroutine at a time ask the broker something on the channel.
	calls sync.Mutex

	mu   sync.Mutex
	over error
}

// open opens a channel for p, for which r receives.
func (s *session) open(p part, r receiver) (*link, error) {
	l := &link{session: s, part: p}
	s.opening.Lock()
	defer s.opening.Unlock()
	var err error
	if l.channel, err = s.conn.Channel(); err != nil {
		return nil, s.lostError(err)
	}
	l.number = s.line.route(r)
	closes := l.channel.NotifyClose(make(chan *amqp.Error, 1))
	cancels := l.channel.NotifyCancel(make(chan string, 1))
	l.watcher.Go(func() { l.watch(closes, cancels) })
	if err := s.parts.Add(p); err != nil {
		l.close() //nolint:errcheck // the session is over
		return nil, err
	}
	return l, nil
}

// watch waits for the end of the channel. The library closes both channels in any case.
func (l *link) watch(closes chan *amqp.Error, cancels chan string) {
	for closes != nil || cancels != nil {
		select {
		case tag, ok := <-cancels:
			if !ok {
				cancels = nil
				continue
			}
			l.fail(fmt.Errorf("%w: its queue is gone or has moved (consumer %s)", errCancelled, tag))
		case err, ok := <-closes:
			switch {
			case !ok:
				closes = nil
			case l.session.conn.IsClosed():
				l.fail(l.session.lostError(err))
			default:
				l.fail(fmt.Errorf("%w: %w", errChannel, explain(err)))
			}
		}
	}
	l.fail(l.session.lostError(amqp.ErrClosed)) // where the end came before anybody listened for it
}

// fail ends the part. Only the first reason counts.
func (l *link) fail(err error) {
	l.mu.Lock()
	first := l.over == nil
	if first {
		l.over = err
	}
	l.mu.Unlock()
	if first {
		l.part.fail(err)
	}
}

// ended is why the channel is of no more use; nil while it is.
func (l *link) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// sound returns when the broker has read everything that was sent on the channel. It asks for flow to go on, which changes nothing.
func (l *link) sound(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, l.session.line.cut)()
	l.calls.Lock()
	defer l.calls.Unlock()
	if err := l.channel.Flow(true); err != nil {
		return l.session.cause(ctx, err)
	}
	return nil
}

// close closes the channel, unless it is closed. The caller limits its time by cutting the line.
func (l *link) close() error {
	l.mu.Lock()
	if l.over == nil {
		l.over = errClosed
	}
	l.mu.Unlock()
	l.calls.Lock()
	err := l.channel.Close()
	l.calls.Unlock()
	l.watcher.Wait()
	l.session.line.unroute(l.number)
	return err
}

// pollPause is the time between two looks at something that nobody announces.
const pollPause = 5 * time.Millisecond

func newTicker() *time.Ticker { return time.NewTicker(pollPause) }

func wait(ctx context.Context, tick *time.Ticker) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-tick.C:
		return nil
	}
}
