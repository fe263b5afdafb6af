package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ordeal/drivers"
)

// fencePoll is how often a fence looks whether it was passed.
const fencePoll = 5 * time.Millisecond

// listener reads shards without a group of Kafka's, from offsets that it is given: as the only member of a broadcast's group from the end
// of the log, and as a replay. It keeps nothing, so there is nothing to acknowledge.
type listener struct {
	session *session
	topic   drivers.Topic
	// what it does, for its errors.
	what   string
	client *client
	intake *intake
	once   sync.Once
	queue  []batch

	mu     sync.Mutex
	shards map[int32]*progress
}

var (
	_ drivers.Consumer = (*listener)(nil)
	_ drivers.Fencer   = (*listener)(nil)
)

func newListener(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*listener, error) {
	// What is sent from now on is to be heard, so the ends are asked for here and not when the library gets round to it.
	ends, err := s.ends(ctx, s.client, spec.Topic)
	if err != nil {
		return nil, whole(ctx, err)
	}
	from := make(map[int32]int64)
	for shard, end := range ends {
		from[int32(shard)] = end
	}
	l := &listener{session: s, topic: spec.Topic, what: fmt.Sprintf("listen to topic %q as %q", spec.Topic.Name, spec.Group.Name)}
	if err := l.start(from); err != nil {
		return nil, err
	}
	return l, nil
}

// start begins to read at the offsets.
func (l *listener) start(from map[int32]int64) error {
	l.shards = make(map[int32]*progress)
	for shard, offset := range from {
		l.shards[shard] = &progress{shard: shard, next: offset, began: offset}
	}
	s := l.session
	l.intake = newIntake(s, l.topic.Name, l.progress, l.explain)
	for shard, offset := range from {
		l.intake.positions.add(l.shards[shard], offset, -1)
	}
	c, err := newClient(s.cfg, s.env, s.set, l.lose, []int16{keyFetch})
	if err != nil {
		return err
	}
	l.client = c
	l.intake.start(c)
	return nil
}

// explain makes the end of the reading something that a person can act upon.
func (l *listener) explain(ctx context.Context, shard int32, err error) error {
	p := l.progress(shard)
	if p == nil {
		return advised(err)
	}
	_, _, err = l.session.gap(ctx, l.topic, p, err)
	return err
}

func (l *listener) progress(shard int32) *progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shards[shard]
}

// Receive hands out what was fetched.
func (l *listener) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	for {
		n, err := l.receive(ctx, dst)
		if n > 0 || err == nil && len(dst) == 0 {
			return n, nil
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", l.what, err)
		}
	}
}

// receive hands out what is there; where nothing is, it waits for the next answer.
func (l *listener) receive(ctx context.Context, dst []drivers.Delivery) (n int, err error) {
	if err := errors.Join(ctx.Err(), l.intake.stopped(len(l.queue) > 0)); err != nil {
		return 0, err
	}
	if n = l.take(dst); n == 0 && len(dst) > 0 {
		l.queue, err = l.intake.wait(ctx)
	}
	return n, err
}

func (l *listener) take(dst []drivers.Delivery) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 && n < len(dst) {
		b := &l.queue[0]
		if len(b.records) == 0 {
			l.queue = l.queue[1:]
			continue
		}
		offset, key, value := b.next()
		b.of.next = offset + 1
		if !b.control {
			b.of.delivery(&dst[n], offset, key, value)
			n++
		}
	}
	return n
}

// Ack has nothing to tell anybody.
func (l *listener) Ack(ctx context.Context, _ []drivers.Delivery) error {
	return errors.Join(ctx.Err(), l.intake.reason())
}

// Fence asks for the ends of the log and waits until they were handed out.
func (l *listener) Fence(ctx context.Context) error {
	return l.session.fence(ctx, l.topic, l.intake, l.passed)
}

// fence waits until passed says of the present ends of t that everything before them was handed out.
func (s *session) fence(ctx context.Context, t drivers.Topic, in *intake, passed func(ends []int64) bool) error {
	ends, err := s.ends(ctx, s.client, t)
	if err != nil {
		return fmt.Errorf("fence topic %q: %w", t.Name, whole(ctx, err))
	}
	tick := time.NewTicker(fencePoll)
	defer tick.Stop()
	for !passed(ends) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("fence topic %q: %w", t.Name, ctx.Err())
		case <-in.over:
			return fmt.Errorf("fence topic %q: %w", t.Name, in.reason())
		case <-tick.C:
		}
	}
	return nil
}

func (l *listener) passed(ends []int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return past(l.shards, ends)
}

// past tells whether all shards have come to their ends.
func past(shards map[int32]*progress, ends []int64) bool {
	for shard, end := range ends {
		if p := shards[int32(shard)]; p != nil && p.next < end {
			return false
		}
	}
	return true
}

// lose is the line's word that a connection is gone.
func (l *listener) lose(err error) {
	l.intake.end(err)
	go l.fail(err)
}

func (l *listener) fail(err error) {
	l.intake.end(err)
	<-l.intake.ready
	l.client.line.cut()
	<-l.intake.ended
	l.client.end()
}

// Close stops listening.
func (l *listener) Close(context.Context) error {
	l.once.Do(func() {
		l.session.forget(l)
		l.fail(errClosed)
	})
	return nil
}
