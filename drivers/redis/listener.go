package redis

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// listener is a member of a group that reads a broadcast: a subscription to channels. Pub/sub knows no groups, so the shards are dealt
// out: a member listens to those whose number leaves its own as the remainder, and the group together gets one copy.
type listener struct {
	session *session
	spec    drivers.ConsumerSpec
	line    *line
	inbox   *inbox
	shards  map[string]int32
	// fence is a channel of this listener's own: what comes by it was sent behind everything else.
	fence string

	// mu guards marks: by number, where the answer of a fence is awaited.
	mu    sync.Mutex
	marks map[string]chan uint64
	last  int

	// returned counts what Receive has given out; moved is signalled when it grows while a fence waits.
	returned atomic.Uint64
	fences   atomic.Int32
	moved    chan struct{}

	gone chan struct{}
	done chan struct{}
	once sync.Once
}

var (
	_ drivers.Consumer = (*listener)(nil)
	_ drivers.Fencer   = (*listener)(nil)
)

// fencePoll is how often a fence looks again, because several fences may share one signal.
const fencePoll = 10 * time.Millisecond

// newListener returns once the server has confirmed the subscription.
func newListener(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*listener, error) {
	l := &listener{
		session: s, spec: spec, inbox: newInbox(), shards: make(map[string]int32), marks: make(map[string]chan uint64),
		moved: make(chan struct{}, 1), gone: make(chan struct{}), done: make(chan struct{}),
	}
	var err error
	if l.line, err = s.access.dialLine(ctx, s.control.server); err != nil {
		return nil, err
	}
	if err := l.subscribe(ctx); err != nil {
		l.line.close()
		<-l.done
		return nil, err
	}
	if err := s.add(l); err != nil {
		l.line.close()
		<-l.done
		return nil, err
	}
	return l, nil
}

func (l *listener) subscribe(ctx context.Context) error {
	id, err := l.line.ask(ctx, "CLIENT", "ID")
	if err != nil {
		close(l.done)
		return err
	}
	number, err := id.ToInt64()
	if err != nil {
		close(l.done)
		return fmt.Errorf("%w: to CLIENT ID", errReply)
	}
	l.fence = l.spec.Topic.Name + ":fence:" + strconv.FormatInt(number, 10)
	channels := []string{l.fence}
	for shard, key := range newRoute(l.spec.Topic).keys {
		if shard%max(1, l.spec.Group.Members) == l.spec.Member {
			channels = append(channels, key)
			l.shards[key] = int32(shard)
		}
	}
	confirmed := make(chan struct{}, len(channels))
	// The subscription lives as long as the line, not as ctx.
	hooked := rueidis.WithOnSubscriptionHook(context.Background(), func(rueidis.PubSubSubscription) {
		select {
		case confirmed <- struct{}{}:
		default: // the end of the subscription is told, too
		}
	})
	go func() { //nolint:contextcheck // see above
		defer close(l.done)
		err := l.line.client.Receive(hooked, l.line.client.B().Subscribe().Channel(channels...).Build(), l.hear)
		l.line.cut()
		l.inbox.end(lost(err))
	}()
	for range channels {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.done:
			return errLost
		case <-confirmed:
		}
	}
	return nil
}

// hear is the library's callback, from one goroutine.
func (l *listener) hear(m rueidis.PubSubMessage) {
	if shard, ok := l.shards[m.Channel]; ok {
		l.inbox.put([]drivers.Delivery{{Shard: shard, Body: []byte(m.Message)}})
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if mark := l.marks[m.Message]; mark != nil {
		mark <- l.inbox.arrived()
		delete(l.marks, m.Message)
	}
}

// Receive returns what arrived.
func (l *listener) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := l.inbox.take(ctx, dst)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("receive from topic %q: %w", l.spec.Topic.Name, err)
	}
	l.returned.Add(uint64(n))
	if n > 0 && l.fences.Load() > 0 {
		select {
		case l.moved <- struct{}{}:
		default:
		}
	}
	return n, err
}

// Ack does nothing: pub/sub has no acks.
func (l *listener) Ack(context.Context, []drivers.Delivery) error {
	select {
	case <-l.gone:
		return errClosed
	default:
		return nil
	}
}

// Fence publishes a mark to this listener alone, which the server puts behind all that it had for it, and waits until Receive has returned
// what came before the mark.
func (l *listener) Fence(ctx context.Context) error {
	if err := l.pass(ctx); err != nil {
		return fmt.Errorf("fence topic %q: %w", l.spec.Topic.Name, err)
	}
	return nil
}

func (l *listener) pass(ctx context.Context) error {
	mark := make(chan uint64, 1)
	l.mu.Lock()
	l.last++
	name := strconv.Itoa(l.last)
	l.marks[name] = mark
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.marks, name)
	}()
	if _, err := l.session.control.ask(ctx, "PUBLISH", l.fence, name); err != nil {
		return err
	}
	var before uint64
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.done:
		return errLost
	case before = <-mark:
	}
	l.fences.Add(1)
	defer l.fences.Add(-1)
	tick := time.NewTicker(fencePoll)
	defer tick.Stop()
	for l.returned.Load() < before {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.gone:
			return errClosed
		case <-l.moved:
		case <-tick.C:
		}
	}
	return nil
}

// Close ends the subscription.
func (l *listener) Close(context.Context) error {
	l.once.Do(func() {
		close(l.gone)
		l.session.forget(l)
		l.line.close()
		<-l.done
		l.inbox.drop(errClosed)
	})
	return nil
}
