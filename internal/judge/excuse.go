package judge

import "ordeal/internal/message"

// excuse returns those of the missing messages that did not come as a damaged body either. A damaged body names its message, or, where
// the damage hit the name, one that differs from it in one bit; a bit is all that a name is given, so that damage does not hide loss.
func (g *audience) excuse(missing []message.ID) []message.ID {
	claims := g.allClaims()
	if len(claims) == 0 || len(missing) == 0 {
		return missing
	}
	open := make(map[message.ID]bool, len(missing))
	for _, id := range missing {
		open[id] = true
	}
	var wrong []message.ID
	for _, claim := range claims {
		if open[claim] {
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

// allClaims are the messages that damaged bodies name.
func (g *audience) allClaims() []message.ID {
	if g.counts[Corrupted] == 0 {
		return nil
	}
	claims := g.claims
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
	return claims
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
