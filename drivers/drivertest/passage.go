package drivertest

import (
	"context"
	"sync"

	"ordeal/drivers"
)

// messages sends many messages and holds every receipt and every delivery of every group against them.
func messages(b *bench) {
	groups := []drivers.Group{b.group("a")}
	if b.model != drivers.Queue {
		groups = append(groups, b.group("b"))
	}
	b.declare(groups...)
	p := b.producer()
	var readers sync.WaitGroup
	consumers := make([]*consumer, len(groups))
	for i := range groups {
		consumers[i] = b.consumer(i, 0)
		readers.Go(func() { consumers[i].drain(b.harness.Messages) })
	}
	batch := make([]drivers.Message, 0, 256)
	for i := range b.harness.Messages {
		batch = append(batch, p.message(int32(i%b.topic.Shards), body(i, 100)))
		if len(batch) == 1+i%cap(batch) || len(batch) == cap(batch) || i == b.harness.Messages-1 {
			p.send(batch)
			batch = batch[:0]
		}
	}
	p.flush()
	readers.Wait()
	if n := p.ledger.count(drivers.Acked); n != b.harness.Messages {
		b.Errorf("%d of %d messages were acked", n, b.harness.Messages)
	}
	for _, c := range consumers {
		c.silent()
		c.compare(p)
		b.owed(c.group.Name, 0)
	}
	b.ends(p)
}

// drain receives until n deliveries came or nothing more does, and acknowledges batch by batch.
func (c *consumer) drain(n int) {
	dst := make([]drivers.Delivery, 300)
	for len(c.got) < n {
		ctx, cancel := context.WithTimeout(c.Context(), c.harness.Patience)
		k, err := c.take(ctx, dst)
		cancel()
		c.keep(dst[:k])
		if err == nil && c.group.Ack == drivers.AckAfter {
			err = c.Consumer.Ack(c.Context(), dst[:k])
		}
		if err != nil {
			c.Errorf("group %q, with %d of %d deliveries: %v", c.group.Name, len(c.got), n, err)
			return
		}
	}
}

// compare holds what a group received against what was acked: all of it, once, whole, in order, at the place the receipt said.
func (c *consumer) compare(p *producer) {
	c.Helper()
	seen := c.numbers()
	missing, twice := 0, 0
	for i := range c.harness.Messages {
		switch n := seen[i]; {
		case n == 0:
			missing++
		case n > 1:
			twice++
		}
	}
	if missing > 0 || twice > 0 {
		c.Errorf("group %q: %d messages missing, %d more than once", c.group.Name, missing, twice)
	}
	ordered := c.promise().Order == drivers.PerShard
	highest := make([]int, c.topic.Shards)
	last := make([]drivers.Position, c.topic.Shards)
	for _, d := range c.got {
		i, ok := number(d.Body)
		if !ok {
			continue
		}
		shard := i % c.topic.Shards
		if d.Shard != drivers.AnyShard && int(d.Shard) != shard {
			c.Fatalf("message %d was sent to shard %d and came from %d", i, shard, d.Shard)
		}
		if d.Redelivered {
			c.Fatalf("message %d is marked as redelivered", i)
		}
		if ordered && i < highest[shard] {
			c.Fatalf("message %d came after %d of the same shard", i, highest[shard])
		}
		highest[shard] = i
		if r := p.ledger.of(uint64(i) + 1); r.Position.Known && d.Position.Known && r.Position != d.Position {
			c.Fatalf("message %d was acked at %s and came from %s", i, r.Position, d.Position)
		}
		if ordered && last[shard].Known && !last[shard].Before(d.Position) {
			c.Fatalf("position %s of shard %d came after %s", d.Position, shard, last[shard])
		}
		last[shard] = d.Position
	}
}

