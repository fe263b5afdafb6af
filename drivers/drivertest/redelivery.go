package drivertest

import (
	"context"
	"errors"
	"time"

	"ordeal/drivers"
)

// pair is one group of two members.
func (b *bench) pair(prefetch int) drivers.Group {
	g := b.group("pair")
	g.Members, g.Prefetch = 2, prefetch
	return g
}

// unacked lets a member close with unacknowledged deliveries: the next member gets them, unless acks were given on arrival.
func unacked(b *bench) {
	b.declare(b.pair(100))
	const n, acked = 10, 4
	first, p := b.consumer(0, 0), b.producer()
	p.numbered(0, n)
	first.receive(n)
	if err := first.Consumer.Ack(b.ctx(), first.got[:acked]); err != nil {
		b.Fatalf("ack: %v", err)
	}
	if b.keeps() {
		b.owed("pair", n-acked)
	}
	if err := first.Consumer.Close(b.ctx()); err != nil {
		b.Fatalf("close: %v", err)
	}
	second := b.consumer(0, 1)
	if !b.keeps() {
		second.silent()
		b.owed("pair", 0)
		return
	}
	second.receive(n - acked)
	again := second.numbers()
	for i, d := range first.got {
		number, _ := number(d.Body)
		if want := i >= acked; (again[number] == 1) != want {
			b.Errorf("message %d, acknowledged %v, was delivered again %d times", number, !want, again[number])
		}
	}
	b.flagged(second.got, 2)
	second.acknowledge()
	b.owed("pair", 0)
	second.silent()
}

// flagged checks that redeliveries say so.
func (b *bench) flagged(ds []drivers.Delivery, attempt int) {
	b.Helper()
	if !b.harness.Flagged {
		return
	}
	for _, d := range ds {
		if !d.Redelivered || d.Attempt != attempt {
			b.Errorf("position %s: redelivered %v, attempt %d; want true, %d", d.Position, d.Redelivered, d.Attempt, attempt)
			return
		}
	}
}

// nack gives deliveries back, to come again or not.
func nack(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	n, ok := c.Consumer.(drivers.Nacker)
	if !ok {
		b.Skip("the consumer is no Nacker")
	}
	p.numbered(0, 6)
	c.receive(6)
	if err := n.Nack(b.ctx(), c.got[:2], true); err != nil {
		b.Fatalf("nack: %v", err)
	}
	if err := n.Nack(b.ctx(), c.got[2:4], false); err != nil {
		b.Fatalf("nack: %v", err)
	}
	if err := c.Consumer.Ack(b.ctx(), c.got[4:]); err != nil {
		b.Fatalf("ack: %v", err)
	}
	want := map[int]bool{}
	for _, d := range c.got[:2] {
		i, _ := number(d.Body)
		want[i] = true
	}
	c.got = nil
	c.receive(2)
	for i := range c.numbers() {
		if !want[i] {
			b.Errorf("message %d was not requeued and came again", i)
		}
	}
	b.flagged(c.got, 2)
	c.acknowledge()
	b.owed(c.group.Name, 0)
	c.silent()
}

// sharing lets two members of a group compete: together they get everything once. Where deliveries are kept, neither can have it all.
func sharing(b *bench) {
	const n = 20
	b.declare(b.pair(n / 2))
	members := []*consumer{b.consumer(0, 0), b.consumer(0, 1)}
	p := b.producer()
	p.numbered(0, n)
	seen := make(map[int]int)
	shared := make([]int, len(members))
	collect := func(i int, c *consumer) {
		ctx, cancel := context.WithTimeout(b.Context(), 50*time.Millisecond)
		defer cancel()
		dst := make([]drivers.Delivery, n)
		k, err := c.take(ctx, dst)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			b.Fatalf("receive: %v", err)
		}
		for _, d := range dst[:k] {
			number, _ := number(d.Body)
			seen[number]++
			shared[i]++
		}
		if c.group.Ack == drivers.AckAfter && shared[0] > 0 && shared[1] > 0 {
			c.keep(dst[:k])
			c.acknowledge()
			c.got = nil
		} else {
			c.keep(dst[:k])
		}
	}
	for deadline := time.Now().Add(b.harness.Patience); len(seen) < n; {
		for i, c := range members {
			collect(i, c)
		}
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d messages came, by member %v", len(seen), n, shared)
		}
	}
	for i, k := range seen {
		if k != 1 {
			b.Errorf("message %d was delivered %d times", i, k)
		}
	}
	if b.keeps() && (shared[0] == 0 || shared[1] == 0) {
		b.Errorf("one member got nothing: %v", shared)
	}
}

