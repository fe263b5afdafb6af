package drivertest

import (
	"context"
	"errors"
	"strings"
	"sync"

	"ordeal/drivers"
)

// replayer is the session of the topic as a Replayer.
func (b *bench) replayer() drivers.Replayer {
	b.Helper()
	r, ok := b.session.(drivers.Replayer)
	if !ok {
		b.Fatal("the session is no Replayer")
	}
	return r
}

// noReplay wants no replay of what keeps nothing: a session that cannot do it at all, or one that says so of this topic.
func noReplay(b *bench) {
	b.declare()
	r, ok := b.session.(drivers.Replayer)
	if !ok {
		return
	}
	c, err := r.Replay(b.ctx(), b.topic, 0, drivers.Position{})
	if !errors.Is(err, drivers.ErrNoReplay) {
		b.Errorf("a replay of a %s ends with %v, want ErrNoReplay", b.model, err)
	}
	if err == nil {
		if err := c.Close(b.ctx()); err != nil {
			b.Errorf("close replay: %v", err)
		}
	}
}

// replay opens one of shard; it is closed with the subtest.
func (b *bench) replay(r drivers.Replayer, shard int, from drivers.Position) *consumer {
	b.Helper()
	c := &consumer{bench: b, Session: b.session}
	var err error
	if c.Consumer, err = r.Replay(b.ctx(), b.topic, shard, from); err != nil {
		b.Fatalf("replay of shard %d from %s: %v", shard, from, err)
	}
	b.Cleanup(func() {
		ctx, cancel := b.leaving()
		defer cancel()
		if err := c.Consumer.Close(ctx); err != nil {
			b.Errorf("close replay: %v", err)
		}
	})
	return c
}

// holds checks that what was replayed are exactly the messages want of shard, in order, unmarked, and where their receipts say.
func (c *consumer) holds(p *producer, shard int, want []int) {
	c.Helper()
	var got []int
	for _, d := range c.got {
		i, ok := number(d.Body)
		if !ok {
			c.Fatalf("position %s of shard %d: a body that nobody sent", d.Position, d.Shard)
		}
		got = append(got, i)
		if int(d.Shard) != shard && d.Shard != drivers.AnyShard {
			c.Errorf("message %d of a replay of shard %d says shard %d", i, shard, d.Shard)
		}
		if d.Redelivered {
			c.Errorf("message %d is marked as redelivered by a replay", i)
		}
		if r := p.ledger.of(uint64(i) + 1); r.Position.Known && r.Position != d.Position {
			c.Errorf("message %d was acked at %s and is replayed from %s", i, r.Position, d.Position)
		}
	}
	for at := range max(len(got), len(want)) {
		if at >= len(got) || at >= len(want) || got[at] != want[at] {
			c.Errorf("a replay of shard %d gave %d messages, it holds %d; from number %d on it gave %v, it holds %v",
				shard, len(got), len(want), at, few(got, at), few(want, at))
			return
		}
	}
}

// few are the next numbers from at on.
func few(numbers []int, at int) []int {
	at = min(at, len(numbers))
	return numbers[at:min(len(numbers), at+5)]
}

// of are the numbers below n that numbered sends to shard.
func (b *bench) of(shard, n int) (out []int) {
	for i := shard; i < n; i += b.topic.Shards {
		out = append(out, i)
	}
	return out
}

// replayAll replays every shard from its beginning: before, while and after its messages are acknowledged, which changes nothing, and which
// the replay must not change either.
func replayAll(b *bench) {
	b.declare()
	r := b.replayer()
	c, p := b.consumer(0, 0), b.producer()
	const n, half = 60, 30
	p.numbered(0, n)
	c.receive(half)
	c.acknowledge()
	b.owed(c.group.Name, n-half)
	for round := range 2 {
		for shard := range b.topic.Shards {
			all := b.of(shard, n)
			replay := b.replay(r, shard, drivers.Position{})
			replay.receive(len(all))
			replay.holds(p, shard, all)
			replay.acknowledge()
			if round == 1 {
				replay.silent()
			}
		}
		if round == 0 {
			b.owed(c.group.Name, n-half)
			c.receive(n)
			if seen := c.numbers(); len(seen) != n {
				b.Errorf("the group got %d of %d messages around a replay", len(seen), n)
			}
			for _, d := range c.got {
				if d.Redelivered {
					b.Error("a replay makes the group's deliveries redeliveries")
					break
				}
			}
			if err := c.Consumer.Ack(b.ctx(), c.got[half:]); err != nil {
				b.Fatalf("ack: %v", err)
			}
		}
		b.owed(c.group.Name, 0)
	}
	c.silent()
}

// replayFrom replays from the first, from a middle and from the last position.
func replayFrom(b *bench) {
	b.declare()
	r := b.replayer()
	p := b.producer()
	const n = 60
	p.numbered(0, n)
	for shard := range b.topic.Shards {
		all := b.of(shard, n)
		whole := b.replay(r, shard, drivers.Position{})
		whole.receive(len(all))
		if len(whole.got) < len(all) {
			return
		}
		for _, at := range []int{0, len(all) / 2, len(all) - 1} {
			from := whole.got[at].Position
			if !from.Known {
				b.Fatalf("message %d of a replay has no position", at)
			}
			replay := b.replay(r, shard, from)
			replay.receive(len(all) - at)
			replay.holds(p, shard, all[at:])
			if at == len(all)-1 {
				replay.silent()
			}
		}
	}
}

