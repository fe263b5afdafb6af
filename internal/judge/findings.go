package judge

import (
	"slices"

	"ordeal/internal/message"
)

// Evidence is what else a verdict needs to know about a run: whether an absence means anything. It is saved with the history.
type Evidence struct {
	// Drains by group ID. A group without one was not drained.
	Drains []Drain `json:"drains"`
	// HistoryCut says why a history is not whole; empty for a live run or a whole file.
	HistoryCut string `json:"history_cut,omitempty"`
	// Reasons are further grounds, one sentence each, for which no check of the run may pass.
	Reasons []string `json:"reasons,omitempty"`
	// Replays say what the broker still holds of what was lost, at most one for a topic. They are saved in run.json.
	Replays []Replay `json:"-"`
}

// Drain tells how the reading at the end of a run went for one group. The zero value is no drain.
type Drain struct {
	// Complete drains reached the broker's own end.
	Complete bool `json:"complete"`
	// Why is how that is known, or what kept the drain from it; it follows "the drain of group x is incomplete: ".
	Why string `json:"why"`
}

// Findings are the facts about a run's messages that checks judge.
type Findings struct {
	Plan     Plan
	Evidence Evidence
	Totals   Totals
	Groups   []GroupFindings // by group ID
}

// Totals count the messages of counted producers. Delivered includes repeated deliveries; Unique counts every message once per group.
type Totals struct {
	Attempted, Acked, Rejected, Unknown, Delivered, Unique int64
	// Owed is how many of the acked are of topics that a group reads.
	Owed int64
}

// GroupFindings are the facts about one group.
type GroupFindings struct {
	Group Group
	Drain Drain
	// Owed is how many acked messages of counted producers the group had to get; Producers how many such producers there are.
	Owed      int64
	Producers int
	// Delivered is how often anything came; Whole how often a whole message of the group's producers came; Unique how many different ones.
	Delivered, Whole, Unique int64
	// Counts of oddities, exact. Lost and Unseen exclude each other: see Drain.
	Counts [kinds]int64
	// Holdings counts the lost messages by what a replay found; all 0 where there was none.
	Holdings [Unclear + 1]int64
	// DuplicatedMessages is how many different messages came more than once.
	DuplicatedMessages int64
	// Unacked is how many messages came whose send was unknown, which is legal.
	Unacked int64
	// Damaged is how many acked messages came only as a corrupt body. They are not lost.
	Damaged int64
	// Judged is how many first appearances were compared, by scope; Displaced how many were flagged and so not judged although behind a
	// younger one; Unjudged how many could not be placed, of which Late came too long after their neighbours in the log.
	Judged    [PerShard + 1]int64
	Displaced int64
	Unjudged  int64
	Late      int64
	// Reordered is how many messages were, by scope.
	Reordered [PerShard + 1]int64
	// MaxDistance of a reordered message, by scope.
	MaxDistance [PerShard + 1]uint64
	// Notes are the first oddities of each kind, up to some thousands.
	Notes notes
	// keyed tells that a producer of the group uses keys.
	keyed bool
}

// Findings sums up, after all producers and consumers have come to rest. It may be called again with more evidence.
func (b *Book) Findings(ev Evidence) *Findings {
	f := &Findings{Plan: b.plan, Evidence: ev, Groups: make([]GroupFindings, len(b.groups))}
	for _, s := range b.senders {
		if s.plan.Counted {
			f.Totals.addSender(s, b.read(s.plan.Topic))
		}
	}
	for i, g := range b.groups {
		g.log.finish()
		f.Groups[i] = g.findings(&f.Evidence)
		f.Totals.Delivered += f.Groups[i].Whole
		f.Totals.Unique += f.Groups[i].Unique
		f.Totals.subtractProbes(g)
	}
	return f
}

// read tells whether a group reads the topic.
func (b *Book) read(topic string) bool {
	return slices.ContainsFunc(b.groups, func(g *audience) bool { return g.plan.Topic == topic })
}

