package judge

import (
	"ordeal/internal/history"
	"ordeal/internal/message"
)

// logOrder judges order across members and sessions, by the positions the broker gives, and finds out which messages lie in a log twice.
//
// In a group of one member, deliveries come in the order of their positions, except when the broker goes back, and what is not above
// all before it is a redelivery. In a group of several, arrivals of different members are interleaved by chance; there a delivery has its
// turn once all before it have had theirs, which is known where its position is the one after theirs. Where positions have gaps, deliveries
// are gathered, by shard, and judged in the order of their positions once so many have come that an earlier one is unlikely. One that comes
// later still is not judged.
type logOrder struct {
	group  *audience
	shards []logShard
	// marks are in the order of the log; nil in a group of one member that has had one session, where its own marks say the same.
	marks *marks
	// placed is what has been judged in the order of the log, by producer ID - 1; nil in a group of one member.
	placed []table[set]
	// window is how many deliveries of one shard are gathered; 0 in a group of one member. waiting counts what is gathered of all shards:
	// once that is more than most, share is enough of one.
	window, waiting, most, share int
	merge                        merge
	rooms                        rooms
	// flags are the places of messages whose first appearance was flagged, so that their log order cannot be judged any more; nil in a group
	// of one member.
	flags map[message.ID]message.Position
	// blind is set in a group of one member once a first appearance came without a position: its marks then prove nothing about the log.
	blind bool
}

type logShard struct {
	// floor is the highest position that was judged.
	floor   message.Position
	waiting piles
}

// windowPerMember is how many deliveries of one shard are gathered for each member: what the others receive of it while one stands still
// for a third of a second at 100,000 messages a second on four shards. With 1024 a closed loop on a busy machine left 1 % unjudged.
const (
	windowPerMember = 4096
	windowMax       = 32768
	// windowsMost is how many shards gather as much as that, or in its place more of them less: the messages of a second are the same
	// number however many shards they lie in, and memory has to do with many shards, too. A busy shard among idle ones has all its window.
	windowsMost = 4
	// windowLeast is gathered in any case: two answers to members, which come whole and in any order. What comes later is unjudged and
	// never thought reordered, but of more than a little of that a check can say nothing.
	windowLeast = 1024
)

func newLogOrder(g *audience) *logOrder {
	o := &logOrder{group: g, shards: make([]logShard, g.shards)}
	if g.plan.Members > 1 {
		o.window = int(min(windowPerMember*uint64(g.plan.Members), windowMax))
		o.most = windowsMost * o.window
		o.share = max(windowLeast, o.most/int(g.shards))
		o.marks = newMarks(len(g.senders))
		o.placed = make([]table[set], len(g.senders))
		o.flags = map[message.ID]message.Position{}
	}
	return o
}

// flagged takes note of a delivery that the broker flagged as redelivered.
func (o *logOrder) flagged(d *history.Delivery, shard int32, first bool) {
	if s := &o.shards[shard]; o.window == 0 && (!s.floor.Known || s.floor.Before(d.Position)) {
		s.floor = d.Position
	}
	if first && o.window > 0 {
		o.flags[d.ID] = d.Position
	}
}

// observe takes an unflagged delivery with a position. The shard is one of the topic's. It returns false where the delivery came too late
// to be judged.
func (o *logOrder) observe(d *history.Delivery, shard int32, p int, lane *seenLane, first bool) bool {
	s := &o.shards[shard]
	if o.window == 0 {
		o.direct(d, s, shard, p, lane, first)
		return true
	}
	if s.floor.Known && !s.floor.Before(d.Position) {
		o.place(d, p)
		if !first {
			o.group.notes.add(Redelivered, d)
		}
		return false
	}
	if d.Position.Next(s.floor) {
		o.turn(d, s, shard, p, lane)
		o.drain(s, shard)
		return true
	}
	o.gather(d, s)
	if o.enough(s, 0) {
		o.judge(s, shard, s.waiting.count/2)
	}
	return true
}

// gather has a delivery or a streak wait for its turn, and tells whether it could: a single one always can.
func (o *logOrder) gather(d *history.Delivery, s *logShard) bool {
	if !s.waiting.add(waits(d), &o.rooms) {
		return false
	}
	o.waiting += int(d.Following) + 1
	return true
}

// enough tells whether a shard has gathered, or would have with so many more, as much as it may.
func (o *logOrder) enough(s *logShard, more int) bool {
	count := s.waiting.count + more
	return count >= o.window || count >= o.share && o.waiting+more > o.most
}

// direct is observe in a group of one member.
func (o *logOrder) direct(d *history.Delivery, s *logShard, shard int32, p int, lane *seenLane, first bool) {
	if s.floor.Known && !s.floor.Before(d.Position) {
		if !first {
			o.group.notes.add(Redelivered, d)
		}
		return
	}
	s.floor = d.Position
	if !first {
		o.group.count(InLog, d)
		return
	}
	if o.marks != nil && !o.blind {
		o.group.pass(o.marks, d, shard, p, lane, true)
	}
}

// drain judges what waits and has its turn now that the floor was raised.
func (o *logOrder) drain(s *logShard, shard int32) {
	if s.waiting.count > 0 && s.waiting.lowest().position.Next(s.floor) {
		o.judge(s, shard, 0)
	}
}

// judge takes the first n of what waits, in the order of positions, and what follows them without a gap.
func (o *logOrder) judge(s *logShard, shard int32, n int) {
	before := s.waiting.count
	o.merge.begin(&s.waiting)
	for w := o.merge.lowest(); w != nil && (n > 0 || w.position == s.floor || w.position.Next(s.floor)); w = o.merge.lowest() {
		w = o.merge.next()
		n -= w.many() // or more than n: what is left of a streak has its turn in any case
		d := history.Delivery{
			ID: w.id, Group: o.group.plan.ID, Index: w.index, Incarnation: w.incarnation, Shard: shard, Position: w.position, At: w.at,
			Following: w.following, Stride: w.stride,
		}
		p := int(w.id.Producer) - 1
		o.turns(&d, s, shard, p, o.group.readers[p].lanes.at(w.id.Lane))
	}
	o.merge.end(&o.rooms)
	o.waiting -= before - s.waiting.count
}

// turn judges a delivery whose turn has come.
func (o *logOrder) turn(d *history.Delivery, s *logShard, shard int32, p int, lane *seenLane) {
	again := s.floor == d.Position
	s.floor = d.Position
	at, flagged := o.flags[d.ID]
	switch {
	case flagged && at != d.Position && !again:
		o.group.count(InLog, d)
	case flagged:
		o.group.notes.add(Redelivered, d)
	case o.place(d, p):
		o.group.pass(o.marks, d, shard, p, lane, true)
	case again:
		o.group.notes.add(Redelivered, d)
	default:
		o.group.count(InLog, d)
	}
}

// place notes that the message has had its turn in the log, and tells whether for the first time.
func (o *logOrder) place(d *history.Delivery, p int) bool {
	return o.placed[p].at(d.Lane).add(d.Seq, &o.group.pool)
}

// finish judges what still waits.
func (o *logOrder) finish() {
	for i := range o.shards {
		o.judge(&o.shards[i], int32(i), o.shards[i].waiting.count)
	}
}

// split is told that a group's only member begins another session: from now on arrival order and log order are two things.
func (o *logOrder) split(before *marks) *marks {
	if o.window > 0 {
		before.reset()
		return before
	}
	if o.marks == nil {
		o.marks = before
		return newMarks(len(o.group.senders))
	}
	before.reset()
	return before
}