// ends holds the broker's end positions against the receipts. A queue may have forgotten them.
func (b *bench) ends(p *producer) {
	b.Helper()
	e, ok := b.session.(drivers.Ender)
	if !ok || b.model != drivers.Log {
		return
	}
	ends, err := e.End(b.ctx(), b.topic)
	if err != nil || len(ends) != b.topic.Shards {
		b.Fatalf("end: %v, %v", ends, err)
	}
	for shard, end := range ends {
		if !end.Known {
			b.Errorf("shard %d has messages and no end", shard)
		}
		for i := b.harness.Messages - 1; i >= 0; i-- {
			if i%b.topic.Shards != shard {
				continue
			}
			if r := p.ledger.of(uint64(i) + 1); r.Position.Known && r.Position != end {
				b.Errorf("shard %d ends at %s, the last message was acked at %s", shard, end, r.Position)
			}
			break
		}
	}
}

// sizes sends bodies from nothing to 1 MiB, or as far as the broker goes.
func sizes(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	want := make(map[string]int)
	n := 0
	for _, size := range []int{0, 1, 11, 48, 1 << 10, 64 << 10, 1 << 20} {
		if b.harness.MaxBody > 0 {
			size = min(size, b.harness.MaxBody)
		}
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(size + i)
		}
		m := p.message(0, content)
		if b.harness.Keys {
			m.Key = []byte{byte(n)}
		}
		p.send([]drivers.Message{m})
		want[string(content)]++
		n++
	}
	p.flush()
	if k := p.ledger.count(drivers.Acked); k != n {
		b.Fatalf("%d of %d were acked", k, n)
	}
	c.receive(n)
	for i, d := range c.got {
		want[string(d.Body)]--
		if b.harness.Keys && (len(d.Key) != 1 || d.Key[0] != byte(i)) {
			b.Errorf("delivery %d has the key %q", i, d.Key)
		}
	}
	for content, n := range want {
		if n != 0 {
			b.Errorf("a body of %d bytes came %d times too few", len(content), n)
		}
	}
}

// tooLarge sends more than the broker takes, which must cost nothing but that message.
func tooLarge(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	p.send([]drivers.Message{p.message(0, make([]byte, b.harness.MaxBody+1)), p.message(0, body(1, 0))})
	p.flush()
	if r := p.ledger.of(1); r.Outcome != drivers.Rejected {
		b.Errorf("a body that is too large was %s: %v", r.Outcome, r.Err)
	}
	if r := p.ledger.of(2); r.Outcome != drivers.Acked {
		b.Errorf("the message after it was %s: %v", r.Outcome, r.Err)
	}
	c.receive(1)
}

// noSuchShard sends where there is nothing, which must cost nothing but that message.
func noSuchShard(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	p.send([]drivers.Message{p.message(int32(b.topic.Shards), body(1, 0)), p.message(0, body(2, 0))})
	p.flush()
	if r := p.ledger.of(1); r.Outcome != drivers.Rejected {
		b.Errorf("a message to a shard that is not there was %s: %v", r.Outcome, r.Err)
	}
	if r := p.ledger.of(2); r.Outcome != drivers.Acked {
		b.Errorf("the message after it was %s: %v", r.Outcome, r.Err)
	}
	c.receive(1)
}

// openShard leaves the shard to the driver: one key must keep to one shard.
func openShard(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	const keys, each = 7, 20
	for i := range keys * each {
		m := p.message(drivers.AnyShard, body(i, 0))
		m.Key = []byte{'k', byte(i % keys)}
		p.send([]drivers.Message{m})
	}
	p.send([]drivers.Message{p.message(drivers.AnyShard, body(keys*each, 0))}) // neither shard nor key
	p.flush()
	c.receive(keys*each + 1)
	shards := make(map[int]int32)
	for _, d := range c.got {
		i, ok := number(d.Body)
		if !ok || i == keys*each {
			continue
		}
		if shard, known := shards[i%keys]; known && shard != d.Shard {
			b.Errorf("key %d is in the shards %d and %d", i%keys, shard, d.Shard)
		}
		shards[i%keys] = d.Shard
	}
}
