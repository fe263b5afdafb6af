package memory

import (
	"fmt"
	"math"
	"sync"
	"time"

	"ordeal/drivers"
)

// topic is a destination with its shards and groups. One lock guards all of it: it is taken once for a batch.
type topic struct {
	declared drivers.Topic
	settings settings
	liar     *liar
	born     time.Time

	mu     sync.Mutex
	shards []shard
	groups []*group
	// kept is how many bytes are held for replays, by the size of the segments.
	kept    int64
	dropped bool
	// moved is signalled when members took something, for those who wait for room or for a fence.
	moved signal
	// stored is signalled when something was stored, for those who replay.
	stored signal
}

// group shares one copy of a topic.
type group struct {
	drivers.Group
	// keeps tells that deliveries stay with the group until they are acknowledged.
	keeps   bool
	cursors []cursor
	members []*member
	// backlog is the bytes that were stored for the group and not yet taken.
	backlog int64
}

func newTopic(declared drivers.Topic, s settings, l *liar) *topic {
	t := &topic{declared: declared, settings: s, liar: l, born: time.Now(), shards: make([]shard, declared.Shards)}
	for i := range t.shards {
		t.shards[i].tail = newSegment(0)
		if declared.Model == drivers.Log {
			t.shards[i].head = t.shards[i].tail
			t.kept += int64(cap(t.shards[i].tail.arena))
		}
	}
	for _, g := range declared.Groups {
		made := &group{Group: g, cursors: make([]cursor, len(t.shards))}
		made.keeps = g.Ack == drivers.AckAfter && declared.Model != drivers.Broadcast
		t.rewind(made)
		t.groups = append(t.groups, made)
	}
	return t
}

// compare tells what stands between the topic as it is and as it is wanted. Replicas mean nothing here.
func (t *topic) compare(want drivers.Topic) error {
	have := t.declared
	switch {
	case have.Model != want.Model:
		return fmt.Errorf("it exists as a %s, not a %s: delete it first", have.Model, want.Model)
	case have.Shards != want.Shards:
		return fmt.Errorf("it exists with %d shards, not %d: delete it first", have.Shards, want.Shards)
	}
	for _, g := range want.Groups {
		known := t.group(g.Name)
		switch {
		case known == nil:
			return fmt.Errorf("it exists without the group %q, which could not read what was sent before: delete it first", g.Name)
		case known.Ack != g.Ack:
			return fmt.Errorf("group %q exists with ack %s, not %s: delete the topic first", g.Name, known.Ack, g.Ack)
		}
	}
	return nil
}

func (t *topic) group(name string) *group {
	for _, g := range t.groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// drop ends the topic under its users.
func (t *topic) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropped = true
	for _, g := range t.groups {
		g.wake()
	}
	t.moved.fire()
	t.stored.fire()
}

// full tells whether some group is so far behind that senders have to wait.
func (t *topic) full() bool {
	if t.settings.backlog == 0 {
		return false
	}
	for _, g := range t.groups {
		if g.backlog >= t.settings.backlog {
			return true
		}
	}
	return false
}

// due is when something that is stored now may be delivered, in ns since the topic was made.
func (t *topic) due() int64 {
	if t.settings.delay == 0 {
		return 0
	}
	return int64(time.Since(t.born) + t.settings.delay)
}

// now is read only where deliveries are held back.
func (t *topic) now() int64 {
	if t.settings.delay == 0 {
		return math.MaxInt64
	}
	return int64(time.Since(t.born))
}

// store puts one message in a shard and counts it for every group that is owed it.
func (t *topic) store(shard int32, key, body []byte, due int64) (uint64, []byte) {
	s := &t.shards[shard]
	if s.pending != nil {
		t.liar.tell(s.pending.lie)
		s.pending = nil
	}
	before := s.tail
	position, stored := s.store(key, body, due)
	if s.tail != before && s.head != nil {
		for t.kept += int64(cap(s.tail.arena)); t.kept > t.settings.retain; {
			freed := s.forget()
			if freed == 0 {
				break
			}
			t.kept -= freed
		}
	}
	for _, g := range t.groups {
		if !t.reads(g) {
			g.cursors[shard].start(&t.shards[shard])
			continue
		}
		g.backlog += int64(len(key) + len(body))
	}
	return position, stored
}

// reads tells whether g is owed what is sent now: a broadcast reaches only who listens.
func (t *topic) reads(g *group) bool {
	return t.declared.Model != drivers.Broadcast || len(g.members) > 0
}

// rewind owes g nothing of what was sent so far.
func (t *topic) rewind(g *group) {
	for i := range g.cursors {
		g.cursors[i].start(&t.shards[i])
	}
	g.backlog = 0
}

// releasePending delivers what was to be withheld and is still the last of its shard: the lie waits for another message.
func (t *topic) releasePending() {
	for i := range t.shards {
		s := &t.shards[i]
		if s.pending == nil {
			continue
		}
		e := s.pending.entry
		e.withheld, s.pending = false, nil
		t.liar.takeBack(Withhold)
		for _, g := range t.groups {
			if t.reads(g) {
				g.backlog += int64(e.key + e.body)
			}
		}
		t.wakeAll()
	}
}

// wakeAll calls everybody who waits for something to come.
func (t *topic) wakeAll() {
	t.stored.fire()
	for _, g := range t.groups {
		g.wake()
	}
}

func (g *group) wake() {
	for _, m := range g.members {
		m.call()
	}
}

// depth counts what the group has still to do: what it was never delivered, and what it did not acknowledge.
func (t *topic) depth(g *group) int64 {
	if !t.reads(g) {
		return 0
	}
	var n int64
	for i := range g.cursors {
		n += int64(t.shards[i].stored-g.cursors[i].taken) + int64(len(g.cursors[i].returned))
	}
	for _, m := range g.members {
		n += int64(m.unacked)
	}
	return n
}

// signal wakes all who wait for a change. The lock of what changes guards it.
type signal struct{ waiting chan struct{} }

// wait returns a channel that the next fire closes.
func (s *signal) wait() <-chan struct{} {
	if s.waiting == nil {
		s.waiting = make(chan struct{})
	}
	return s.waiting
}

func (s *signal) fire() {
	if s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
}
