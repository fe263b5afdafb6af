package drivertest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/memory"
)

// broken is a memory driver with one habit that breaks the contract. Each field changes one method; nil leaves it alone.
type broken struct {
	*memory.Driver
	options map[string]string
	send    func(p drivers.Producer, settle func(drivers.Receipt), ctx context.Context, batch []drivers.Message) error
	settle  func(settle func(drivers.Receipt)) func(drivers.Receipt)
	receive func(c drivers.Consumer, ctx context.Context, dst []drivers.Delivery) (int, error)
	ack     func(c drivers.Consumer, ctx context.Context, ds []drivers.Delivery) error
	nack    func(c drivers.Consumer, ctx context.Context, ds []drivers.Delivery, requeue bool) error
	declare func(s drivers.Session, ctx context.Context, t drivers.Topic) error
	remove  func(s drivers.Session, ctx context.Context, t drivers.Topic) error
	depth   func(n int64) int64
	end     func(p drivers.Position) drivers.Position
	replay  func(s drivers.Session, ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error)
	// assign makes what the driver is told to tell the members' shards to. closed closes with the member.
	assign func(member int, f func([]int32), closed <-chan struct{}) func([]int32)
	// closes is called with the error of every second Close of a producer.
	closes func(error) error
	// opened is called with every session that is opened.
	opened func()
}

func (b *broken) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	s, err := b.Driver.Open(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	if b.opened != nil {
		b.opened()
	}
	return &brokenSession{Session: s, broken: b}, nil
}

type brokenSession struct {
	drivers.Session
	broken *broken
}

func (s *brokenSession) Declare(ctx context.Context, t drivers.Topic) error {
	if s.broken.declare != nil {
		return s.broken.declare(s.Session, ctx, t)
	}
	return s.Session.Declare(ctx, t)
}

func (s *brokenSession) Delete(ctx context.Context, t drivers.Topic) error {
	if s.broken.remove != nil {
		return s.broken.remove(s.Session, ctx, t)
	}
	return s.Session.Delete(ctx, t)
}

func (s *brokenSession) Depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	n, err := s.Session.(drivers.Depther).Depth(ctx, t, group)
	if s.broken.depth != nil {
		n = s.broken.depth(n)
	}
	return n, err
}

func (s *brokenSession) End(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	ends, err := s.Session.(drivers.Ender).End(ctx, t)
	for i := range ends {
		if s.broken.end != nil {
			ends[i] = s.broken.end(ends[i])
		}
	}
	return ends, err
}

func (s *brokenSession) Producer(ctx context.Context, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (drivers.Producer, error) {
	if s.broken.settle != nil {
		settle = s.broken.settle(settle)
	}
	p, err := s.Session.Producer(ctx, spec, settle)
	if err != nil {
		return nil, err
	}
	return &brokenProducer{Producer: p, broken: s.broken, settle: settle}, nil
}

func (s *brokenSession) Consumer(ctx context.Context, spec drivers.ConsumerSpec) (drivers.Consumer, error) {
	c, err := s.Session.Consumer(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &brokenConsumer{Consumer: c, broken: s.broken, member: spec.Member, closed: make(chan struct{})}, nil
}

func (s *brokenSession) Replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
	if s.broken.replay != nil {
		return s.broken.replay(s.Session, ctx, t, shard, from)
	}
	return s.Session.(drivers.Replayer).Replay(ctx, t, shard, from)
}

type brokenProducer struct {
	drivers.Producer
	broken *broken
	settle func(drivers.Receipt)
	closed bool
}

func (p *brokenProducer) Send(ctx context.Context, batch []drivers.Message) error {
	if p.broken.send != nil {
		return p.broken.send(p.Producer, p.settle, ctx, batch)
	}
	return p.Producer.Send(ctx, batch)
}

func (p *brokenProducer) Close(ctx context.Context) error {
	err := p.Producer.Close(ctx)
	if p.closed && p.broken.closes != nil {
		return p.broken.closes(err)
	}
	p.closed = true
	return err
}

type brokenConsumer struct {
	drivers.Consumer
	broken *broken
	member int
	once   sync.Once
	closed chan struct{}
}

func (c *brokenConsumer) OnRebalance(f func([]int32)) {
	if c.broken.assign != nil {
		f = c.broken.assign(c.member, f, c.closed)
	}
	c.Consumer.(drivers.Rebalancer).OnRebalance(f)
}

func (c *brokenConsumer) Close(ctx context.Context) error {
	err := c.Consumer.Close(ctx)
	c.once.Do(func() { close(c.closed) })
	return err
}

func (c *brokenConsumer) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if c.broken.receive != nil {
		return c.broken.receive(c.Consumer, ctx, dst)
	}
	return c.Consumer.Receive(ctx, dst)
}

