package judge

import (
	"ordeal/internal/history"
	"ordeal/internal/message"
)

// order judges where a whole delivery stands among the others; the rules are in the package's documentation.
func (g *audience) order(d *history.Delivery, p int, lane *seenLane, first bool) {
	if !g.plausible(d, &g.readers[p]) || int64(d.Member) >= int64(len(g.members)) {
		if first {
			g.unjudged++
		}
		return
	}
	m := &g.members[d.Member]
	if d.Session != m.session || !m.started {
		g.begin(m, d.Session)
	}
	shard := g.shard(d)
	placed := d.Position.Known && shard >= 0
	if d.Redelivered {
		if placed {
			g.log.flagged(d, shard, first)
		}
		if !first {
			g.notes.add(Redelivered, d)
		}
		if first && ahead(*m.marks.lane(p, d.Lane), pack(d.Incarnation, d.Seq)) > 0 {
			g.displaced++
		}
		return
	}
	forward := placed && len(g.members) > 1 && m.forward(d, shard, g.shards)
	if first && d.Incarnation != message.Unordered {
		g.tally(p, shard, 1)
		g.pass(m.marks, d, shard, p, lane, !forward)
	}
	switch {
	case placed:
		if !g.log.observe(d, shard, p, lane, first) && first && forward && d.Incarnation != message.Unordered {
			g.unjudged++
			g.tardy++
			g.tally(p, shard, -1)
		}
	case first:
		g.log.blind = true
	default:
		g.count(Unexplained, d)
	}
}

// plausible tells whether the message can have been sent. An invented one must not set marks that honest ones are then measured by.
// Books that know of no attempt of the producer, because another worker sent, take everything for plausible.
func (g *audience) plausible(d *history.Delivery, r *reader) bool {
	if d.Index < r.bound {
		return d.Seq <= d.Index
	}
	r.bound = r.total.Load()
	return (d.Index < r.bound || r.bound == 0) && d.Seq <= d.Index && d.Index < limit-1
}

// begin lets a member begin another session.
func (g *audience) begin(m *member, session uint32) {
	if m.marks == nil {
		m.marks = newMarks(len(g.senders))
	} else {
		m.marks = g.log.split(m.marks)
	}
	clear(m.high)
	m.session, m.started = session, true
}

// forward tells whether the delivery lies behind all before it in its member's session. Then the log decides about order: what looks
// old may be the second copy of a message whose first another member has not reported yet.
func (m *member) forward(d *history.Delivery, shard, shards int32) bool {
	if m.high == nil {
		m.high = make([]message.Position, shards)
	}
	high := &m.high[shard]
	if high.Known && !high.Before(d.Position) {
		return false
	}
	*high = d.Position
	return true
}

// shard is where the delivery came from, or -1 where that is not known.
func (g *audience) shard(d *history.Delivery) int32 {
	if d.Shard >= 0 && d.Shard < g.shards {
		return d.Shard
	}
	if g.shards == 1 {
		return 0
	}
	return -1
}

// pass measures a message by the marks of its stream and moves them on. Without judge it only moves them.
func (g *audience) pass(m *marks, d *history.Delivery, shard int32, p int, lane *seenLane, judge bool) {
	if d.Incarnation == message.Unordered {
		return
	}
	keyed := g.readers[p].keyed
	if behind := pass(m.lane(p, d.Lane), pack(d.Incarnation, d.Seq)); behind > 0 && judge {
		scope := PerShard
		if keyed {
			scope = PerKey
		}
		if lane.oddities().late.add(d.Seq, &g.pool) {
			g.late(d, behind, scope)
		}
	}
	if !keyed || shard < 0 {
		return
	}
	if behind := pass(m.shard(p, shard, g.shards), pack(d.Incarnation, d.Index)); behind > 0 && judge {
		if lane.oddities().lateShard.add(d.Seq, &g.pool) {
			g.late(d, behind, PerShard)
		}
	}
}

func (g *audience) late(d *history.Delivery, behind uint64, scope Scope) {
	n := g.count(Reordered, d)
	n.Distance, n.scope = behind, scope
}

// tally counts n first appearances that were compared.
func (g *audience) tally(p int, shard int32, n int64) {
	if !g.readers[p].keyed {
		g.judged[PerShard] += n
		return
	}
	g.judged[PerKey] += n
	if shard >= 0 {
		g.judged[PerShard] += n
	}
}
