package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// run fetches until the member leaves or its connection is of no more use.
func (m *member) run() {
	defer close(m.done)
	for {
		select {
		case <-m.quit:
			return
		default:
		}
		if err := m.step(context.Background()); err != nil {
			m.line.cut()
			m.inbox.end(advised(err))
			return
		}
	}
}

// step looks after the others when that is due, then fetches as much as there is room for. Room for less than a quarter of the prefetch
// is left alone, or a busy group would fetch its messages one by one.
func (m *member) step(ctx context.Context) error {
	if m.mode != ackNever && m.care.due() {
		if err := m.look(ctx); err != nil {
			return err
		}
	}
	room := m.room()
	if room < max(1, m.limit/4) {
		m.pause(time.Until(m.care.next))
		return nil
	}
	return m.fetch(ctx, room)
}

// room is how many more messages this member may have.
func (m *member) room() int {
	if m.mode != ackAfter {
		return m.limit - m.inbox.length()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limit - m.seats.count
}

// fetch waits for new messages in all shards. COUNT is for each stream, so when there is less room than streams some have to wait for
// their turn.
func (m *member) fetch(ctx context.Context, room int) error {
	streams := min(len(m.route.keys), room)
	b := m.line.client.B().Arbitrary("XREADGROUP", "GROUP", m.spec.Group.Name, m.name)
	b = b.Args("COUNT", strconv.Itoa(room/streams), "BLOCK", m.blocked())
	if m.mode == ackNever {
		b = b.Args("NOACK")
	}
	b = b.Args("STREAMS")
	for i := range streams {
		b = b.Args(m.route.keys[(m.turn+i)%len(m.route.keys)])
	}
	for range streams {
		b = b.Args(">")
	}
	m.turn = (m.turn + streams) % len(m.route.keys)
	var commands []rueidis.Completed
	if m.acks.take(&m.along) {
		commands = m.settled(m.line, m.along.ids)
	}
	replies, err := m.line.do(ctx, append(commands, b.Build())...)
	if err != nil {
		return err
	}
	for i := range commands {
		if err := replies[i].Error(); err != nil {
			return err
		}
	}
	reply, err := replies[len(commands)].ToMessage()
	switch {
	case rueidis.IsRedisNil(err):
		return nil
	case err != nil:
		return err
	}
	ds, err := m.read(&reply)
	if err != nil {
		return err
	}
	return m.deliver(ctx, ds)
}

// read makes deliveries of the reply to XREADGROUP: a map from stream to entries.
func (m *member) read(reply *rueidis.RedisMessage) ([]drivers.Delivery, error) {
	streams, err := reply.ToMap()
	if err != nil {
		return nil, fmt.Errorf("%w: to XREADGROUP", errReply)
	}
	var ds []drivers.Delivery
	for key := range streams {
		stream := streams[key]
		entries, err := stream.ToArray()
		if err != nil {
			return nil, fmt.Errorf("%w: to XREADGROUP of %q", errReply, key)
		}
		if ds == nil {
			ds = make([]drivers.Delivery, 0, len(streams)*len(entries))
		}
		for i := range entries {
			d := drivers.Delivery{Shard: m.shards[key], Attempt: 1}
			there, err := readEntry(&entries[i], &d)
			if err != nil {
				return nil, err
			}
			if there {
				ds = append(ds, d)
			}
		}
	}
	return ds, nil
}

// deliver hands ds to Receive; in a queue that acknowledges on arrival only when they are acknowledged.
func (m *member) deliver(ctx context.Context, ds []drivers.Delivery) error {
	switch m.mode {
	case ackAfter:
		m.mu.Lock()
		for i := range ds {
			ds[i].Tag = m.seats.take()
		}
		m.mu.Unlock()
	case ackArrival:
		m.collect(ds, func(*drivers.Delivery) bool { return true })
		if err := run(ctx, m.line, m.settled(m.line, m.ids)); err != nil {
			return err
		}
	case ackNever:
		for i := range ds {
			ds[i].Attempt = 0 // nobody counts
		}
	}
	m.inbox.put(ds)
	return nil
}