func (t *Totals) addSender(s *sender, owed bool) {
	lanes := max(uint32(len(s.attempts.blocks)), uint32(len(s.settled.blocks))) * blockSize
	for lane := range lanes {
		a := s.lane(lane)
		t.Attempted += int64(a.attempted)
		acked := a.acked.count(0, a.attempted)
		if t.Acked += acked; owed {
			t.Owed += acked
		}
		t.Rejected += a.rejected().count(0, a.attempted)
	}
	t.Unknown = t.Attempted - t.Acked - t.Rejected
}

// subtractProbes takes the messages of producers that are not counted out of what was delivered.
func (t *Totals) subtractProbes(g *audience) {
	for p, s := range g.senders {
		if s.plan.Counted {
			continue
		}
		t.Delivered -= g.readers[p].whole
		g.readers[p].lanes.each(func(_ uint32, lane *seenLane) { t.Unique -= lane.seen.count(0, limit) })
	}
}

func (g *audience) findings(ev *Evidence) GroupFindings {
	f := GroupFindings{
		Group: g.plan, Delivered: g.delivered, Counts: g.counts, Judged: g.judged, Displaced: g.displaced,
		Unjudged: g.unjudged, Late: g.tardy, Notes: g.notes,
	}
	if int(g.plan.ID) < len(ev.Drains) {
		f.Drain = ev.Drains[g.plan.ID]
	}
	if f.Drain.Why == "" && !f.Drain.Complete {
		f.Drain.Why = "none was made"
	}
	absent := Unseen
	if f.Drain.Complete && ev.HistoryCut == "" {
		absent = Lost
	}
	sum := summary{group: g, f: &f, absent: absent, cut: ev.HistoryCut != "", excused: g.excused()}
	for p, s := range g.senders {
		if s.plan.Topic != g.plan.Topic {
			continue
		}
		f.keyed = f.keyed || s.plan.KeyLanes
		if s.plan.Counted {
			f.Producers++
		}
		f.Whole += g.readers[p].whole
		sum.producer(p, s)
	}
	sum.finish()
	f.replayed(ev)
	return f
}

// summary goes through the lanes of one group.
type summary struct {
	group  *audience
	f      *GroupFindings
	absent Kind
	cut    bool
	lane   message.ID // producer and lane at hand
	once   bool       // its messages are sent once
	// missing is how many acked messages never came whole; those that came damaged are excused.
	missing int64
	excused map[message.ID]bool
}

func (u *summary) producer(p int, s *sender) {
	lanes := max(len(s.attempts.blocks), len(s.settled.blocks), len(u.group.readers[p].lanes.blocks)) * blockSize
	for lane := range uint32(lanes) {
		u.lane, u.once = message.ID{Producer: s.plan.ID, Lane: lane}, !s.plan.Counted
		a := s.lane(lane)
		seen := u.group.readers[p].lanes.peek(lane)
		if seen == nil {
			seen = &seenLane{}
		}
		if s.plan.Counted {
			u.f.Owed += a.acked.count(0, a.attempted)
		}
		if s.plan.Counted || s.plan.Owed {
			u.absences(&a, seen)
		}
		u.presences(&a, seen)
		if seen.odd != nil {
			u.oddities(seen.odd, s.plan.KeyLanes)
		}
	}
}

// absences finds acked messages that were not seen.
func (u *summary) absences(a *account, seen *seenLane) {
	if a.acked.chunks == nil && seen.seen.chunks == nil && a.acked.base <= seen.seen.base {
		return
	}
	walk(a.acked, &seen.seen, onlyFirst, 0, a.attempted, func(from, to uint64) bool {
		u.missing += int64(to - from)
		for n := from; n < to && len(u.f.Notes[u.absent]) < maxNotes; n++ {
			id := u.lane
			if id.Seq = n; !u.excused[id] {
				u.note(u.absent, n)
			}
		}
		return true
	})
}

