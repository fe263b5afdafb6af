package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
)

const (
	// replayIdle is how long the server keeps the consumer of a replay that nobody reads.
	replayIdle = 5 * time.Minute
	// replayAhead is how many messages a replay may have under way.
	replayAhead = 1000
)

var _ drivers.Replayer = (*session)(nil)

// Replay reads a log's stream with a consumer of its own: without acks, in memory, for the subject of the shard. A work queue has room for
// no second consumer and forgets what was acknowledged, and a broadcast keeps nothing.
func (s *session) Replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
	c, err := s.replay(ctx, t, shard, from)
	if err != nil {
		return nil, fmt.Errorf("replay shard %d of topic %q: %w", shard, t.Name, err)
	}
	return c, nil
}

func (s *session) replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (*puller, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := checkTopic(t); err != nil {
		return nil, err
	}
	switch {
	case t.Model != drivers.Log:
		return nil, fmt.Errorf("%w: it is a %s", drivers.ErrNoReplay, t.Model)
	case shard < 0 || shard >= t.Shards:
		return nil, errShard
	}
	subject := newRoute(t).subjects[shard]
	if from.Known {
		if err := s.holds(ctx, t, subject, from); err != nil {
			return nil, err
		}
	}
	inbox := s.nc.NewInbox()
	want := jetstream.ConsumerConfig{
		Name: "replay-" + inbox[strings.LastIndexByte(inbox, '.')+1:], FilterSubject: subject,
		DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckNonePolicy,
		InactiveThreshold: replayIdle, MemoryStorage: true, Replicas: 1,
	}
	if from.Known {
		want.DeliverPolicy, want.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from.Minor
	}
	var made jetstream.Consumer
	err := s.persist(ctx, func(ctx context.Context) (err error) {
		made, err = s.js.CreateConsumer(ctx, t.Name, want)
		return err
	})
	if err != nil {
		return nil, err
	}
	c := &puller{
		session: s, spec: drivers.ConsumerSpec{Topic: t, Group: drivers.Group{Name: want.Name}}, name: want.Name,
		mode: ackNever, replay: true, limit: atMost(replayAhead, made.CachedInfo().Config),
	}
	if err := c.connect(ctx); err != nil {
		return nil, errors.Join(err, c.forget(ctx))
	}
	return c, nil
}

// forget deletes the consumer of a replay. A connection that is gone leaves it to replayIdle.
func (c *puller) forget(ctx context.Context) error {
	err := c.session.once(ctx, func(ctx context.Context) error { return c.session.js.DeleteConsumer(ctx, c.spec.Topic.Name, c.name) })
	if absent(err) {
		return nil
	}
	return err
}

// holds tells whether a replay of subject can begin at from.
func (s *session) holds(ctx context.Context, t drivers.Topic, subject string, from drivers.Position) error {
	info, err := s.streamInfo(ctx, t)
	if err != nil {
		return err
	}
	if from.Minor > info.State.LastSeq {
		return fmt.Errorf("there is no message at %s: the stream ends at %d", from, info.State.LastSeq)
	}
	var oldest uint64
	err = s.once(ctx, func(ctx context.Context) error {
		stream, err := s.js.Stream(ctx, t.Name)
		if err != nil {
			return err
		}
		first, err := stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(subject))
		if err == nil {
			oldest = first.Sequence
		}
		return err
	})
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return fmt.Errorf("the message at %s is no longer there, and the shard holds no other", from)
	case err != nil:
		return err
	case from.Minor < oldest:
		return fmt.Errorf("the message at %s is no longer there: the oldest is at %d", from, oldest)
	default:
		return nil
	}
}
