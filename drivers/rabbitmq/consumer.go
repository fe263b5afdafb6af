package rabbitmq

import (
	"context"
	"fmt"
	"strconv"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// consumer reads all queues of its group on one channel. For a group that acknowledges before its work the broker does so by itself, when
// it sends: what is on its way to a consumer that goes away is lost, as at most once has it.
type consumer struct {
	session *session
	spec    drivers.ConsumerSpec
	link    *link
	inbox   *inbox
	auto    bool
	// counted tells that the queues count deliveries.
	counted bool
	fuse    ending.Fuse
	acks    *acks
	// reads interrupts the reading of a line that the consumer has to itself, and leaves the line whole.
	reads ending.Fuse
}

// mostPrefetch is the largest number that basic.qos can say. The library cuts off what is above it: 65,536 would be no limit at all, and
// 65,537 a single delivery.
const mostPrefetch = 1<<16 - 1

// prefetch is how many deliveries of one queue may be unanswered. The broker counts by consumer, and there is one for each shard: together
// they leave no more than the group's prefetch.
func (*session) prefetch(spec drivers.ConsumerSpec) int {
	return min(max(1, spec.Group.Prefetch/spec.Topic.Shards), mostPrefetch)
}

// newConsumer returns when the broker has the consumer on every queue.
func newConsumer(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*consumer, error) {
	c := &consumer{
		session: s, spec: spec, inbox: newInbox(), auto: spec.Topic.Model == drivers.Broadcast || spec.Group.Ack == drivers.AckBefore,
		fuse: ending.Fuse{Cut: s.line.cut}, reads: ending.Fuse{Cut: s.line.interrupt},
		counted: spec.Topic.Model != drivers.Broadcast && queueType(s.cfg, spec.Topic) == typeQuorum,
	}
	defer context.AfterFunc(ctx, s.line.cut)()
	var err error
	if c.link, err = s.open(c, c); err != nil {
		return nil, err
	}
	c.acks = newAcks(s.line.send, c.link.number, s.prefetch(spec))
	if err := c.subscribe(); err != nil {
		c.link.close() //nolint:errcheck // what went wrong is known
		return nil, s.cause(ctx, err)
	}
	return c, nil
}

func (c *consumer) subscribe() error {
	queues := groupQueues(c.spec.Topic, c.spec.Group.Name)
	if c.spec.Topic.Model == drivers.Broadcast {
		if err := c.session.declareListeners(c.link.channel, c.spec.Topic, c.spec.Group.Name); err != nil {
			return err
		}
	}
	if !c.auto {
		if err := c.link.channel.Qos(c.session.prefetch(c.spec), 0, false); err != nil {
			return err
		}
	}
	for i, queue := range queues {
		// Deliveries never come out of the library's channel, which it closes together with its own: see line.
		if _, err := c.link.channel.Consume(queue, strconv.Itoa(i), c.auto, false, false, false, nil); err != nil {
			return fmt.Errorf("queue %q: %w", queue, err)
		}
	}
	return nil
}

// arriving implements receiver.
func (c *consumer) arriving(d *arrival, p *properties) []byte {
	if !c.auto {
		c.acks.came(d.tag)
	}
	attempts := p.attempts
	if c.counted { // the first delivery says nothing
		attempts = max(0, attempts)
	}
	out := drivers.Delivery{Shard: shardOf(d.key), Redelivered: d.redelivered, Attempt: attempts + 1, Tag: d.tag}
	return c.inbox.begin(&out, p.key, int(p.size))
}

func (c *consumer) arrived() { c.inbox.end() }

func (c *consumer) settled() { c.inbox.wake() }

func (*consumer) confirmed(uint64, bool, bool) {}

func (*consumer) returned([]byte) {}

// Receive waits for deliveries.
func (c *consumer) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := c.receive(ctx, dst)
	if err != nil {
		err = fmt.Errorf("receive from topic %q as %q: %w", c.spec.Topic.Name, c.spec.Group.Name, err)
	}
	return n, err
}

// Ack acknowledges: now, when many deliveries wait for it, else within ackDelay.
func (c *consumer) Ack(ctx context.Context, ds []drivers.Delivery) error {
	if c.auto {
		return nil
	}
	return c.answer(ctx, "acknowledge", ds, c.acks.add)
}

// Nack gives deliveries back one by one.
func (c *consumer) Nack(ctx context.Context, ds []drivers.Delivery, requeue bool) error {
	if c.auto {
		return fmt.Errorf("give back to topic %q: the broker acknowledged by itself", c.spec.Topic.Name)
	}
	return c.answer(ctx, "give back", ds, func(ds []drivers.Delivery) error { return c.acks.giveBack(ds, requeue) })
}

// answer tells the broker about ds, unless the channel is over.
func (c *consumer) answer(ctx context.Context, what string, ds []drivers.Delivery, tell func([]drivers.Delivery) error) error {
	fail := func(err error) error {
		return fmt.Errorf("%s deliveries of topic %q as %q: %w", what, c.spec.Topic.Name, c.spec.Group.Name, err)
	}
	if err := c.fuse.Arm(ctx); err != nil {
		return fail(err)
	}
	defer c.fuse.Disarm()
	if err := c.link.ended(); err != nil {
		return fail(err)
	}
	if err := tell(ds); err != nil {
		return fail(c.session.cause(ctx, fmt.Errorf("%w: %w", errLost, err)))
	}
	return nil
}

// Fence waits until the queue of a broadcast has nothing left, then until the channel has answered a question that was asked after
// that: what the queue had given out for this channel came before the answer.
func (c *consumer) Fence(ctx context.Context) error {
	if err := c.fence(ctx); err != nil {
		return fmt.Errorf("fence of topic %q as %q: %w", c.spec.Topic.Name, c.spec.Group.Name, err)
	}
	return nil
}

func (c *consumer) fence(ctx context.Context) error {
	tick := newTicker()
	defer tick.Stop()
	for {
		ready, err := c.session.ready(ctx, groupQueues(c.spec.Topic, c.spec.Group.Name))
		if err != nil {
			return err
		}
		if ready.messages == 0 {
			break
		}
		if err := wait(ctx, tick); err != nil {
			return err
		}
	}
	if err := c.link.sound(ctx); err != nil {
		return err
	}
	for !c.inbox.empty() {
		if err := wait(ctx, tick); err != nil {
			return err
		}
	}
	return nil
}

// fail is called once the channel or the connection is gone.
func (c *consumer) fail(err error) { c.end(err, false) }

// end lets nothing more come, and wakes who receives.
func (c *consumer) end(err error, drop bool) {
	c.inbox.close(err, drop)
	c.session.line.interrupt()
}

// Close gives back what was not answered.
func (c *consumer) Close(ctx context.Context) error {
	if !c.session.parts.Forget(c) {
		return nil
	}
	c.fuse.Release()
	c.reads.Release()
	c.end(errClosed, true) // first, so that the line is read on
	defer context.AfterFunc(ctx, c.session.line.cut)()
	c.acks.close()
	if err := c.link.close(); err != nil && ctx.Err() != nil {
		return fmt.Errorf("close the consumer of topic %q: %w", c.spec.Topic.Name, ctx.Err())
	}
	return nil
}

var (
	_ drivers.Consumer = (*consumer)(nil)
	_ drivers.Nacker   = (*consumer)(nil)
	_ drivers.Fencer   = (*consumer)(nil)
	_ receiver         = (*consumer)(nil)
	_ receiver         = (*producer)(nil)
)