// presences finds messages that were seen and should not have been, or need not.
func (u *summary) presences(a *account, seen *seenLane) {
	s := &seen.seen
	whole := s.count(0, a.attempted)
	beyond := s.count(a.attempted, limit)
	u.f.Unique += whole + beyond
	rejected := a.rejected()
	if whole > 0 {
		u.f.Unacked += whole - countRule(s, a.acked, inBoth, 0, a.attempted) - countRule(s, rejected, inBoth, 0, a.attempted)
	}
	if beyond > 0 && !u.cut {
		u.f.Counts[Beyond] += beyond
		u.list(Beyond, s, s, a.attempted, limit)
	}
	if !a.refused.empty() {
		u.resurrected(a, seen)
	}
}

// resurrected finds messages that came as they were in a first try that was rejected, or at all although every try was. What ordeal sent
// again says so itself, so a first try that was stored all the same is not taken for a later one that was acked. Messages of probes say so,
// too, but are sent once.
func (u *summary) resurrected(a *account, seen *seenLane) {
	walk(&seen.seen, a.refused, inBoth, 0, a.attempted, func(from, to uint64) bool {
		for n := from; n < to; n++ {
			if !u.once && !seen.came(n) && !a.wholly.has(n) {
				continue
			}
			u.f.Counts[Resurrected]++
			if len(u.f.Notes[Resurrected]) < maxNotes {
				u.note(Resurrected, n)
			}
		}
		return true
	})
}

// list notes the messages of [low, high) that are in both sets.
func (u *summary) list(kind Kind, x, y *set, low, high uint64) {
	walk(x, y, inBoth, low, high, func(from, to uint64) bool {
		for n := from; n < to && len(u.f.Notes[kind]) < maxNotes; n++ {
			u.note(kind, n)
		}
		return len(u.f.Notes[kind]) < maxNotes
	})
}

func (u *summary) note(kind Kind, seq uint64) {
	id := u.lane
	id.Seq = seq
	u.f.Notes[kind] = append(u.f.Notes[kind], Note{Kind: kind, ID: id, Group: u.group.plan.ID, Shard: -1})
}

func (u *summary) oddities(odd *oddLane, keyed bool) {
	u.f.DuplicatedMessages += odd.twice.count(0, limit)
	scope := PerShard
	if keyed {
		scope = PerKey
	}
	u.f.Reordered[scope] += odd.late.count(0, limit)
	u.f.Reordered[PerShard] += odd.lateShard.count(0, limit)
}

// finish concludes what needs all lanes.
func (u *summary) finish() {
	f := u.f
	f.Damaged = int64(len(u.excused))
	f.Counts[u.absent] = u.missing - f.Damaged
	// Whatever came again and is neither in the log twice nor unexplained was given again from its place.
	f.Counts[Redelivered] = f.Whole - f.Unique - f.Counts[InLog] - f.Counts[Unexplained]
	u.reordered()
}

// reordered drops the notes of what a merge has found to be a redelivery, and finds the greatest distances.
func (u *summary) reordered() {
	f := u.f
	kept := make([]Note, 0, len(f.Notes[Reordered]))
	for _, n := range f.Notes[Reordered] {
		r := &u.group.readers[n.ID.Producer-1]
		odd := r.lanes.at(n.ID.Lane).odd
		if odd == nil || n.scope == PerShard && r.keyed && !odd.lateShard.has(n.ID.Seq) ||
			(n.scope == PerKey || !r.keyed) && !odd.late.has(n.ID.Seq) {
			continue
		}
		kept = append(kept, n)
		f.MaxDistance[n.scope] = max(f.MaxDistance[n.scope], n.Distance)
	}
	f.Notes[Reordered] = kept
	f.Counts[Reordered] = f.Reordered[PerShard] + f.Reordered[PerKey]
}
