package rabbitmq

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// replayPrefetch is how many messages a replay lets the broker send ahead.
const replayPrefetch = 1000

// replayer reads one stream for itself.
type replayer struct {
	core  *consumer
	shard int32
	// next is the least offset that is still to come; begun tells that something has.
	next  uint64
	begun bool
}

func newReplayer(ctx context.Context, s *session, t drivers.Topic, shard int, stream string, from drivers.Position) (*replayer, error) {
	r := &replayer{
		core: &consumer{
			session: s, spec: drivers.ConsumerSpec{Topic: t, Group: drivers.Group{Name: "replay"}}, inbox: newInbox(),
			fuse: ending.Fuse{Cut: s.line.cut}, reads: ending.Fuse{Cut: s.line.interrupt},
		},
		shard: int32(shard),
	}
	var offset any = fromFirst
	if from.Known {
		offset, r.next = int64(from.Minor), from.Minor
	}
	defer context.AfterFunc(ctx, s.line.cut)()
	var err error
	if r.core.link, err = s.open(r, r); err != nil {
		return nil, err
	}
	r.core.acks = newAcks(s.line.send, r.core.link.number, replayPrefetch)
	channel := r.core.link.channel
	if err = channel.Qos(replayPrefetch, 0, false); err == nil {
		_, err = channel.Consume(stream, "replay", false, false, false, false, amqp.Table{"x-stream-offset": offset})
	}
	if err != nil {
		s.parts.Forget(r)
		r.core.link.close() //nolint:errcheck // what went wrong is known
		return nil, s.cause(ctx, err)
	}
	return r, nil
}

// arriving implements receiver.
func (r *replayer) arriving(d *arrival, p *properties) []byte {
	r.core.acks.came(d.tag)
	out := drivers.Delivery{Shard: r.shard, Position: streamPosition(p.offset), Tag: d.tag}
	return r.core.inbox.begin(&out, p.key, int(p.size))
}

func (r *replayer) arrived() { r.core.inbox.end() }

func (r *replayer) settled() { r.core.inbox.wake() }

func (*replayer) confirmed(uint64, bool, bool) {}

func (*replayer) returned([]byte) {}

// Receive waits for the next messages, and lets the broker send more. It is an error when retention took the first of them away.
func (r *replayer) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	for {
		all, err := r.core.Receive(ctx, dst)
		if all > 0 {
			if ackErr := r.core.Ack(ctx, dst[:all]); err == nil {
				err = ackErr
			}
		}
		n := 0
		for i := range dst[:all] {
			switch at := dst[i].Position; {
			case !at.Known:
				return n, fmt.Errorf("replay shard %d of topic %q: %w", r.shard, r.core.spec.Topic.Name, errOffset)
			case !r.begun && r.next > 0 && at.Minor > r.next:
				return 0, goneError(drivers.At(r.next), at)
			case at.Minor >= r.next:
				r.next, r.begun = at.Minor+1, true
				dst[n] = dst[i]
				n++
			}
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Ack does nothing.
func (*replayer) Ack(ctx context.Context, _ []drivers.Delivery) error { return ctx.Err() }

// fail is called once the channel or the connection is gone.
func (r *replayer) fail(err error) { r.core.fail(err) }

// Close ends the replay.
func (r *replayer) Close(ctx context.Context) error {
	s := r.core.session
	if !s.parts.Forget(r) {
		return nil
	}
	r.core.fuse.Release()
	r.core.reads.Release()
	r.core.end(errClosed, true) // first, so that the line is read on
	defer context.AfterFunc(ctx, s.line.cut)()
	r.core.acks.close()
	if err := r.core.link.close(); err != nil && ctx.Err() != nil {
		return fmt.Errorf("close the replay of topic %q: %w", r.core.spec.Topic.Name, ctx.Err())
	}
	return nil
}

var (
	_ drivers.Consumer = (*replayer)(nil)
	_ receiver         = (*replayer)(nil)
)
