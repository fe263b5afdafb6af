package rabbitmq

import (
	"cmp"
	"slices"
	"sync"

	"ordeal/drivers"
)

// group divides the shards of a streamed topic among its members, each to one of them, and knows what was acknowledged.
type group struct {
	mu     sync.Mutex
	places []place
	// members in the order of their numbers.
	members []*member
}

// join lets m take its share. Its readings begin when it calls wanted.
func (g *group) join(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = append(g.members, m)
	slices.SortStableFunc(g.members, func(a, b *member) int { return cmp.Compare(a.spec.Member, b.spec.Member) })
	g.divide()
}

// leave gives the share of m to the others. What it received and did not acknowledge comes to them again.
func (g *group) leave(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.members, m); i >= 0 {
		g.members = slices.Delete(g.members, i, i+1)
		g.divide()
		m.tell(nil)
	}
}

// divide gives shard i to member i modulo their number, which changes as little as members come and go with their numbers.
func (g *group) divide() {
	changed := map[*member]bool{}
	for i := range g.places {
		p := &g.places[i]
		var owner *member
		if len(g.members) > 0 {
			owner = g.members[i%len(g.members)]
		}
		if owner == p.owner {
			continue
		}
		changed[p.owner], changed[owner] = true, true
		p.owner, p.reading = owner, nil
	}
	for _, m := range g.members {
		if changed[m] {
			m.tell(g.shares(m))
			m.kick()
		}
	}
}

// shares are the shards of m. The lock is held.
func (g *group) shares(m *member) (out []int32) {
	for i := range g.places {
		if g.places[i].owner == m {
			out = append(out, int32(i))
		}
	}
	return out
}

// watch has f told the shards of m, now and after every change.
func (g *group) watch(m *member, f func([]int32)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m.listener = f
	if slices.Contains(g.members, m) {
		m.tell(g.shares(m))
	}
}

// wanted begins what m owns and does not read yet, and tells which of its readings have to end. number gives out tags.
func (g *group) wanted(m *member, now []*reading, number func() uint64) (begin, end []*reading) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range now {
		if g.places[r.shard].reading != r {
			end = append(end, r)
		}
	}
	for i := range g.places {
		if p := &g.places[i]; p.owner == m && p.reading == nil {
			p.reading = &reading{shard: int32(i), tag: number(), next: p.next}
			begin = append(begin, p.reading)
		}
	}
	return begin, end
}

// receive keeps those of ds that are for the group to see, in their order, and appends the others to dropped: those of a shard that went to
// another member, and those that were acknowledged before. With auto what is kept is acknowledged at once.
func (g *group) receive(ds []drivers.Delivery, dropped []drivers.Delivery, auto bool) (n int, out []drivers.Delivery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range ds {
		r, known := ds[i].Ref.(*reading)
		offset := ds[i].Position.Minor
		if !known || g.places[r.shard].reading != r || offset < r.next || g.places[r.shard].acked(offset) {
			dropped = append(dropped, ds[i])
			continue
		}
		p := &g.places[r.shard]
		if offset > r.next {
			p.skip(r.next, offset)
		}
		r.next = offset + 1
		ds[i].Redelivered = offset < p.given
		p.given = max(p.given, r.next)
		if auto {
			p.ack(offset)
		}
		ds[n] = ds[i]
		n++
	}
	return n, dropped
}

// ack notes what is done with, whoever received it.
func (g *group) ack(ds []drivers.Delivery) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range ds {
		if ds[i].Shard >= 0 && int(ds[i].Shard) < len(g.places) && ds[i].Position.Known {
			g.places[ds[i].Shard].ack(ds[i].Position.Minor)
		}
	}
}

// left is how many messages are not acknowledged, where each shard ends at the position that ends has.
func (g *group) left(ends []drivers.Position) (n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range min(len(ends), len(g.places)) {
		if ends[i].Known {
			n += g.places[i].left(ends[i].Minor + 1)
		}
	}
	return n
}
