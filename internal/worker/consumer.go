package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/measure"
	"ordeal/internal/message"
)

const (
	// receiveBatch bounds how many deliveries share one clock read.
	receiveBatch = 512
	// ackPatience is how long an unfinished batch of acks waits for more deliveries.
	ackPatience = 100 * time.Millisecond
)

// consumer drives one Consumer of the plan.
type consumer struct {
	plan   Consumer
	group  *group
	run    *running
	opener *opener
	errors *errorCounts

	session drivers.Session
	client  drivers.Consumer
	current atomic.Pointer[drivers.Consumer] // a copy of client, for Fence
	number  uint32                           // of the session, from 0
	buf     []drivers.Delivery
	events  []history.Delivery
	// intended is when each of a batch was meant to be sent; below 0 where that is not known, or what came is no sample of a latency.
	intended []int64
	repeats  []int
	unacked  []drivers.Delivery
	latency  *measure.Recorder
	// endToEnd goes to latency.
	endToEnd alike
	phase    int

	connected  atomic.Bool
	reconnects atomic.Int64
}

func (c *consumer) open(ctx context.Context) error {
	s, err := c.opener.open(ctx, func(ctx context.Context, s drivers.Session) error {
		client, err := s.Consumer(ctx, drivers.ConsumerSpec{Topic: c.group.plan.Topic, Group: c.group.plan.Spec, Member: c.plan.Member})
		c.client = client
		return err
	})
	if err != nil {
		c.client = nil
		return err
	}
	c.session = s
	client := c.client
	if r, ok := client.(drivers.Rebalancer); ok && c.run.deps.Rebalanced != nil {
		r.OnRebalance(func(shards []int32) { c.run.deps.Rebalanced(c.plan.Name, shards) })
	}
	c.current.Store(&client)
	c.connected.Store(true)
	return nil
}

func (c *consumer) drop(cause error) {
	c.connected.Store(false)
	c.current.Store(nil)
	ctx, cancel := context.WithTimeout(context.Background(), leaveLimit)
	defer cancel()
	c.client.Close(ctx)  //nolint:errcheck // it is dropped because it is broken, or the run is over
	c.session.Close(ctx) //nolint:errcheck // likewise
	c.client, c.session = nil, nil
	c.unacked = c.unacked[:0]
	c.number++
	if cause != nil {
		c.errors.note("receive", cause)
		c.reconnects.Add(1)
		c.run.notify(c.plan.Name + " lost its connection: " + cause.Error())
	}
}

// loop receives until ctx ends.
func (c *consumer) loop(ctx context.Context) {
	for ctx.Err() == nil {
		if c.client == nil {
			if err := c.open(ctx); err != nil {
				if ctx.Err() == nil {
					c.errors.note("connection", err)
				}
				continue
			}
			c.run.notify(c.plan.Name + " is connected again")
		}
		n, err := c.receive(ctx)
		if n > 0 {
			err = errors.Join(c.handle(ctx, c.buf[:n]), err)
		}
		if err != nil && ctx.Err() == nil {
			c.drop(err)
		}
	}
	if c.client != nil {
		c.drop(nil)
	}
	if c.latency != nil {
		c.latency.Close()
	}
}

// receive waits for deliveries; with acks outstanding only so long that they are not held back for ever.
func (c *consumer) receive(ctx context.Context) (int, error) {
	if len(c.unacked) == 0 {
		return c.client.Receive(ctx, c.buf)
	}
	patient, cancel := context.WithTimeout(ctx, ackPatience)
	defer cancel()
	n, err := c.client.Receive(patient, c.buf)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = c.ack(ctx, 1)
	}
	return n, err
}

// handle notes what arrived, before anything else can go wrong, then works and acknowledges.
func (c *consumer) handle(ctx context.Context, ds []drivers.Delivery) error {
	before := c.group.plan.Spec.Ack == drivers.AckBefore
	if before {
		if err := c.client.Ack(ctx, ds); err != nil {
			c.observe(ds)
			return err
		}
	}
	c.observe(ds)
	if c.plan.Work > 0 {
		c.group.begins()
		defer c.group.ends()
	}
	for i := range ds {
		if c.plan.Work > 0 && sleep(ctx, c.plan.Work) != nil {
			return ctx.Err()
		}
		if before {
			continue
		}
		if c.plan.Work > 0 || c.plan.AckBatch > 0 {
			c.unacked = append(c.unacked, drivers.Delivery{
				Shard: ds[i].Shard, Position: ds[i].Position, Tag: ds[i].Tag, Ref: ds[i].Ref, Attempt: ds[i].Attempt,
			})
			if err := c.ack(ctx, max(1, c.plan.AckBatch)); err != nil {
				return err
			}
		}
	}
	if before || c.plan.Work > 0 || c.plan.AckBatch > 0 {
		return nil
	}
	return c.client.Ack(ctx, ds)
}

// ack acknowledges what is outstanding once there are least of them.
func (c *consumer) ack(ctx context.Context, least int) error {
	if len(c.unacked) < least {
		return nil
	}
	err := c.client.Ack(ctx, c.unacked)
	c.unacked = c.unacked[:0]
	return err
}

// observe parses what arrived and notes it with the group, in streaks.
func (c *consumer) observe(ds []drivers.Delivery) {
	live := c.run.live.Load()
	now := int64(0)
	if live != nil {
		now = c.run.clock.Now()
	}
	c.events, c.intended = c.events[:0], c.intended[:0]
	var s message.Stamp
	for i := range ds {
		d, n := &ds[i], len(c.events)
		c.events = c.events[:n+1]
		e := &c.events[n]
		if e.Status = message.Parse(d.Body, c.run.plan.Run, &s); e.Status == message.Corrupt {
			s.ID = message.Name(d.Body, &s)
		}
		// Field by field: a copy of what was just put together makes the processor wait.
		e.Producer, e.Lane, e.Seq, e.Index, e.Incarnation, e.Following = s.Producer, s.Lane, s.Seq, s.Index, s.Incarnation, 0
		e.Shard, e.Position, e.Redelivered = d.Shard, message.Position(d.Position), d.Redelivered
		e.Group, e.Member, e.Session, e.At = c.group.plan.ID, uint32(c.plan.Member), c.number, now
		at := int64(-1)
		if e.Status == message.Whole {
			at = s.Intended
		}
		c.intended = append(c.intended, at)
		if n > 0 && c.events[n-1].Extend(e) {
			c.events = c.events[:n]
		}
	}
	c.repeats = c.group.observe(c.events, int64(len(ds)), now, c.repeats[:0])
	if live != nil {
		c.time(now)
	}
}

// time records the end-to-end latencies of a batch. A message's is that of its first delivery: what a fault has the broker deliver once
// more would else make a phase slow that was over long before.
func (c *consumer) time(now int64) {
	repeats := c.repeats
	for i, at := range c.intended {
		if len(repeats) > 0 && repeats[0] == i {
			repeats = repeats[1:]
			continue
		}
		if at >= 0 {
			c.phase = c.run.phase(at, c.phase)
			c.endToEnd.add(c.phase, now-at)
		}
	}
	c.endToEnd.flush()
}