// replayLive replays all shards while they are written and a group reads them, which each get everything once.
func replayLive(b *bench) {
	b.declare()
	r := b.replayer()
	c, p := b.consumer(0, 0), b.producer()
	const n = 600
	var readers sync.WaitGroup
	readers.Go(func() { c.drain(n) })
	replays := make([]*consumer, b.topic.Shards)
	for shard := range replays {
		replays[shard] = b.replay(r, shard, drivers.Position{})
		readers.Go(func() { replays[shard].drain(len(b.of(shard, n))) })
	}
	for first := 0; first < n; first += 50 {
		p.numbered(first, 50)
	}
	readers.Wait()
	for shard, replay := range replays {
		replay.holds(p, shard, b.of(shard, n))
	}
	c.compareFirst(n)
	b.owed(c.group.Name, 0)
}

// compareFirst checks that messages 0 to n-1 came to the group once each, unmarked.
func (c *consumer) compareFirst(n int) {
	c.Helper()
	seen := c.numbers()
	for i := range n {
		if seen[i] != 1 {
			c.Fatalf("message %d came %d times to a group beside a replay", i, seen[i])
		}
	}
	for _, d := range c.got {
		if d.Redelivered {
			c.Fatal("a delivery to a group beside a replay is marked as redelivered")
		}
	}
}

// replayEmpty replays a shard that holds nothing yet: it waits, obeys its context, and gets what comes then.
func replayEmpty(b *bench) {
	b.declare()
	r := b.replayer()
	p := b.producer()
	p.send([]drivers.Message{p.message(0, body(0, 0))})
	p.flush()
	replay := b.replay(r, 1, drivers.Position{})
	replay.silent()
	p.send([]drivers.Message{p.message(1, body(1, 0))})
	p.flush()
	replay.receive(1)
	replay.holds(p, 1, []int{1})
}

// replayTrimmed replays a shard whose older half the broker has forgotten: an unknown position means the oldest that is left, and an older
// one is an error that names it.
func replayTrimmed(b *bench) {
	b.declare()
	r := b.replayer()
	p := b.producer()
	const n = 60
	p.numbered(0, n)
	all := b.of(0, n)
	whole := b.replay(r, 0, drivers.Position{})
	whole.receive(len(all))
	gone, oldest := whole.got[2].Position, whole.got[len(all)/2].Position
	b.harness.Trim(b.T, b.topic, 0, oldest)
	rest := b.replay(r, 0, drivers.Position{})
	rest.receive(len(all) - len(all)/2)
	rest.holds(p, 0, all[len(all)/2:])
	c, err := r.Replay(b.ctx(), b.topic, 0, gone)
	if err == nil {
		_, err = c.Receive(b.ctx(), make([]drivers.Delivery, 1))
		c.Close(b.ctx()) //nolint:errcheck // only its error matters
	}
	if err == nil || !strings.Contains(err.Error(), oldest.String()) {
		b.Errorf("a replay from %s, which is gone, says %v; the oldest is %s", gone, err, oldest)
	}
}

// replayEnds closes replays, their session and their context.
func replayEnds(b *bench) {
	b.declare()
	r := b.replayer()
	over, cancel := context.WithCancel(b.Context())
	cancel()
	b.within("a cancelled replay", func() {
		if _, err := r.Replay(over, b.topic, 0, drivers.Position{}); !errors.Is(err, context.Canceled) {
			b.Errorf("a cancelled replay returned %v", err)
		}
	})
	b.within("a replay of a shard that is not there", func() {
		if _, err := r.Replay(b.ctx(), b.topic, b.topic.Shards, drivers.Position{}); err == nil {
			b.Error("a shard that is not there is replayed")
		}
	})
	replay := b.replay(r, 0, drivers.Position{})
	replay.silent()
	for range 2 {
		b.within("close of a replay", func() {
			if err := replay.Consumer.Close(b.ctx()); err != nil {
				b.Errorf("close replay: %v", err)
			}
		})
	}
	b.ended("a closed replay", replay.Consumer)
	other := b.open()
	left, err := other.(drivers.Replayer).Replay(b.ctx(), b.topic, 0, drivers.Position{})
	if err != nil {
		b.Fatalf("replay: %v", err)
	}
	if err := other.Close(b.ctx()); err != nil {
		b.Errorf("close session: %v", err)
	}
	b.ended("a replay of a closed session", left)
	left.Close(b.ctx()) //nolint:errcheck // its session is closed already
}

// ended checks that c says at once that it is of no more use.
func (b *bench) ended(what string, c drivers.Consumer) {
	b.Helper()
	b.within("receive from "+what, func() {
		n, err := c.Receive(b.ctx(), make([]drivers.Delivery, 1))
		if n > 0 || err == nil || errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("%s returned %d deliveries and %v", what, n, err)
		}
	})
}
