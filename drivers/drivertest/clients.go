package drivertest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ordeal/drivers"
)

// ledger holds the receipts of one producer against what it sent.
type ledger struct {
	settling, overlap atomic.Bool

	mu       sync.Mutex
	open     map[uint64]bool
	receipts map[uint64]drivers.Receipt
	// odd are tokens that were settled twice or never sent.
	odd []uint64
	// promised is the last receipt's word that another follows.
	promised bool
	// changed is signalled when something was settled.
	changed chan struct{}
}

func newLedger() *ledger {
	return &ledger{open: make(map[uint64]bool), receipts: make(map[uint64]drivers.Receipt), changed: make(chan struct{}, 1)}
}

func (l *ledger) sent(batch []drivers.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range batch {
		l.open[batch[i].Token] = true
	}
}

func (l *ledger) settle(r drivers.Receipt) {
	if !l.settling.CompareAndSwap(false, true) {
		l.overlap.Store(true)
	}
	l.mu.Lock()
	if !l.open[r.Token] {
		l.odd = append(l.odd, r.Token)
	}
	delete(l.open, r.Token)
	l.receipts[r.Token] = r
	l.promised = r.More
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
	runtime.Gosched() // so that a second goroutine has a chance to be seen
	l.settling.Store(false)
}

func (l *ledger) unsettled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

func (l *ledger) promises() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.promised
}

// count is how many messages had an outcome.
func (l *ledger) count(o drivers.Outcome) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.receipts {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

// of is the receipt of token.
func (l *ledger) of(token uint64) drivers.Receipt {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.receipts[token]
}

// check holds the producer, which is closed, to the contract of settle.
func (l *ledger) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) > 0 {
		t.Errorf("%d messages were never settled", len(l.open))
	}
	if len(l.odd) > 0 {
		t.Errorf("%d receipts for messages that were not in flight, the first for token %d", len(l.odd), l.odd[0])
	}
	if l.promised {
		t.Error("the last receipt promises that another follows")
	}
	if l.overlap.Load() {
		t.Error("two goroutines settled at the same time")
	}
	for token, r := range l.receipts {
		if (r.Outcome == drivers.Acked) != (r.Err == nil) {
			t.Errorf("token %d: %s with error %v", token, r.Outcome, r.Err)
			return
		}
	}
}

// producer is a driver's with a ledger.
type producer struct {
	drivers.Producer
	drivers.Session
	*bench
	ledger *ledger
	next   uint64
}

// message makes the next one.
func (p *producer) message(shard int32, body []byte) drivers.Message {
	p.next++
	return drivers.Message{Token: p.next, Shard: shard, Body: body}
}

// send hands a batch over as soon as the window has room.
func (p *producer) send(batch []drivers.Message) {
	p.Helper()
	late := time.After(p.harness.Patience)
	for p.ledger.unsettled()+len(batch) > window {
		select {
		case <-p.ledger.changed:
		case <-late:
			p.Fatalf("%d messages are not settled after %v", p.ledger.unsettled(), p.harness.Patience)
		}
	}
	p.ledger.sent(batch)
	if err := p.Producer.Send(p.ctx(), batch); err != nil {
		p.Fatalf("send: %v", err)
	}
}

// numbered sends n small messages over all shards, numbered from first, and waits for their receipts.
func (p *producer) numbered(first, n int) {
	p.Helper()
	for i := first; i < first+n; i++ {
		p.send([]drivers.Message{p.message(int32(i%p.topic.Shards), body(i, 0))})
	}
	p.flush()
}

func (p *producer) flush() {
	p.Helper()
	if err := p.Producer.Flush(p.ctx()); err != nil {
		p.Fatalf("flush: %v", err)
	}
	if n := p.ledger.unsettled(); n > 0 {
		p.Fatalf("%d messages are not settled after flush", n)
	}
	if p.ledger.promises() {
		p.Error("after flush, the last receipt promises that another follows")
	}
}

// consumer is a driver's with what it received.
type consumer struct {
	drivers.Consumer
	drivers.Session
	*bench
	group drivers.Group
	got   []drivers.Delivery
}

// errDeaf says that Receive does not mind its context.
var errDeaf = errors.New("receive does not return when its context is over")

// take is Receive, but given up when it goes on for long after its context.
func (c *consumer) take(ctx context.Context, dst []drivers.Delivery) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := c.Consumer.Receive(ctx, dst)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r.n, r.err
	case <-time.After(c.harness.Patience):
		return 0, errDeaf
	}
}

// receive collects until there are n, and copies the bodies.
func (c *consumer) receive(n int) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), c.harness.Patience)
	defer cancel()
	dst := make([]drivers.Delivery, 64)
	for len(c.got) < n {
		k, err := c.take(ctx, dst[:min(len(dst), n-len(c.got))])
		c.keep(dst[:k])
		if err != nil {
			c.Fatalf("receive, with %d of %d: %v", len(c.got), n, err)
		}
	}
}

func (c *consumer) keep(ds []drivers.Delivery) {
	for _, d := range ds {
		d.Body = append([]byte(nil), d.Body...)
		d.Key = append([]byte(nil), d.Key...)
		c.got = append(c.got, d)
	}
}

func (c *consumer) acknowledge() {
	c.Helper()
	if err := c.Consumer.Ack(c.ctx(), c.got); err != nil {
		c.Fatalf("ack: %v", err)
	}
}

// silent fails when anything comes within a short time.
func (c *consumer) silent() {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), 100*time.Millisecond)
	defer cancel()
	dst := make([]drivers.Delivery, 8)
	n, err := c.take(ctx, dst)
	if n > 0 || !errors.Is(err, context.DeadlineExceeded) {
		c.Errorf("expected nothing more, got %d deliveries and %v", n, err)
	}
}

// numbers are those of the bodies received.
func (c *consumer) numbers() map[int]int {
	c.Helper()
	out := make(map[int]int)
	for _, d := range c.got {
		i, ok := number(d.Body)
		if !ok {
			c.Errorf("position %s of shard %d: a body that nobody sent", d.Position, d.Shard)
			continue
		}
		out[i]++
	}
	return out
}

// owed waits until the broker counts n messages for the group, where the driver can ask.
func (b *bench) owed(group string, n int64) {
	b.Helper()
	d, ok := b.session.(drivers.Depther)
	if !ok || b.model == drivers.Broadcast {
		return
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx := b.ctx(); ; <-tick.C {
		have, err := d.Depth(ctx, b.topic, group)
		if err == nil && have == n {
			return
		}
		if ctx.Err() != nil || err != nil {
			b.Fatalf("depth of %q: %d, %v; want %d", group, have, err, n)
		}
	}
}
