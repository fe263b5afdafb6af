package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
)

// Where a stream is read from (https://www.rabbitmq.com/docs/streams#consuming).
const (
	fromFirst = "first"
	fromLast  = "last"
)

const (
	// fullPatience is how long a stream may take to send a message that it must have, because it confirmed one of this process.
	// emptyPatience is how long another may take before it counts as empty: the broker has answered that the reader is at its place, and
	// what is there is sent at once, some 5 ms later in RabbitMQ 3.10. Nothing was acked in it that could be missed.
	fullPatience  = 2 * time.Second
	emptyPatience = 100 * time.Millisecond
	// edgeCredit is how many messages the broker sends of a stream that is asked for its edge: as many as a chunk can have, whose header
	// counts them in 16 bits (osiris_log.erl).
	edgeCredit = math.MaxUint16
)

// streamSession is a session with options.rabbitmq.queue_type stream. Others have no end and no replay: queues do not number their
// messages, and drop what was acknowledged.
type streamSession struct{ *session }

var (
	_ drivers.Ender    = streamSession{}
	_ drivers.Replayer = streamSession{}
)

// End returns the offset of the last message of each stream.
//
// A stream tells its end to nobody: the counts of AMQP and of the management plugin are seconds old (RabbitMQ 3.10 answers 0 for a
// stream of 5,001). A reader that begins at "last" gets the last chunk, a batch of messages that the broker wrote at once, and what came
// after it. The broker's channel sends all of that before it takes the next method, so that what has come when it answers basic.cancel
// ends with the last message that was confirmed. The reader is the connected node's, which may be a moment behind the leader's.
func (s streamSession) End(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	ends, err := s.end(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("end of topic %q: %w", t.Name, err)
	}
	return ends, nil
}

func (s *session) end(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	if !streams(s.cfg, t) { // a broadcast
		return make([]drivers.Position, t.Shards), s.usable(ctx)
	}
	edges, err := s.edges(ctx, streamQueues(t), fromLast, s.places.kept(s.where(t), t.Shards))
	if err != nil {
		return nil, err
	}
	out := make([]drivers.Position, len(edges))
	for i := range edges {
		out[i] = edges[i].last
	}
	return out, nil
}

// edge is the first and the last message that came from a place in a stream; unknown where nothing came.
type edge struct{ first, last drivers.Position }

// edges asks all streams at the same time; full tells which of them must have messages.
func (s *session) edges(ctx context.Context, queues []string, from string, full []bool) (out []edge, err error) {
	err = s.ask(ctx, func(ch *amqp.Channel) error {
		if err := ch.Qos(edgeCredit, 0, false); err != nil {
			return err
		}
		args := amqp.Table{"x-stream-offset": from}
		coming := make([]<-chan amqp.Delivery, len(queues))
		for i, queue := range queues {
			var err error
			if coming[i], err = ch.Consume(queue, queue, false, false, false, false, args); err != nil {
				return fmt.Errorf("stream %q: %w", queue, err)
			}
		}
		asked := time.Now()
		out = make([]edge, len(queues))
		for i, queue := range queues {
			patience := emptyPatience
			if full[i] {
				patience = fullPatience
			}
			if err := out[i].await(ctx, coming[i], patience-time.Since(asked)); err != nil {
				return err
			}
			if err := ch.Cancel(queue, false); err != nil {
				return err
			}
			for d := range coming[i] { // until the library has given out everything that came before the answer
				if err := out[i].widen(&d); err != nil {
					return err
				}
			}
			if full[i] && !out[i].last.Known {
				return fmt.Errorf("stream %q sends nothing, and has confirmed messages: they are gone, or it does not answer", queue)
			}
		}
		return nil
	})
	return out, err
}

// await waits for the first delivery, for as long as patience says.
func (e *edge) await(ctx context.Context, coming <-chan amqp.Delivery, patience time.Duration) error {
	late := time.NewTimer(max(0, patience))
	defer late.Stop()
	select {
	case d, open := <-coming:
		if !open {
			return errCancelled
		}
		return e.widen(&d)
	case <-late.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *edge) widen(d *amqp.Delivery) error {
	offset, ok := d.Headers["x-stream-offset"].(int64)
	if !ok {
		return errOffset
	}
	e.last = streamPosition(offset)
	if !e.first.Known {
		e.first = e.last
	}
	return nil
}

// streamDepth is what a group has not acknowledged, by the broker's ends and the group's own places.
func (s *session) streamDepth(ctx context.Context, t drivers.Topic, name string) (int64, error) {
	ends, err := s.end(ctx, t)
	if err != nil {
		return 0, err
	}
	return s.places.group(s.where(t), name, t.Shards).left(ends), nil
}

// Replay reads a stream from an offset on, apart from every group.
func (s streamSession) Replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
	c, err := s.replay(ctx, t, shard, from)
	if err != nil {
		return nil, fmt.Errorf("replay shard %d of topic %q: %w", shard, t.Name, err)
	}
	return c, nil
}

func (s *session) replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (*replayer, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	switch {
	case !streams(s.cfg, t):
		return nil, fmt.Errorf("%w: it is a %s, and only a log is kept in streams", drivers.ErrNoReplay, t.Model)
	case shard < 0 || shard >= t.Shards:
		return nil, errShard
	case from.Major > 0 || from.Minor > math.MaxInt64:
		return nil, errors.New("streams number their messages with one number below 2^63")
	}
	stream := streamQueues(t)[shard]
	if from.Known && from.Minor > 0 {
		oldest, err := s.edges(ctx, []string{stream}, fromFirst, s.places.kept(s.where(t), t.Shards)[shard:shard+1])
		if err != nil {
			return nil, err
		}
		if oldest[0].first.Known && from.Before(oldest[0].first) {
			return nil, goneError(from, oldest[0].first)
		}
	}
	return newReplayer(ctx, s, t, shard, stream, from)
}

func goneError(from, oldest drivers.Position) error {
	return fmt.Errorf("the broker no longer has position %s: the oldest is %s", from, oldest)
}
