package rabbitmq

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"ordeal/drivers"
)

// places are where the groups of streams are: RabbitMQ keeps no offsets for readers by AMQP 0-9-1
// (https://www.rabbitmq.com/docs/streams#consuming), so this process does, for all sessions of a driver. A group's first member begins
// with the oldest message; who comes after a lost connection goes on after what was acknowledged before.
type places struct {
	mu     sync.Mutex
	topics map[string]*topicPlaces
}

// topicPlaces are what is known of one topic.
type topicPlaces struct {
	groups map[string]*group
	// kept tells of each shard whether the broker has confirmed a message of this process in it, so that it cannot be empty.
	kept []bool
}

func newPlaces() *places { return &places{topics: map[string]*topicPlaces{}} }

// where names t among the topics of all brokers.
func (s *session) where(t drivers.Topic) string {
	servers := slices.Sorted(slices.Values(s.cfg.Servers))
	return strings.Join(append(servers, s.set.vhost, t.Name), " ")
}

// topic is called with the lock held.
func (p *places) topic(where string, shards int) *topicPlaces {
	t := p.topics[where]
	if t == nil || len(t.kept) != shards {
		t = &topicPlaces{groups: map[string]*group{}, kept: make([]bool, shards)}
		p.topics[where] = t
	}
	return t
}

// group is that of name, which reads the shards of the topic.
func (p *places) group(where, name string, shards int) *group {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.topic(where, shards)
	g := t.groups[name]
	if g == nil {
		g = &group{places: make([]place, shards)}
		t.groups[name] = g
	}
	return g
}

// keep notes that the broker has confirmed a message in shard.
func (p *places) keep(where string, shards int, shard int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.topic(where, shards).kept[shard] = true
}

// kept tells which shards cannot be empty.
func (p *places) kept(where string, shards int) []bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.topic(where, shards).kept)
}

// forget drops a topic that is gone, with the places of its groups.
func (p *places) forget(where string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.topics, where)
}

// place is where a group is in one shard.
type place struct {
	// next is the first offset that was not acknowledged; done are those above it that were.
	next uint64
	done map[uint64]struct{}
	// owner reads the shard, by reading, which is nil until it does.
	owner   *member
	reading *reading
	// given is the first offset that no member has received.
	given uint64
}

// reading is one subscription of a member to a shard.
type reading struct {
	shard int32
	// tag is what the broker calls it on its channel.
	tag uint64
	// next is the least offset that is still to be received by it.
	next uint64
}

func (p *place) acked(offset uint64) bool {
	_, done := p.done[offset]
	return offset < p.next || done
}

func (p *place) ack(offset uint64) {
	switch {
	case p.acked(offset):
	case offset > p.next:
		if p.done == nil {
			p.done = map[uint64]struct{}{}
		}
		p.done[offset] = struct{}{}
	default:
		p.next++
		p.advance()
	}
}

// advance moves the place behind what was acknowledged before its turn.
func (p *place) advance() {
	for len(p.done) > 0 {
		if _, done := p.done[p.next]; !done {
			return
		}
		delete(p.done, p.next)
		p.next++
	}
}

// skip takes offsets from up to to for done: the broker has no messages there.
func (p *place) skip(from, to uint64) {
	if p.next >= from {
		p.next = max(p.next, to)
		maps.DeleteFunc(p.done, func(offset uint64, _ struct{}) bool { return offset < p.next })
		p.advance()
		return
	}
	for ; from < to; from++ {
		p.ack(from)
	}
}

// left is how many offsets up to end, the one after the last message's, are not acknowledged. The broker keeps a few of them for itself,
// as at the beginning of a segment; they count until the group has passed them.
func (p *place) left(end uint64) int64 {
	n := int64(end) - int64(p.next)
	for offset := range p.done {
		if offset < end {
			n--
		}
	}
	return max(0, n)
}