func (c *brokenConsumer) Ack(ctx context.Context, ds []drivers.Delivery) error {
	if c.broken.ack != nil {
		return c.broken.ack(c.Consumer, ctx, ds)
	}
	return c.Consumer.Ack(ctx, ds)
}

func (c *brokenConsumer) Nack(ctx context.Context, ds []drivers.Delivery, requeue bool) error {
	if c.broken.nack != nil {
		return c.broken.nack(c.Consumer, ctx, ds, requeue)
	}
	return c.Consumer.(drivers.Nacker).Nack(ctx, ds, requeue)
}

// habit is a way to break the contract, and the tests of a log that must find it.
type habit struct {
	name   string
	driver broken
	found  []string
	// empty has the suite take the log for a topic that keeps nothing.
	empty bool
}

func lie(name string) habit {
	return habit{name: name, driver: broken{options: map[string]string{name: "1", "spread": "900"}}, found: []string{"Messages"}}
}

// habits are all that the suite is proven against.
func habits() []habit {
	return append([]habit{
		{name: "honest"},
		lie("lose"), lie("duplicate"), lie("reorder"), lie("corrupt"), lie("phantom"), lie("resurrect"),
		lie("withhold"),
	}, slices.Concat(senderHabits(), readerHabits(), replayHabits(), rebalanceHabits())...)
}

func senderHabits() []habit {
	return []habit{
		{name: "settles twice", found: []string{"Messages", "CloseTwice"}, driver: broken{
			settle: func(settle func(drivers.Receipt)) func(drivers.Receipt) {
				return func(r drivers.Receipt) { settle(r); settle(r) }
			},
		}},
		{name: "forgets to settle", found: []string{"Messages"}, driver: broken{
			settle: func(settle func(drivers.Receipt)) func(drivers.Receipt) {
				return func(r drivers.Receipt) {
					if r.Token != 3 {
						settle(r)
					}
				}
			},
		}},
		{name: "settles from everywhere", found: []string{"Messages"}, driver: broken{
			settle: func(settle func(drivers.Receipt)) func(drivers.Receipt) {
				return func(r drivers.Receipt) { // both are done before Send returns, but at the same time
					var both sync.WaitGroup
					both.Go(func() { settle(r) })
					both.Go(func() { settle(r) })
					both.Wait()
				}
			},
		}},
		{name: "settles a stranger", found: []string{"Messages"}, driver: broken{
			settle: func(settle func(drivers.Receipt)) func(drivers.Receipt) {
				return func(r drivers.Receipt) { settle(r); settle(drivers.Receipt{Token: 1 << 40}) }
			},
		}},
		{name: "promises a receipt that never comes", found: []string{"Messages"}, driver: broken{
			settle: func(settle func(drivers.Receipt)) func(drivers.Receipt) {
				return func(r drivers.Receipt) { r.More = true; settle(r) }
			},
		}},
		{name: "gives no reason", found: []string{"NoSuchShard"}, driver: broken{
			settle: func(settle func(drivers.Receipt)) func(drivers.Receipt) {
				return func(r drivers.Receipt) { r.Err = nil; settle(r) }
			},
		}},
		{name: "names a wrong position", found: []string{"Messages"}, driver: broken{
			settle: func(settle func(drivers.Receipt)) func(drivers.Receipt) {
				return func(r drivers.Receipt) { r.Position.Minor++; settle(r) }
			},
		}},
		{name: "acks what was cancelled", found: []string{"CancelledBefore"}, driver: broken{
			send: func(p drivers.Producer, _ func(drivers.Receipt), ctx context.Context, batch []drivers.Message) error {
				return p.Send(context.WithoutCancel(ctx), batch)
			},
		}},
		{name: "sends when closed", found: []string{"UseAfterClose", "CloseSession"}, driver: broken{
			send: func(p drivers.Producer, _ func(drivers.Receipt), ctx context.Context, batch []drivers.Message) error {
				if err := p.Send(ctx, batch); ctx.Err() != nil {
					return err
				}
				return nil
			},
		}},
		{name: "complains about a second close", found: []string{"CloseTwice"}, driver: broken{
			closes: func(error) error { return errors.New("closed already") },
		}},
		{name: "leaks a goroutine", found: []string{"Messages", "Audit"}, driver: broken{
			opened: func() { go func() { select {} }() },
		}},
		{name: "takes any settings", found: []string{"OtherSettings"}, driver: broken{
			declare: func(s drivers.Session, ctx context.Context, t drivers.Topic) error {
				if err := s.Declare(ctx, t); err == nil || ctx.Err() != nil || errors.Is(err, memory.ErrClosed) {
					return err
				}
				return nil
			},
		}},
		{name: "declares once", found: []string{"Topic"}, driver: broken{
			declare: func(s drivers.Session, ctx context.Context, t drivers.Topic) error {
				if _, err := s.Audit(ctx, t); err == nil {
					return errors.New("exists")
				}
				return s.Declare(ctx, t)
			},
		}},
		{name: "deletes nothing", found: []string{"Topic"}, driver: broken{
			remove: func(_ drivers.Session, ctx context.Context, _ drivers.Topic) error { return ctx.Err() },
		}},
	}
}

