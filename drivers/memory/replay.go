package memory

import (
	"context"
	"fmt"

	"ordeal/drivers"
)

// replayer reads what one shard of a log still holds. The topic's lock guards its cursor.
type replayer struct {
	session *session
	topic   *topic
	shard   int32
	at      cursor
	closed  bool
}

var _ drivers.Consumer = (*replayer)(nil)

// Replay reads shard from position from on, or from the oldest message that is kept. It returns what is withheld, too.
func (s *session) Replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
	found, err := s.find(ctx, t.Name)
	if err != nil {
		return nil, fmt.Errorf("replay topic %q: %w", t.Name, err)
	}
	if found.declared.Model != drivers.Log {
		return nil, fmt.Errorf("replay topic %q, a %s: %w", t.Name, found.declared.Model, drivers.ErrNoReplay)
	}
	if shard < 0 || shard >= len(found.shards) {
		return nil, fmt.Errorf("replay topic %q: shard %d: %w", t.Name, shard, ErrShard)
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	kept := &found.shards[shard]
	r := &replayer{session: s, topic: found, shard: int32(shard), at: cursor{segment: kept.head}}
	if from.Known && from.Minor < kept.floor {
		return nil, fmt.Errorf("replay topic %q: shard %d no longer has position %s: the oldest is %d; the option retain keeps more",
			t.Name, shard, from, kept.floor)
	}
	for e := r.at.peek(); e != nil && e.position < max(from.Minor, kept.floor); e = r.at.peek() {
		r.at.index++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("replay topic %q: %w", t.Name, ErrClosed)
	}
	s.replayers = append(s.replayers, r)
	return r, nil
}

// Receive takes what comes next in the shard, and at its end waits for more.
func (r *replayer) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r.topic.mu.Lock()
		if err := r.gone(); err != nil {
			r.topic.mu.Unlock()
			return 0, fmt.Errorf("replay topic %q: %w", r.topic.declared.Name, err)
		}
		n := 0
		for ; n < len(dst); n++ {
			e := r.at.peek()
			if e == nil {
				break
			}
			r.at.index++
			p := r.at.segment.parcel(e)
			dst[n] = drivers.Delivery{Shard: r.shard, Position: drivers.At(p.position), Key: p.key, Body: p.body, Attempt: 1}
		}
		more := r.topic.stored.wait()
		r.topic.mu.Unlock()
		if n > 0 || len(dst) == 0 {
			return n, nil
		}
		select {
		case <-ctx.Done():
		case <-more:
		}
	}
}

func (r *replayer) gone() error {
	switch {
	case r.closed:
		return ErrClosed
	case r.topic.dropped:
		return ErrTopic
	default:
		return nil
	}
}

// Ack does nothing: nothing is kept about a replay.
func (r *replayer) Ack(context.Context, []drivers.Delivery) error { return nil }

// Close ends the replay.
func (r *replayer) Close(context.Context) error {
	r.topic.mu.Lock()
	r.closed = true
	r.topic.stored.fire()
	r.topic.mu.Unlock()
	r.session.forgetReplayer(r)
	return nil
}

// Trim makes the broker forget, for replays, what shard of the topic holds before position before, as brokers with a retention do. Groups
// still get what they are owed. The error names a topic or a shard that is not there.
func (d *Driver) Trim(topic string, shard int, before drivers.Position) error {
	t, err := d.broker.topic(topic)
	if err != nil {
		return fmt.Errorf("trim topic %q: %w", topic, err)
	}
	if shard < 0 || shard >= len(t.shards) {
		return fmt.Errorf("trim topic %q: shard %d: %w", topic, shard, ErrShard)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shards[shard].floor = max(t.shards[shard].floor, before.Minor)
	return nil
}
