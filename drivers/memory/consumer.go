package memory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ordeal/drivers"
)

// member is a consumer of any model. The topic's lock guards all of it but wake.
type member struct {
	session *session
	topic   *topic
	group   *group
	wake    chan struct{}
	waiting bool
	closed  bool
	// assigned is told the member's shards, and told is what it heard last.
	assigned func(shards []int32)
	told     []int32
	// turn is the shard to look at first, so that none starves.
	turn int
	// slots hold what is unacknowledged; a delivery's Tag is the slot's number and its generation.
	slots   []slot
	free    []uint32
	unacked int
}

type slot struct {
	parcel
	generation uint32
	used       bool
}

// consumer is a member of a group that acknowledges, sharer one of a log's group, listener one of a broadcast.
type (
	consumer struct{ *member }
	sharer   struct{ consumer }
	listener struct{ *member }
)

var (
	_ drivers.Consumer   = consumer{}
	_ drivers.Nacker     = consumer{}
	_ drivers.Rebalancer = sharer{}
	_ drivers.Consumer   = listener{}
	_ drivers.Fencer     = listener{}
)

// join makes a member. The topic is locked.
func (t *topic) join(s *session, g *group) *member {
	m := &member{session: s, topic: t, group: g, wake: make(chan struct{}, 1)}
	if !t.reads(g) {
		t.rewind(g)
	}
	g.members = append(g.members, m)
	g.wake() // the shards are divided anew
	return m
}

// call wakes the member if it waits.
func (m *member) call() {
	if !m.waiting {
		return
	}
	m.waiting = false
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Receive takes what is there for the member, up to its prefetch.
func (m *member) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		m.topic.mu.Lock()
		if err := m.gone(); err != nil {
			m.topic.mu.Unlock()
			return 0, fmt.Errorf("receive from topic %q: %w", m.topic.declared.Name, err)
		}
		if changed := m.rebalanced(); changed != nil {
			m.topic.mu.Unlock()
			m.assigned(changed)
			continue
		}
		n, pause := m.take(dst)
		m.waiting = n == 0
		m.topic.mu.Unlock()
		if n > 0 || len(dst) == 0 {
			return n, nil
		}
		m.rest(ctx, pause)
	}
}

// rest waits for a call, for ctx, or for pause to pass unless it is 0.
func (m *member) rest(ctx context.Context, pause time.Duration) {
	var expired <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-ctx.Done():
	case <-m.wake:
	case <-expired:
	}
}

func (m *member) gone() error {
	switch {
	case m.closed:
		return ErrClosed
	case m.topic.dropped:
		return ErrTopic
	default:
		return nil
	}
}

// take fills dst; when there is nothing yet it returns how long until there may be, 0 for an open end.
func (m *member) take(dst []drivers.Delivery) (n int, pause time.Duration) {
	now, soonest := m.topic.now(), int64(0)
	if m.group.keeps && m.group.Prefetch > 0 {
		dst = dst[:min(len(dst), m.group.Prefetch-m.unacked)]
	}
	shards := len(m.group.cursors)
	for i := 0; i < shards && n < len(dst); i++ {
		shard := (m.turn + i) % shards
		if !m.owns(shard) {
			continue
		}
		c := &m.group.cursors[shard]
		var p parcel
		for n < len(dst) {
			again := c.again(&p)
			if !again {
				due, ok := c.next(&p, now, m.topic.shards[shard].pending)
				if due > 0 && (soonest == 0 || due < soonest) {
					soonest = due
				}
				if !ok {
					break
				}
				m.group.backlog -= p.size()
			}
			p.shard = int32(shard)
			dst[n] = m.deliver(&p)
			n++
		}
	}
	m.turn++
	if n > 0 {
		m.topic.moved.fire()
		return n, 0
	}
	if soonest > 0 {
		pause = max(time.Duration(soonest-now), 1)
	}
	return 0, pause
}

// owns tells whether the member reads shard: in a log one member does, elsewhere all compete.
func (m *member) owns(shard int) bool {
	members := m.group.members
	return m.topic.declared.Model != drivers.Log || members[shard%len(members)] == m
}