func readerHabits() []habit {
	return []habit{
		{name: "is deaf to contexts", found: []string{"CancelledReceive"}, driver: broken{
			receive: func(c drivers.Consumer, ctx context.Context, dst []drivers.Delivery) (int, error) {
				return c.Receive(context.WithoutCancel(ctx), dst)
			},
		}},
		{name: "dies of a cancelled receive", found: []string{"CancelledReceive"}, driver: broken{
			receive: func(c drivers.Consumer, ctx context.Context, dst []drivers.Delivery) (int, error) {
				n, err := c.Receive(ctx, dst)
				if errors.Is(err, context.Canceled) {
					c.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it is meant to do harm
				}
				return n, err
			},
		}},
		{name: "acks on arrival", found: []string{"Unacked"}, driver: broken{
			receive: func(c drivers.Consumer, ctx context.Context, dst []drivers.Delivery) (int, error) {
				n, err := c.Receive(ctx, dst)
				return n, errors.Join(err, ackAll(ctx, c, dst[:n]))
			},
		}},
		{name: "never acks", found: []string{"Messages", "Unacked"}, driver: broken{
			ack: func(drivers.Consumer, context.Context, []drivers.Delivery) error { return nil },
		}},
		{name: "flags nothing", found: []string{"Unacked", "Nack"}, driver: broken{
			receive: func(c drivers.Consumer, ctx context.Context, dst []drivers.Delivery) (int, error) {
				n, err := c.Receive(ctx, dst)
				for i := range dst[:n] {
					dst[i].Redelivered = false
				}
				return n, err
			},
		}},
		{name: "flags everything", found: []string{"Messages"}, driver: broken{
			receive: func(c drivers.Consumer, ctx context.Context, dst []drivers.Delivery) (int, error) {
				n, err := c.Receive(ctx, dst)
				for i := range dst[:n] {
					dst[i].Redelivered = true
				}
				return n, err
			},
		}},
		{name: "requeues what is discarded", found: []string{"Nack"}, driver: broken{
			nack: func(c drivers.Consumer, ctx context.Context, ds []drivers.Delivery, _ bool) error {
				return c.(drivers.Nacker).Nack(ctx, ds, true)
			},
		}},
		{name: "counts one too few", found: []string{"Unacked", "Topic"}, driver: broken{
			depth: func(n int64) int64 { return max(0, n-1) },
		}},
		{name: "ends too early", found: []string{"Messages"}, driver: broken{
			end: func(p drivers.Position) drivers.Position {
				if p.Known {
					p.Minor--
				}
				return p
			},
		}},
	}
}

// ackAll acknowledges with a fresh context, as a broker that acks on arrival does.
func ackAll(ctx context.Context, c drivers.Consumer, ds []drivers.Delivery) error {
	if len(ds) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return c.Ack(ctx, ds)
}
