package judge

import (
	"cmp"
	"slices"

	"ordeal/internal/message"
)

// excused are the messages that are missing and came as a damaged body: damaged, and not lost.
//
// A damaged body names its message, unless the damage hit the name; where that was one bit, the name was mended on arrival (message.Name).
// So a name is believed if that message was attempted. If it was not, the body was a missing one's whose name differs in one bit, if there
// is such a one.
func (g *audience) excused() map[message.ID]bool {
	if g.counts[Corrupted] == 0 {
		return nil
	}
	excused := map[message.ID]bool{}
	var wrong []message.ID
	for _, claim := range g.allClaims() {
		if g.missing(claim) {
			excused[claim] = true
		} else if !g.attempted(claim) {
			wrong = append(wrong, claim)
		}
	}
	for _, claim := range wrong {
		if id, found := neighbour(claim, func(id message.ID) bool { return g.missing(id) && !excused[id] }); found {
			excused[id] = true
		}
	}
	return excused
}

// attempted tells whether the message was sent, to the group's topic.
func (g *audience) attempted(id message.ID) bool {
	p := int(id.Producer) - 1
	return p >= 0 && p < len(g.readers) && id.Lane < g.readers[p].lanesMax && id.Seq < g.senders[p].lane(id.Lane).attempted
}

// missing tells whether the message was acked, had to come and did not come whole.
func (g *audience) missing(id message.ID) bool {
	if !g.attempted(id) {
		return false
	}
	s := g.senders[id.Producer-1]
	if !s.plan.Counted && !s.plan.Owed || !s.lane(id.Lane).acked.has(id.Seq) {
		return false
	}
	lane := g.readers[id.Producer-1].lanes.peek(id.Lane)
	return lane == nil || !lane.seen.has(id.Seq)
}

// allClaims are the messages that damaged bodies name.
func (g *audience) allClaims() []message.ID {
	claims := slices.Clone(g.claims)
	for p := range g.readers {
		g.readers[p].lanes.each(func(lane uint32, l *seenLane) {
			if l.odd == nil {
				return
			}
			walk(&l.odd.damaged, &l.odd.damaged, inBoth, 0, limit, func(from, to uint64) bool {
				for n := from; n < to; n++ {
					claims = append(claims, message.ID{Producer: uint32(p) + 1, Lane: lane, Seq: n})
				}
				return true
			})
		})
	}
	slices.SortFunc(claims, compareIDs)
	return slices.Compact(claims)
}

// compareIDs orders messages by producer, lane and sequence number.
func compareIDs(a, b message.ID) int {
	return cmp.Or(cmp.Compare(a.Producer, b.Producer), cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Seq, b.Seq))
}

// neighbour finds a message that is wanted and whose name differs from claim in one bit.
func neighbour(claim message.ID, wanted func(id message.ID) bool) (message.ID, bool) {
	for bit := range 64 {
		id := claim
		id.Seq ^= 1 << bit
		if wanted(id) {
			return id, true
		}
	}
	for bit := range 32 {
		id := claim
		id.Lane ^= 1 << bit
		if wanted(id) {
			return id, true
		}
		id = claim
		id.Producer ^= 1 << bit
		if wanted(id) {
			return id, true
		}
	}
	return claim, false
}
