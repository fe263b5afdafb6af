package judge

import (
	"cmp"
	"slices"

	"ordeal/internal/message"
)

// excuse returns those of the missing messages that did not come as a damaged body either.
//
// A damaged body names its message, unless the damage hit the name. So a name is believed if that message was attempted and never came
// whole. If it was not, or did, the body was another message's: a missing one whose name differs in one bit, if there is such a one.
func (g *audience) excuse(missing []message.ID) []message.ID {
	if g.counts[Corrupted] == 0 || len(missing) == 0 {
		return missing
	}
	open := make(map[message.ID]bool, len(missing))
	for _, id := range missing {
		open[id] = true
	}
	var wrong []message.ID
	for _, claim := range g.allClaims() {
		if g.credible(claim) {
			delete(open, claim)
		} else {
			wrong = append(wrong, claim)
		}
	}
	for _, claim := range wrong {
		if id, found := neighbour(claim, open); found {
			delete(open, id)
		}
	}
	out := make([]message.ID, 0, len(open))
	for _, id := range missing {
		if open[id] {
			out = append(out, id)
		}
	}
	return out
}

// credible tells whether a damaged body can be of the message that it names.
func (g *audience) credible(claim message.ID) bool {
	p := int(claim.Producer) - 1
	if p < 0 || p >= len(g.readers) || claim.Lane >= g.readers[p].lanesMax {
		return false
	}
	lane := g.readers[p].lanes.peek(claim.Lane)
	return claim.Seq < g.senders[p].lane(claim.Lane).attempted && (lane == nil || !lane.seen.has(claim.Seq))
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

// neighbour finds a message of open whose name differs from claim in one bit.
func neighbour(claim message.ID, open map[message.ID]bool) (message.ID, bool) {
	for bit := range 64 {
		id := claim
		id.Seq ^= 1 << bit
		if open[id] {
			return id, true
		}
	}
	for bit := range 32 {
		id := claim
		id.Lane ^= 1 << bit
		if open[id] {
			return id, true
		}
		id = claim
		id.Producer ^= 1 << bit
		if open[id] {
			return id, true
		}
	}
	return claim, false
}
