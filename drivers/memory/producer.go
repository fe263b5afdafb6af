package memory

import (
	"bytes"
	"context"
	"fmt"

	"ordeal/drivers"
	"ordeal/drivers/shards"
)

// producer settles everything within Send, except that it says so after the lock is free again.
type producer struct {
	session  *session
	topic    *topic
	settle   func(drivers.Receipt)
	receipts []drivers.Receipt
	picker   shards.Picker
	// held is a message that waits to be stored behind the next of its shard and key.
	held   *held
	closed bool
}

type held struct {
	shard     int32
	key, body []byte
}

var _ drivers.Producer = (*producer)(nil)

// Send stores the batch. It waits while a group is too far behind.
func (p *producer) Send(ctx context.Context, batch []drivers.Message) error {
	if err := p.lockWithRoom(ctx); err != nil {
		for i := range batch {
			p.settle(drivers.Receipt{Token: batch[i].Token, Outcome: drivers.Rejected, Err: err})
		}
		return fmt.Errorf("send to topic %q: %w", p.topic.declared.Name, err)
	}
	due := p.topic.due()
	p.receipts = p.receipts[:0]
	for i := range batch {
		p.receipts = append(p.receipts, p.take(&batch[i], due))
	}
	p.topic.wakeAll()
	p.topic.mu.Unlock()
	for _, r := range p.receipts {
		p.settle(r)
	}
	return nil
}

// lockWithRoom returns with the topic locked, or with the reason why nothing can be sent.
func (p *producer) lockWithRoom(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := p.topic
		t.mu.Lock()
		var room <-chan struct{}
		switch {
		case p.closed:
			t.mu.Unlock()
			return ErrClosed
		case t.dropped:
			t.mu.Unlock()
			return ErrTopic
		case !t.full():
			return nil
		default:
			room = t.moved.wait()
		}
		t.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-room:
		}
	}
}

// take stores one message, or lies about it. The topic is locked.
func (p *producer) take(m *drivers.Message, due int64) drivers.Receipt {
	t, l := p.topic, p.topic.liar
	shard, err := p.picker.Pick(m, len(t.shards))
	switch {
	case err != nil:
		return drivers.Receipt{Token: m.Token, Outcome: drivers.Rejected, Err: ErrShard}
	case len(m.Body)+len(m.Key) > MaxBody:
		return drivers.Receipt{Token: m.Token, Outcome: drivers.Rejected, Err: ErrTooLarge}
	case p.held != nil && p.held.shard == shard && bytes.Equal(p.held.key, m.Key):
		position, _ := t.store(shard, m.Key, m.Body, due)
		p.release(due)
		return acked(m.Token, position)
	}
	kind := l.choose(m, p.held == nil)
	switch kind {
	case Lose:
		position := t.shards[shard].skip()
		p.tell(kind, shard, position, m.Body)
		return acked(m.Token, position)
	case Reorder:
		p.held = &held{shard: shard, key: append([]byte(nil), m.Key...), body: append([]byte(nil), m.Body...)}
		return drivers.Receipt{Token: m.Token, Outcome: drivers.Acked}
	}
	position, stored := t.store(shard, m.Key, m.Body, due)
	switch kind {
	case Duplicate:
		second, _ := t.store(shard, m.Key, m.Body, due)
		p.tell(kind, shard, second, m.Body)
	case Corrupt:
		l.flip(stored)
		p.tell(kind, shard, position, m.Body)
	case Phantom:
		body := l.invent(len(m.Body))
		second, _ := t.store(shard, nil, body, due)
		p.tell(kind, shard, second, body)
	case Withhold:
		e := t.shards[shard].last()
		e.withheld = true
		for _, g := range t.groups {
			if t.reads(g) {
				g.backlog -= int64(len(m.Key) + len(m.Body))
			}
		}
		t.shards[shard].pending = &pending{entry: e, lie: p.lie(kind, shard, position, m.Body)}
	case Resurrect:
		p.tell(kind, shard, position, m.Body)
		return drivers.Receipt{Token: m.Token, Outcome: drivers.Rejected, Err: errResurrect}
	}
	return acked(m.Token, position)
}

// release stores the held message behind its successor, which makes it a lie.
func (p *producer) release(due int64) {
	h := p.held
	p.held = nil
	position, _ := p.topic.store(h.shard, h.key, h.body, due)
	p.tell(Reorder, h.shard, position, h.body)
}

// settleHeld stores the held message in its right place, because its successor does not come.
func (p *producer) settleHeld() {
	t := p.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	t.releasePending()
	if p.held == nil {
		return
	}
	h := p.held
	p.held = nil
	t.liar.takeBack(Reorder)
	t.store(h.shard, h.key, h.body, t.due())
	t.wakeAll()
}

func (p *producer) tell(k Kind, shard int32, position uint64, body []byte) {
	p.topic.liar.tell(p.lie(k, shard, position, body))
}

func (p *producer) lie(k Kind, shard int32, position uint64, body []byte) Lie {
	return Lie{Kind: k, Topic: p.topic.declared.Name, Shard: shard, Position: drivers.At(position), Body: bytes.Clone(body)}
}

func acked(token, position uint64) drivers.Receipt {
	return drivers.Receipt{Token: token, Outcome: drivers.Acked, Position: drivers.At(position)}
}

// Flush has nothing to wait for.
func (p *producer) Flush(ctx context.Context) error {
	p.settleHeld()
	return ctx.Err()
}

// Close ends the producer.
func (p *producer) Close(context.Context) error {
	p.settleHeld()
	p.topic.mu.Lock()
	p.closed = true
	p.topic.moved.fire()
	p.topic.mu.Unlock()
	p.session.forgetProducer(p)
	return nil
}
