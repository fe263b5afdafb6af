package judge

import (
	"ordeal/internal/history"
	"ordeal/internal/message"
)

// deliverStreak notes a streak of deliveries (history.Delivery.Extend) at once, where each would have been what was expected next in every
// respect. Where anything about it may be odd it changes nothing and returns false: then each has to be delivered by itself. The lock is
// held.
func (g *audience) deliverStreak(d *history.Delivery) bool {
	p := int(d.Producer) - 1
	if d.Status != message.Whole || d.Redelivered || d.Incarnation == message.Unordered {
		return false
	}
	if p < 0 || p >= len(g.readers) || d.Lane >= g.readers[p].lanesMax ||
		int64(d.Member) >= int64(len(g.members)) {
		return false
	}
	r, m, last := &g.readers[p], &g.members[d.Member], d.Nth(d.Following)
	// If the last is plausible, so are all: their indices are lower, and of the first it is asked whether it is as high as the number.
	if last.Seq >= limit-1 || d.Seq > d.Index || !g.plausible(&last, r) || d.Session != m.session || !m.started {
		return false
	}
	lane, shard := r.lanes.at(d.Lane), g.shard(d)
	n := uint64(d.Following) + 1
	if !g.younger(m.marks, d, shard, p) || lane.seen.any(d.Seq, d.Seq+n) {
		return false
	}
	switch placed := d.Position.Known && shard >= 0; {
	case !placed:
		g.log.blind = true
	case len(g.members) > 1:
		if !g.log.takeTurns(d, &last, shard, p, lane) {
			return false
		}
		m.forward(&last, shard, g.shards) // or not: what is younger than all before it is in order either way
	case !g.log.takeDirectly(d, &last, shard, p, lane):
		return false
	}
	g.delivered += int64(n)
	r.whole += int64(n)
	lane.seen.addNew(d.Seq, d.Seq+n, &g.pool)
	g.tally(p, shard, int64(n))
	g.pass(m.marks, &last, shard, p, lane, false)
	return true
}

// younger tells whether the message, and so each of a streak that it begins, is younger than all before it in a stream.
func (g *audience) younger(m *marks, d *history.Delivery, shard int32, p int) bool {
	if pack(d.Incarnation, d.Seq) <= *m.lane(p, d.Lane) {
		return false
	}
	return !g.readers[p].keyed || shard < 0 || pack(d.Incarnation, d.Index) > *m.shard(p, shard, g.shards)
}

// takeDirectly is direct for a streak of first appearances; it returns false where one of them may be odd.
func (o *logOrder) takeDirectly(d, last *history.Delivery, shard int32, p int, lane *seenLane) bool {
	s, marked := &o.shards[shard], o.marks != nil && !o.blind
	if s.floor.Known && !s.floor.Before(d.Position) || marked && !o.group.younger(o.marks, d, shard, p) {
		return false
	}
	s.floor = last.Position
	if marked {
		o.group.pass(o.marks, last, shard, p, lane, false)
	}
	return true
}

// takeTurns is observe for a streak of first appearances, in a group of several members; it returns false where one of them may be odd.
func (o *logOrder) takeTurns(d, last *history.Delivery, shard int32, p int, lane *seenLane) bool {
	s := &o.shards[shard]
	if !d.Position.Next(s.floor) {
		return o.wait(d, s)
	}
	if s.waiting.count > 0 && !last.Position.Before(s.waiting.lowest().position) || !o.turnAtOnce(d, last, s, shard, p, lane) {
		return false
	}
	o.drain(s, shard)
	return true
}

// wait has a streak gathered whose turn has not come. It returns false where it came too late, and where enough would be gathered within
// it, for then those that come first are judged.
func (o *logOrder) wait(d *history.Delivery, s *logShard) bool {
	if s.floor.Known && !s.floor.Before(d.Position) || o.enough(s, int(d.Following)+1) {
		return false
	}
	return o.gather(d, s)
}

// waits is what is kept of a delivery or a streak meanwhile.
func waits(d *history.Delivery) placing {
	return placing{
		id: d.ID, position: d.Position, index: d.Index, at: d.At, incarnation: d.Incarnation, following: d.Following, stride: d.Stride,
	}
}

// turns is turn for what may be a streak.
func (o *logOrder) turns(d *history.Delivery, s *logShard, shard int32, p int, lane *seenLane) {
	if d.Following == 0 {
		o.turn(d, s, shard, p, lane)
		return
	}
	if last := d.Nth(d.Following); o.turnAtOnce(d, &last, s, shard, p, lane) {
		return
	}
	for n := range d.Following + 1 {
		one := d.Nth(n)
		o.turn(&one, s, shard, p, lane)
	}
}

// turnAtOnce is turn for a streak of messages that had not been received before; it returns false where one of them may be odd.
func (o *logOrder) turnAtOnce(d, last *history.Delivery, s *logShard, shard int32, p int, lane *seenLane) bool {
	placed := o.placed[p].at(d.Lane)
	if !placed.next(d.Seq) || !o.group.younger(o.marks, d, shard, p) {
		return false
	}
	placed.base += uint64(d.Following) + 1
	o.group.pass(o.marks, last, shard, p, lane, false)
	s.floor = last.Position
	return true
}