func (m *member) deliver(p *parcel) drivers.Delivery {
	d := drivers.Delivery{
		Shard: p.shard, Position: drivers.At(p.position), Key: p.key, Body: p.body,
		Redelivered: p.attempt > 1, Attempt: int(p.attempt),
	}
	if !m.group.keeps {
		return d
	}
	if len(m.free) == 0 {
		m.free = append(m.free, uint32(len(m.slots)))
		m.slots = append(m.slots, slot{})
	}
	number := m.free[len(m.free)-1]
	m.free = m.free[:len(m.free)-1]
	s := &m.slots[number]
	s.parcel, s.used = *p, true
	m.unacked++
	d.Tag = uint64(s.generation)<<32 | uint64(number)
	return d
}

// release empties the slot of d and returns what was in it; false when d is no longer this member's.
func (m *member) release(d *drivers.Delivery) (parcel, bool) {
	number, generation := uint32(d.Tag), uint32(d.Tag>>32)
	if int(number) >= len(m.slots) || !m.slots[number].used || m.slots[number].generation != generation {
		return parcel{}, false
	}
	s := &m.slots[number]
	p := s.parcel
	*s = slot{generation: generation + 1}
	m.free = append(m.free, number)
	m.unacked--
	return p, true
}

// Ack lets go of ds. What is not outstanding at this member any more is passed over, as brokers do. Without acks it does nothing.
func (m *member) Ack(_ context.Context, ds []drivers.Delivery) error {
	m.topic.mu.Lock()
	defer m.topic.mu.Unlock()
	if err := m.gone(); err != nil {
		return fmt.Errorf("ack to topic %q: %w", m.topic.declared.Name, err)
	}
	if !m.group.keeps {
		return nil
	}
	for i := range ds {
		m.release(&ds[i])
	}
	return nil
}

// Nack gives ds back to the group, or drops them for good. With acks on arrival there is nothing to give back.
func (c consumer) Nack(_ context.Context, ds []drivers.Delivery, requeue bool) error {
	c.topic.mu.Lock()
	defer c.topic.mu.Unlock()
	if err := c.gone(); err != nil {
		return fmt.Errorf("nack to topic %q: %w", c.topic.declared.Name, err)
	}
	if !c.group.keeps {
		return nil
	}
	for i := range ds {
		if p, ok := c.release(&ds[i]); ok && requeue {
			c.group.cursors[p.shard].giveBack(p)
		}
	}
	c.group.wake()
	return nil
}

// Fence waits until the group has taken everything that was there for it. Members of a group share what comes, so it is the group's
// backlog that has to pass.
func (l listener) Fence(ctx context.Context) error {
	t := l.topic
	t.mu.Lock()
	marks := make([]uint64, len(t.shards))
	for i := range t.shards {
		marks[i] = t.shards[i].stored
	}
	for {
		if err := l.gone(); err != nil {
			t.mu.Unlock()
			return fmt.Errorf("fence topic %q: %w", t.declared.Name, err)
		}
		passed := true
		for i := range marks {
			passed = passed && l.group.cursors[i].taken >= marks[i]
		}
		if passed {
			t.mu.Unlock()
			return nil
		}
		moved := t.moved.wait()
		t.mu.Unlock()
		select {
		case <-ctx.Done():
			return fmt.Errorf("fence topic %q: %w", t.declared.Name, ctx.Err())
		case <-moved:
		}
		t.mu.Lock()
	}
}

// Close leaves the group and gives back what is unacknowledged.
func (m *member) Close(context.Context) error {
	m.topic.mu.Lock()
	if !m.closed {
		m.leave()
	}
	m.topic.mu.Unlock()
	m.session.forgetMember(m)
	return nil
}

func (m *member) leave() {
	g := m.group
	m.closed = true
	m.call()
	for i := range m.slots {
		if s := &m.slots[i]; s.used {
			g.cursors[s.shard].giveBack(s.parcel)
		}
	}
	m.slots, m.free, m.unacked = nil, nil, 0
	g.members = slices.DeleteFunc(g.members, func(other *member) bool { return other == m })
	if !m.topic.reads(g) {
		m.topic.rewind(g)
	}
	g.wake()
	m.topic.moved.fire()
}
