package judge

import (
	"sync"
	"sync/atomic"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// audience is what the book knows of one group. Its lock guards all of it.
type audience struct {
	mu      sync.Mutex
	plan    Group
	shards  int32
	senders []*sender
	readers []reader // by producer ID - 1
	members []member
	log     *logOrder
	pool    pool

	delivered int64 // everything that came
	counts    [kinds]int64
	displaced int64
	unjudged  int64 // first appearances whose order could not be judged
	tardy     int64 // of these, those that came too late
	judged    [PerShard + 1]int64
	notes     notes
	// claims are what corrupt bodies say they are, where that cannot be.
	claims []message.ID
}

// reader is what the group has seen of one producer.
type reader struct {
	lanes table[seenLane]
	// lanesMax is how many lanes the producer has; 0 where it sends to another topic.
	lanesMax uint32
	keyed    bool
	total    *atomic.Uint64
	// bound is a copy of total: below it no look at the producer's cache line is needed.
	bound uint64
	// whole is how often a message of the producer came whole.
	whole int64
}

// seenLane is what the group has seen of one lane.
type seenLane struct {
	seen set
	odd  *oddLane
}

// oddLane is what was odd about a lane.
type oddLane struct {
	twice, damaged set
	// again are those that came first as ordeal had sent them again, and original those of them that then came as sent at first.
	again, original set
	// late is what was reordered in the lane, and in the shard where that is another unit.
	late, lateShard set
}

// member is one consumer of the group.
type member struct {
	session uint32
	started bool
	marks   *marks
	// high is the highest position of the session, by shard; nil in a group of one member.
	high []message.Position
}

func newAudience(plan Group, senders []*sender) *audience {
	g := &audience{
		plan: plan, shards: int32(max(1, min(plan.Shards, maxShards))), senders: senders,
		readers: make([]reader, len(senders)), members: make([]member, min(plan.Members, maxMembers)),
	}
	for i, s := range senders {
		if s.plan.Topic == plan.Topic {
			g.readers[i] = reader{lanesMax: s.plan.Lanes, keyed: s.plan.KeyLanes, total: &s.total}
		}
	}
	g.log = newLogOrder(g)
	return g
}

// A plan comes from a file when a saved run is judged; what it asks for is bounded.
const (
	maxShards  = 1 << 16
	maxMembers = 1 << 16
)

// odd returns what is odd about the lane, making it if need be.
func (l *seenLane) oddities() *oddLane {
	if l.odd == nil {
		l.odd = new(oddLane)
	}
	return l.odd
}

// deliver notes one delivery, and tells whether the group had received its message before; the lock is held.
func (g *audience) deliver(d *history.Delivery) (repeated bool) {
	g.delivered++
	if d.Status != message.Whole {
		g.unwhole(d)
		return false
	}
	p := int(d.Producer) - 1
	if p < 0 || p >= len(g.readers) || d.Lane >= g.readers[p].lanesMax {
		g.count(Stranger, d)
		return false
	}
	if d.Seq >= limit-1 {
		g.count(Beyond, d)
		return false
	}
	r := &g.readers[p]
	lane := r.lanes.at(d.Lane)
	first := lane.seen.add(d.Seq, &g.pool)
	if !first || d.Incarnation == message.Unordered {
		lane.repeated(d, first, &g.pool)
	}
	r.whole++
	g.order(d, p, lane, first)
	return !first
}

// repeated notes a delivery that is not the message's first, or of a message that ordeal sent again.
func (l *seenLane) repeated(d *history.Delivery, first bool, p *pool) {
	odd := l.oddities()
	switch again := d.Incarnation == message.Unordered; {
	case first:
		odd.again.add(d.Seq, p)
		return
	case !again && odd.again.has(d.Seq):
		odd.original.add(d.Seq, p)
	}
	odd.twice.add(d.Seq, p)
}

// came tells whether the message came as it was sent at first.
func (l *seenLane) came(seq uint64) bool {
	return l.seen.has(seq) && (l.odd == nil || !l.odd.again.has(seq) || l.odd.original.has(seq))
}

// unwhole notes a body that is not whole. What it claims to be may be true, so it is kept.
func (g *audience) unwhole(d *history.Delivery) {
	if d.Status != message.Corrupt {
		g.count(Foreign, d)
		return
	}
	g.count(Corrupted, d)
	if p := int(d.Producer) - 1; p >= 0 && p < len(g.readers) && d.Lane < g.readers[p].lanesMax && d.Seq < limit-1 {
		g.readers[p].lanes.at(d.Lane).oddities().damaged.add(d.Seq, &g.pool)
	} else if len(g.claims) < maxNotes {
		g.claims = append(g.claims, d.ID)
	}
}

func (g *audience) count(kind Kind, d *history.Delivery) *Note {
	g.counts[kind]++
	return g.notes.add(kind, d)
}

// merge takes over what other knows of the same group.
func (g *audience) merge(other *audience) {
	g.log.finish()
	other.log.finish()
	for p := range g.readers {
		mine := &g.readers[p]
		mine.whole += other.readers[p].whole
		other.readers[p].lanes.each(func(i uint32, theirs *seenLane) {
			if !theirs.seen.empty() || theirs.odd != nil {
				mine.lanes.at(i).merge(theirs, &g.pool)
			}
		})
	}
	g.delivered += other.delivered
	g.displaced += other.displaced
	g.unjudged += other.unjudged
	g.tardy += other.tardy
	for k := range g.counts {
		g.counts[k] += other.counts[k]
	}
	for s := range g.judged {
		g.judged[s] += other.judged[s]
	}
	g.notes.merge(&other.notes)
	g.claims = append(g.claims, other.claims...)
}

// merge takes over what another part has seen of the lane. What both have seen came twice, and which of the two was first is not known:
// whatever one of them found reordered about it may have been a redelivery.
func (l *seenLane) merge(other *seenLane, p *pool) {
	var both set
	walk(&l.seen, &other.seen, inBoth, 0, limit, func(from, to uint64) bool {
		both.addRun(from, to, p)
		return true
	})
	if !both.empty() || other.odd != nil {
		mine := l.oddities()
		l.originals(other, &both, p)
		mine.twice.unite(&both, p)
		if theirs := other.odd; theirs != nil {
			mine.again.unite(&theirs.again, p)
			mine.original.unite(&theirs.original, p)
			mine.twice.unite(&theirs.twice, p)
			mine.damaged.unite(&theirs.damaged, p)
			mine.late.unite(&theirs.late, p)
			mine.lateShard.unite(&theirs.lateShard, p)
		}
		if !both.empty() {
			mine.late.drop(&both, p)
			mine.lateShard.drop(&both, p)
		}
	}
	l.seen.unite(&other.seen, p)
}

// originals notes which of the messages that both parts have seen came to one of them as sent at first. Where none was sent again, all did.
func (l *seenLane) originals(other *seenLane, both *set, p *pool) {
	if l.odd.again.empty() && (other.odd == nil || other.odd.again.empty()) {
		return
	}
	var found set
	walk(both, both, inBoth, 0, limit, func(from, to uint64) bool {
		for n := from; n < to; n++ {
			if l.came(n) || other.came(n) {
				found.add(n, p)
			}
		}
		return true
	})
	l.odd.original.unite(&found, p)
}
