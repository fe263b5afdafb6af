package drivertest

import "ordeal/drivers"

// topicLife declares and deletes a topic more than once; what comes back after a deletion is empty.
func topicLife(b *bench) {
	b.declare()
	if err := b.session.Declare(b.ctx(), b.topic); err != nil {
		b.Errorf("declare the same again: %v", err)
	}
	other := b.open()
	if err := other.Declare(b.ctx(), b.topic); err != nil {
		b.Errorf("declare the same from another session: %v", err)
	}
	p := b.producer()
	p.numbered(0, 10)
	b.owed(b.topic.Groups[0].Name, 10)
	for range 2 {
		if err := b.session.Delete(b.ctx(), b.topic); err != nil {
			b.Errorf("delete: %v", err)
		}
	}
	if err := b.session.Declare(b.ctx(), b.topic); err != nil {
		b.Fatalf("declare again: %v", err)
	}
	b.owed(b.topic.Groups[0].Name, 0)
	if e, ok := b.session.(drivers.Ender); ok {
		ends, err := e.End(b.ctx(), b.topic)
		if err != nil {
			b.Errorf("end of an empty topic: %v", err)
		}
		for shard, end := range ends {
			if end.Known {
				b.Errorf("shard %d of an empty topic ends at %s", shard, end)
			}
		}
	}
	c, p := b.consumer(0, 0), b.producer()
	p.numbered(100, 3)
	c.receive(3)
	for i := range c.numbers() {
		if i < 100 {
			b.Errorf("message %d outlived its topic", i)
		}
	}
}

// otherSettings declares a topic that exists differently.
func otherSettings(b *bench) {
	b.declare()
	shards := b.topic
	shards.Shards++
	if err := b.session.Declare(b.ctx(), shards); err == nil {
		b.Error("declared with another number of shards")
	}
	model := b.topic
	model.Model = drivers.Log
	if b.model == drivers.Log {
		model.Model = drivers.Queue
	}
	if err := b.session.Declare(b.ctx(), model); err == nil {
		b.Errorf("a %s was declared as a %s", b.model, model.Model)
	}
	ack := b.topic
	ack.Groups = []drivers.Group{b.topic.Groups[0]}
	ack.Groups[0].Ack = drivers.AckBefore
	if err := b.session.Declare(b.ctx(), ack); err == nil && b.model == drivers.Log {
		b.Error("a group was declared with another ack mode")
	}
}

// audit asks for the facts, and where the shards live.
func audit(b *bench) {
	b.declare()
	facts, err := b.session.Audit(b.ctx(), b.topic)
	if err != nil || len(facts) == 0 {
		b.Fatalf("audit: %d facts, %v", len(facts), err)
	}
	for _, f := range facts {
		if f.Setting == "" || f.Status == drivers.Contradicted {
			b.Errorf("%s: want %q, have %q: %s", f.Setting, f.Want, f.Have, f.Status)
		}
	}
	if p := b.promise(); p.Why == "" {
		b.Error("the promise gives no reason")
	}
	if l, ok := b.session.(drivers.Locator); ok && b.model != drivers.Broadcast {
		for shard := range b.topic.Shards {
			if place, err := l.Locate(b.ctx(), b.topic, shard); err != nil || place.Leader == "" {
				b.Errorf("shard %d: %+v, %v", shard, place, err)
			}
		}
	}
}
