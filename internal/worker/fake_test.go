package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"ordeal/drivers"
)

var errBroken = errors.New("connection reset by the test")

// fake is a driver that does what a test tells it, also what no driver may. By default it acks every message and delivers it.
type fake struct {
	// open, receive and ack, unless nil, may refuse; n counts the calls from 0. answer says what becomes of a message; send may fail a batch.
	open    func(n int64) error
	send    func(n int64) error
	receive func(n int64) error
	ack     func(ds []drivers.Delivery) error
	answer  func(p *fakeProducer, m drivers.Message)
	settled func(r drivers.Receipt) // unless nil, looks at what a settle has done
	flush   func(p *fakeProducer)   // unless nil, begins a Flush

	opens, sends, receives atomic.Int64
	queue                  chan drivers.Delivery

	mu       sync.Mutex
	handed   map[string]int // how often a message was sent
	inFlight int
	peak     int
	position uint64
}

func newFake() *fake {
	return &fake{queue: make(chan drivers.Delivery, 1<<16), handed: map[string]int{}, answer: (*fakeProducer).deliver}
}

func (f *fake) Name() string                                          { return "fake" }
func (f *fake) Promise(drivers.Config, drivers.Topic) drivers.Promise { return drivers.Promise{} }

func (f *fake) Open(ctx context.Context, _ drivers.Config, _ drivers.Env) (drivers.Session, error) {
	if n := f.opens.Add(1) - 1; f.open != nil {
		if err := f.open(n); err != nil {
			return nil, err
		}
	}
	return &fakeSession{fake: f}, ctx.Err()
}

// nameOf is the part of a body that another try does not change: all but the incarnation and the checksum.
func nameOf(m drivers.Message) string { return string(m.Body[8:]) }

// sent counts how often the body was handed to the driver, this time included.
func (f *fake) sent(m drivers.Message) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.handed[nameOf(m)]
}

type fakeSession struct{ fake *fake }

func (s *fakeSession) Declare(context.Context, drivers.Topic) error                 { return nil }
func (s *fakeSession) Audit(context.Context, drivers.Topic) ([]drivers.Fact, error) { return nil, nil }
func (s *fakeSession) Delete(context.Context, drivers.Topic) error                  { return nil }
func (s *fakeSession) Close(context.Context) error                                  { return nil }

func (s *fakeSession) Producer(_ context.Context, _ drivers.ProducerSpec, settle func(drivers.Receipt)) (drivers.Producer, error) {
	return &fakeProducer{fake: s.fake, settle: settle, open: map[uint64]bool{}, idle: make(chan struct{}, 1)}, nil
}

func (s *fakeSession) Consumer(context.Context, drivers.ConsumerSpec) (drivers.Consumer, error) {
	return &fakeConsumer{fake: s.fake}, nil
}

type fakeProducer struct {
	fake   *fake
	settle func(drivers.Receipt)
	idle   chan struct{}

	mu   sync.Mutex
	open map[uint64]bool
}

func (p *fakeProducer) Send(_ context.Context, batch []drivers.Message) error {
	for _, m := range batch {
		p.mu.Lock()
		p.open[m.Token] = true
		p.mu.Unlock()
		p.fake.mu.Lock()
		p.fake.handed[nameOf(m)]++
		p.fake.inFlight++
		p.fake.peak = max(p.fake.peak, p.fake.inFlight)
		p.fake.mu.Unlock()
	}
	if n := p.fake.sends.Add(1) - 1; p.fake.send != nil {
		if err := p.fake.send(n); err != nil {
			return err
		}
	}
	for _, m := range batch {
		p.fake.answer(p, m)
	}
	return nil
}

// deliver acks m and hands it to the consumers.
func (p *fakeProducer) deliver(m drivers.Message) {
	p.receipt(drivers.Receipt{Token: m.Token, Outcome: drivers.Acked, Position: p.store(m)})
}

// store hands m to the consumers.
func (p *fakeProducer) store(m drivers.Message) drivers.Position {
	p.fake.mu.Lock()
	p.fake.position++
	at := drivers.At(p.fake.position)
	p.fake.mu.Unlock()
	p.fake.queue <- drivers.Delivery{Shard: m.Shard, Position: at, Body: append([]byte(nil), m.Body...)}
	return at
}

// receipt settles, whatever was settled before.
func (p *fakeProducer) receipt(r drivers.Receipt) {
	p.mu.Lock()
	known := p.open[r.Token]
	p.mu.Unlock()
	if known {
		p.fake.mu.Lock()
		p.fake.inFlight--
		p.fake.mu.Unlock()
	}
	p.settle(r)
	if p.fake.settled != nil {
		p.fake.settled(r)
	}
	p.mu.Lock()
	delete(p.open, r.Token) // only now: Flush promises that settle has returned
	p.mu.Unlock()
	select {
	case p.idle <- struct{}{}:
	default:
	}
}

func (p *fakeProducer) unsettled() []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var tokens []uint64
	for token := range p.open {
		tokens = append(tokens, token)
	}
	return tokens
}

func (p *fakeProducer) Flush(ctx context.Context) error {
	if p.fake.flush != nil {
		p.fake.flush(p)
	}
	for len(p.unsettled()) > 0 {
		select {
		case <-p.idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Close settles what is left as unknown, as the interface demands.
func (p *fakeProducer) Close(context.Context) error {
	for _, token := range p.unsettled() {
		p.receipt(drivers.Receipt{Token: token, Err: errBroken})
	}
	return nil
}

type fakeConsumer struct{ fake *fake }

func (c *fakeConsumer) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if n := c.fake.receives.Add(1) - 1; c.fake.receive != nil {
		if err := c.fake.receive(n); err != nil {
			return 0, err
		}
	}
	select {
	case dst[0] = <-c.fake.queue:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for n := 1; n < len(dst); n++ {
		select {
		case dst[n] = <-c.fake.queue:
		default:
			return n, nil
		}
	}
	return len(dst), nil
}

func (c *fakeConsumer) Ack(_ context.Context, ds []drivers.Delivery) error {
	if c.fake.ack != nil {
		return c.fake.ack(ds)
	}
	return nil
}

func (c *fakeConsumer) Close(context.Context) error { return nil }