// cutConnection resets the connections of a producer and a consumer in mid-flight, without a goodbye.
func cutConnection(b *bench) {
	b.declare(b.pair(100))
	spared := b.links.now()
	c, p := b.consumer(0, 0), b.producer()
	const before, flight = 10, 500
	p.numbered(0, before)
	c.receive(before)
	batch := make([]drivers.Message, 0, flight)
	for i := before; i < before+flight; i++ {
		batch = append(batch, p.message(int32(i%b.topic.Shards), body(i, 100)))
	}
	p.ledger.sent(batch)
	sendErr := p.Producer.Send(b.ctx(), batch)
	b.links.reset(spared)
	b.within("flush", func() {
		if err := p.Producer.Flush(b.ctx()); err != nil && p.ledger.unsettled() > 0 && b.ctx().Err() != nil {
			b.Errorf("flush: %v", err)
		}
	})
	b.within("receive", func() {
		dst := make([]drivers.Delivery, 100)
		for {
			n, err := c.Consumer.Receive(b.ctx(), dst)
			c.keep(dst[:n])
			if err != nil {
				if errors.Is(err, context.DeadlineExceeded) {
					b.Error("the consumer does not notice that its connection is gone")
				}
				return
			}
		}
	})
	b.afterCut(c, p, sendErr, before, flight)
}

// afterCut holds the outcomes against what a new session finds.
func (b *bench) afterCut(c *consumer, p *producer, sendErr error, before, flight int) {
	b.Helper()
	late := 0 // messages sent until the producer noticed
	b.within("send", func() {
		for b.ctx().Err() == nil {
			batch := []drivers.Message{p.message(0, body(before+flight+late, 100))}
			p.ledger.sent(batch)
			late++
			if p.Producer.Send(b.ctx(), batch) != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		b.Error("a producer without a connection sends")
	})
	ctx, cancel := b.leaving()
	defer cancel()
	p.Producer.Close(ctx) //nolint:errcheck // it has nobody to take leave of
	if p.ledger.unsettled() > 0 {
		b.Fatalf("%d messages are not settled", p.ledger.unsettled())
	}
	if n := p.ledger.count(drivers.Rejected); sendErr == nil && n > late {
		b.Errorf("%d messages that were written out are called rejected", n)
	}
	if !b.keeps() {
		return
	}
	c.Session.Close(ctx) //nolint:errcheck // likewise
	second := b.consumer(0, 1)
	got := c.numbers()
	old := len(got)
	missing := p.ackedAbove(before) // what is unknown may come as well, and must not be counted for it
	for i := range got {
		delete(missing, i)
	}
	second.until(func(i int) bool {
		got[i]++
		delete(missing, i)
		return len(missing) == 0 && second.has(before)
	})
	for i := range before + flight {
		r := p.ledger.of(uint64(i) + 1)
		if r.Outcome == drivers.Acked && got[i] == 0 {
			b.Errorf("message %d was acked and never delivered (%d had come before the cut)", i, old)
		}
		if r.Outcome == drivers.Rejected && got[i] > 0 {
			b.Errorf("message %d was rejected and delivered", i)
		}
	}
}

// ackedAbove is the set of acked messages from number first on.
func (p *producer) ackedAbove(first int) map[int]bool {
	p.ledger.mu.Lock()
	defer p.ledger.mu.Unlock()
	out := make(map[int]bool)
	for token, r := range p.ledger.receipts {
		if i := int(token) - 1; i >= first && r.Outcome == drivers.Acked {
			out[i] = true
		}
	}
	return out
}

// has tells whether messages 0 to n-1, which nobody acknowledged, have come to this consumer.
func (c *consumer) has(n int) bool {
	seen := c.numbers()
	for i := range n {
		if seen[i] == 0 {
			return false
		}
	}
	return true
}

// until receives and acknowledges until enough says so, message by message.
func (c *consumer) until(enough func(i int) bool) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), c.harness.Patience)
	defer cancel()
	dst := make([]drivers.Delivery, 100)
	for done := false; !done; {
		n, err := c.take(ctx, dst)
		if err != nil {
			c.Errorf("receive after the cut, with %d deliveries: %v", len(c.got), err)
			return
		}
		c.keep(dst[:n])
		for _, d := range dst[:n] {
			if i, ok := number(d.Body); ok {
				done = enough(i) || done
			}
		}
		if err := c.Consumer.Ack(ctx, dst[:n]); err != nil {
			c.Errorf("ack after the cut: %v", err)
			return
		}
	}
}
