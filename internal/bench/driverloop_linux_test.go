package bench

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ordeal/drivers"
	"ordeal/faults/socket"
	"ordeal/internal/engine"
	"ordeal/internal/measure"
)

// driverLoop is what ordeal does without everything that makes it ordeal: the same driver with the same batches, windows and acks, and no
// schedule, stamp, checksum, history or judge.
func driverLoop(ctx context.Context, w *work, count *atomic.Int64) error {
	d, cfg, err := w.config()
	if err != nil {
		return err
	}
	topic, line := w.topic(topicOf(w)), new(network)
	admin, err := line.session(ctx, d, cfg)
	if err != nil {
		return err
	}
	if err := admin.Declare(ctx, topic); err != nil {
		return err
	}
	var clients sync.WaitGroup
	errs := make(chan error, w.Producers+w.Consumers)
	for i := range w.Consumers {
		c, err := consume(ctx, line, d, cfg, topic, i)
		if err != nil {
			return err
		}
		clients.Go(func() { errs <- c.loop(ctx, count) })
	}
	sent := count
	if w.Consumers > 0 {
		sent = new(atomic.Int64) // what is received is what counts
	}
	producers := make([]*plainProducer, w.Producers)
	for i := range producers {
		p := &plainProducer{work: w, count: sent, wake: make(chan struct{}, 1)}
		if err := p.open(ctx, line, d, cfg, topic); err != nil {
			return err
		}
		producers[i] = p
		clients.Go(func() { errs <- p.loop(ctx) })
	}
	flows := func() []engine.Flow {
		var f engine.Flow
		for _, p := range producers {
			settled := p.settled.Load()
			f.Settled += settled
			f.InFlight += p.sent.Load() - settled
		}
		return []engine.Flow{f}
	}
	_, restore := engine.Coalesce(&line.sockets, measure.NewClock(time.Now()), flows, quiet())
	clients.Wait()
	restore()
	close(errs)
	for e := range errs {
		err = errors.Join(err, e)
	}
	leave, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return errors.Join(err, admin.Delete(leave, topic), admin.Close(leave))
}

// network lends connections as a run does.
type network struct{ sockets socket.Coalescer }

func (n *network) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return n.sockets.Wrap(c), nil
}

func (n *network) session(ctx context.Context, d drivers.Driver, cfg drivers.Config) (drivers.Session, error) {
	return d.Open(ctx, cfg, drivers.Env{Dial: n.dial, Logger: quiet(), Name: "plain"})
}

// plainProducer keeps its window full in batches, as ordeal's producers do.
type plainProducer struct {
	work    *work
	count   *atomic.Int64
	network *network
	session drivers.Session
	client  drivers.Producer
	shards  int
	sent    atomic.Int64
	settled atomic.Int64
	wanted  atomic.Int64 // settled at which the loop wants to be woken; 0 for not at all
	wake    chan struct{}
	failed  atomic.Pointer[drivers.Receipt]
}

func (p *plainProducer) open(ctx context.Context, n *network, d drivers.Driver, cfg drivers.Config, topic drivers.Topic) error {
	var err error
	p.network = n
	if p.session, err = n.session(ctx, d, cfg); err != nil {
		return err
	}
	p.shards = topic.Shards
	p.client, err = p.session.Producer(ctx, drivers.ProducerSpec{Topic: topic, Guarantee: cfg.Guarantee, Window: p.work.Window}, p.settle)
	return err
}

func (p *plainProducer) settle(r drivers.Receipt) {
	if r.Outcome != drivers.Acked {
		failed := r // only here, so that no other receipt has to be on the heap
		p.failed.CompareAndSwap(nil, &failed)
		return
	}
	p.count.Add(1)
	if n, at := p.settled.Add(1), p.wanted.Load(); at > 0 && n >= at {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

func (p *plainProducer) loop(ctx context.Context) error {
	const most = 256
	batch, body, sent := make([]drivers.Message, 0, most), make([]byte, p.work.Size), int64(0)
	window := int64(p.work.Window)
	for ctx.Err() == nil {
		room := window - (sent - p.settled.Load())
		if room == 0 {
			least := max(1, window/8)
			if p.network.sockets.Holding() {
				least = 1 // as ordeal's producers do
			}
			p.wanted.Store(sent - window + least)
			if p.settled.Load() < p.wanted.Load() {
				select {
				case <-p.wake:
				case <-ctx.Done():
				}
			}
			p.wanted.Store(0)
			continue
		}
		batch = batch[:0]
		for range min(room, most) {
			batch = append(batch, drivers.Message{Token: uint64(sent), Shard: int32(sent % int64(p.shards)), Body: body})
			sent++
		}
		p.sent.Store(sent)
		if err := p.client.Send(ctx, batch); err != nil && ctx.Err() == nil {
			return err
		}
		if r := p.failed.Load(); r != nil && ctx.Err() == nil {
			return errors.Join(errors.New("a send is "+r.Outcome.String()), r.Err)
		}
	}
	leave, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(p.client.Close(leave), p.session.Close(leave))
}

// plainConsumer receives and acknowledges, and looks at nothing.
type plainConsumer struct {
	session drivers.Session
	client  drivers.Consumer
}

func consume(ctx context.Context, n *network, d drivers.Driver, cfg drivers.Config, topic drivers.Topic, member int) (*plainConsumer, error) {
	s, err := n.session(ctx, d, cfg)
	if err != nil {
		return nil, err
	}
	c, err := s.Consumer(ctx, drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0], Member: member})
	return &plainConsumer{session: s, client: c}, err
}

func (c *plainConsumer) loop(ctx context.Context, count *atomic.Int64) error {
	ds := make([]drivers.Delivery, 512)
	for ctx.Err() == nil {
		n, err := c.client.Receive(ctx, ds)
		if err == nil {
			err = c.client.Ack(ctx, ds[:n])
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		count.Add(int64(n))
	}
	leave, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(c.client.Close(leave), c.session.Close(leave))
}
