package nats

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"ordeal/drivers"
)

// listener is a member of a group that reads a broadcast: a core subscription in a queue group.
type listener struct {
	session *session
	spec    drivers.ConsumerSpec
	inbox   *inbox
	sub     *natsgo.Subscription
	// returned counts what Receive has given out; moved is signalled when it grows while a fence waits.
	returned atomic.Uint64
	fences   atomic.Int32
	moved    chan struct{}
	gone     chan struct{}
	once     sync.Once
}

var (
	_ drivers.Consumer = (*listener)(nil)
	_ drivers.Fencer   = (*listener)(nil)
)

// newListener returns once every server that it can reach sends what is published there.
func newListener(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*listener, error) {
	l := &listener{session: s, spec: spec, inbox: newInbox(), moved: make(chan struct{}, 1), gone: make(chan struct{})}
	var err error
	if l.sub, err = s.nc.QueueSubscribe(allSubjects(spec.Topic), spec.Group.Name, l.inbox.push); err != nil {
		return nil, err
	}
	if err := l.sub.SetPendingLimits(-1, -1); err != nil {
		return nil, err
	}
	if err := s.add(l); err != nil {
		return nil, err
	}
	if err := s.sound(ctx); err != nil {
		l.leave()
		return nil, err
	}
	return l, nil
}

// Receive returns what arrived.
func (l *listener) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if err := ctx.Err(); err != nil || len(dst) == 0 {
		return 0, err
	}
	if l.inbox.ready() {
		return l.take(dst), nil
	}
	if err := l.inbox.wait(ctx, 0); err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, fmt.Errorf("receive from topic %q: %w", l.spec.Topic.Name, err)
	}
	return l.take(dst), nil
}

func (l *listener) take(dst []drivers.Delivery) (n int) {
	for n < len(dst) {
		m := l.inbox.pop()
		if m == nil {
			break
		}
		dst[n] = drivers.Delivery{Shard: shardOf(m.Subject), Body: m.Data}
		n++
	}
	l.returned.Add(uint64(n))
	if l.fences.Load() > 0 {
		select {
		case l.moved <- struct{}{}:
		default:
		}
	}
	return n
}

// Ack does nothing: core NATS has no acks.
func (l *listener) Ack(context.Context, []drivers.Delivery) error {
	select {
	case <-l.gone:
		return errClosed
	default:
		return nil
	}
}

// Fence sounds out the servers, waits until the library has handed over what came before their echo, and then until Receive has
// returned that.
func (l *listener) Fence(ctx context.Context) error {
	if err := l.fence(ctx); err != nil {
		return fmt.Errorf("fence topic %q: %w", l.spec.Topic.Name, err)
	}
	return nil
}

func (l *listener) fence(ctx context.Context) error {
	if err := l.session.sound(ctx); err != nil {
		return err
	}
	handed := make(chan struct{})
	if err := l.session.nc.Barrier(func() { close(handed) }); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.session.lost:
		return l.session.lostError()
	case <-handed:
	}
	mark := l.inbox.arrived()
	l.fences.Add(1)
	defer l.fences.Add(-1)
	for l.returned.Load() < mark {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.gone:
			return errClosed
		case <-l.session.lost:
			return l.session.lostError()
		case <-l.moved:
		case <-time.After(10 * time.Millisecond): // several fences may share one signal
		}
	}
	return nil
}

func (l *listener) fail(err error) { l.inbox.end(err) }

// Close leaves the group.
func (l *listener) Close(context.Context) error {
	l.leave()
	return nil
}

func (l *listener) leave() {
	l.once.Do(func() {
		close(l.gone)
		l.session.forget(l)
		l.sub.Unsubscribe() //nolint:errcheck // fails only when the connection is gone, and the subscription with it
		l.inbox.end(errClosed)
	})
}
