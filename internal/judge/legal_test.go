package judge

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// honest is a broker that keeps its word: at least once, in the order of sending, with crashes of consumers and lost connections.
type honest struct {
	t         *rapid.T
	e         *events
	log       []history.Delivery // what the topic holds, in the order in which it took it
	positions bool               // it tells them
}

// newHonest lets the producers send. What is acked is in the log, what is rejected is not, what is unknown may be.
func newHonest(t *rapid.T) *honest {
	h := &honest{t: t, e: &events{plan: anyPlan(t)}, positions: rapid.Bool().Draw(t, "positions")}
	h.e.send(t, 25)
	outcomes := map[message.ID]message.Outcome{}
	for _, r := range h.e.receipts {
		outcomes[r.ID] = r.Outcome
	}
	// Producers take turns; each one's messages stay in order.
	queues := map[uint32][]history.Attempt{}
	var waiting []uint32
	for _, a := range h.e.attempts {
		if h.e.plan.Producers[a.Producer-1].Topic == "orders" {
			if len(queues[a.Producer]) == 0 {
				waiting = append(waiting, a.Producer)
			}
			queues[a.Producer] = append(queues[a.Producer], a)
		}
	}
	ends := map[int32]uint64{}
	for len(waiting) > 0 {
		i := rapid.IntRange(0, len(waiting)-1).Draw(t, "turn")
		a := queues[waiting[i]][0]
		if queues[waiting[i]] = queues[waiting[i]][1:]; len(queues[waiting[i]]) == 0 {
			waiting = slices.Delete(waiting, i, i+1)
		}
		o := outcomes[a.ID]
		if o == message.Rejected || o == message.Unknown && rapid.Bool().Draw(t, "dropped") {
			continue
		}
		d := history.Delivery{ID: a.ID, Index: a.Index, Shard: a.Shard, Incarnation: a.Incarnation}
		if h.e.refused[a.ID] {
			d.Incarnation = message.Unordered // the first try, which was rejected, is not there
		}
		if ends[a.Shard]++; h.positions {
			d.Position = message.Position{Minor: ends[a.Shard], Known: true}
		}
		h.log = append(h.log, d)
	}
	for g := range h.e.plan.Groups {
		if h.positions && rapid.Bool().Draw(t, "partitioned") {
			h.e.deliveries = append(h.e.deliveries, h.partitioned(g))
		} else {
			h.e.deliveries = append(h.e.deliveries, h.shared(g))
		}
	}
	return h
}

// batch is what a member was given and has not noted yet.
type batch struct {
	ds              []history.Delivery
	member, session uint32
}

// shared lets the members compete: batches are given out in order and noted when the member gets round to it. Whatever a crashed member
// had and did not acknowledge comes again later, flagged.
func (h *honest) shared(g int) (noted []history.Delivery) {
	members := h.e.plan.Groups[g].Members
	sessions := make([]uint32, members)
	var open []batch // given out, not noted
	var again []history.Delivery
	next := 0
	note := func(i int) {
		for _, d := range open[i].ds {
			d.Group, d.Member, d.Session = uint32(g), open[i].member, open[i].session
			noted = append(noted, d)
		}
	}
	for next < len(h.log) || len(again) > 0 || len(open) > 0 {
		member := rapid.Uint32Range(0, members-1).Draw(h.t, "member")
		mine := slices.IndexFunc(open, func(b batch) bool { return b.member == member })
		switch action := rapid.IntRange(0, 9).Draw(h.t, "action"); {
		case mine < 0 && len(again) > 0 && action < 4:
			open = append(open, batch{again, member, sessions[member]})
			again = nil
		case mine < 0:
			end := min(len(h.log), next+rapid.IntRange(1, 5).Draw(h.t, "batch"))
			open = append(open, batch{h.log[next:end], member, sessions[member]})
			next = end
		case action == 0: // crash, with or without its having noted what came
			if rapid.Bool().Draw(h.t, "noted") {
				note(mine)
			}
			for _, d := range open[mine].ds {
				d.Redelivered = true
				again = append(again, d)
			}
			sessions[member]++
			open = slices.Delete(open, mine, mine+1)
		default:
			note(mine)
			open = slices.Delete(open, mine, mine+1)
		}
	}
	return noted
}

// partitioned gives each shard to one member at a time, without flags. When a shard changes hands, the new owner begins at what was
// committed, which may lie before what the old one has noted.
func (h *honest) partitioned(g int) (noted []history.Delivery) {
	group := h.e.plan.Groups[g]
	sessions := make([]uint32, group.Members)
	for shard := range int32(group.Shards) {
		var log []history.Delivery
		for _, d := range h.log {
			if d.Shard == shard {
				log = append(log, d)
			}
		}
		owner, at, committed := uint32(0), 0, 0
		for at < len(log) {
			switch rapid.IntRange(0, 6).Draw(h.t, "action") {
			case 0:
				sessions[owner]++
				owner = rapid.Uint32Range(0, group.Members-1).Draw(h.t, "owner")
				at = committed
			case 1:
				committed = at
			default:
				end := min(len(log), at+rapid.IntRange(1, 4).Draw(h.t, "batch"))
				for _, d := range log[at:end] {
					d.Group, d.Member, d.Session = uint32(g), owner, sessions[owner]
					noted = append(noted, d)
				}
				at = end
			}
		}
	}
	return noted
}

func (h *honest) findings() []truth {
	var out []truth
	f := h.e.book().Findings(drained(len(h.e.plan.Groups)))
	for g := range f.Groups {
		x := observed(&f.Groups[g])
		tidy(&x)
		// Measures of what else came, not findings.
		x.delivered, x.displaced, x.unjudged, x.judged = 0, 0, 0, [PerShard + 1]int64{}
		out = append(out, x)
	}
	return out
}

// TestLegalHistories are those of an honest broker: whatever happens to the clients, nothing is found but redeliveries.
func TestLegalHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHonest(t)
		for g, x := range h.findings() {
			if len(x.ids) > 0 || len(x.reordered) > 0 || x.damaged > 0 {
				t.Fatalf("group %d of %d members, positions %v: an honest broker is accused: %+v", g, h.e.plan.Groups[g].Members, h.positions, x)
			}
			if x.redelivered != int64(len(h.e.deliveries[g]))-x.unique {
				t.Fatalf("%d redelivered of %d deliveries of %d messages", x.redelivered, len(h.e.deliveries[g]), x.unique)
			}
		}
	})
}

// TestOneMutation lets an honest broker lie once: exactly that is found, and nothing else changes.
func TestOneMutation(t *testing.T) {
	for name, lie := range map[string]func(h *honest, ds []history.Delivery, want *truth) ([]history.Delivery, bool){
		"lose": lose, "copy": duplicate, "corrupt": corrupt, "invent": invent, "swap": swap, "resurrect": resurrect, "refuse": refuseAndStore,
	} {
		t.Run(name, func(t *testing.T) {
			told := 0
			rapid.Check(t, func(t *rapid.T) {
				h := newHonest(t)
				want := h.findings()
				mutated, ok := lie(h, slices.Clone(h.e.deliveries[0]), &want[0])
				if !ok {
					return
				}
				told++
				h.e.deliveries[0] = mutated
				tidy(&want[0])
				for g, got := range h.findings() {
					if g > 0 && name == "resurrect" {
						continue // a rejection is one for all groups
					}
					if !reflect.DeepEqual(got, want[g]) {
						t.Fatalf("group %d, %d members:\n got %+v\nwant %+v", g, h.e.plan.Groups[g].Members, got, want[g])
					}
				}
			})
			if told == 0 {
				t.Error("the lie was never told")
			}
		})
	}
}

// once finds a delivery of a message that came once and unflagged, and that pick accepts.
func (h *honest) once(ds []history.Delivery, pick func(i int) bool) (int, bool) {
	times := map[message.ID]int{}
	for _, d := range ds {
		times[d.ID]++
	}
	var candidates []int
	for i, d := range ds {
		if times[d.ID] == 1 && !d.Redelivered && pick(i) {
			candidates = append(candidates, i)
		}
	}
	if len(candidates) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(candidates).Draw(h.t, "victim"), true
}

func (h *honest) outcome(id message.ID) message.Outcome {
	for _, r := range slices.Backward(h.e.receipts) { // the last word counts
		if r.ID == id {
			return r.Outcome
		}
	}
	return message.Unknown
}

func (h *honest) counted(id message.ID) bool { return h.e.plan.Producers[id.Producer-1].Counted }

func lose(h *honest, ds []history.Delivery, want *truth) ([]history.Delivery, bool) {
	i, ok := h.once(ds, func(i int) bool { return h.outcome(ds[i].ID) == message.Acked && h.counted(ds[i].ID) })
	if !ok {
		return nil, false
	}
	want.ids[Lost] = []message.ID{ds[i].ID}
	want.whole--
	want.unique--
	return slices.Delete(ds, i, i+1), true
}

// duplicate puts a copy of a message at the end of the log.
func duplicate(h *honest, ds []history.Delivery, want *truth) ([]history.Delivery, bool) {
	i, ok := h.once(ds, func(int) bool { return true })
	if !ok {
		return nil, false
	}
	return appendCopy(h, ds, i, want), true
}

func appendCopy(h *honest, ds []history.Delivery, i int, want *truth) []history.Delivery {
	d := ds[i]
	kind := Unexplained
	if h.positions {
		d.Position.Minor = 1000
		kind = InLog
	}
	want.ids[kind] = []message.ID{d.ID}
	want.whole++
	want.twice++
	return append(ds, d)
}

func corrupt(h *honest, ds []history.Delivery, want *truth) ([]history.Delivery, bool) {
	i, ok := h.once(ds, func(int) bool { return true })
	if !ok {
		return nil, false
	}
	want.ids[Corrupted] = []message.ID{ds[i].ID}
	want.whole--
	want.unique--
	switch {
	case h.outcome(ds[i].ID) == message.Unknown:
		want.unacked--
	case h.counted(ds[i].ID):
		want.damaged++
	}
	ds[i].Status = message.Corrupt
	return ds, true
}

func invent(h *honest, ds []history.Delivery, want *truth) ([]history.Delivery, bool) {
	i, ok := h.once(ds, func(int) bool { return true })
	if !ok {
		return nil, false
	}
	d := ds[i]
	kind := rapid.SampledFrom([]Kind{Foreign, Stranger, Beyond}).Draw(h.t, "kind")
	switch kind {
	case Foreign:
		d.Status = message.Foreign
	case Stranger:
		d.Producer = 77
	default:
		ahead := rapid.Uint64Range(1000, 1<<47).Draw(h.t, "ahead")
		d.Seq, d.Index = ahead, ahead
		want.whole++
		want.unique++
	}
	want.ids[kind] = []message.ID{d.ID}
	return slices.Insert(ds, i, d), true
}

// swap exchanges two neighbours of one lane in the log.
func swap(h *honest, ds []history.Delivery, want *truth) ([]history.Delivery, bool) {
	times := map[message.ID]int{}
	for _, d := range ds {
		times[d.ID]++
	}
	partner := func(i int) int {
		for j := i + 1; j < len(ds); j++ {
			a, b := &ds[i], &ds[j]
			if a.Producer != b.Producer || a.Shard != b.Shard {
				continue
			}
			if a.Lane == b.Lane && a.Incarnation == b.Incarnation && a.Incarnation != message.Unordered && a.Member == b.Member && a.Session == b.Session &&
				times[b.ID] == 1 && !b.Redelivered && a.Seq < b.Seq {
				return j
			}
			return -1
		}
		return -1
	}
	i, ok := h.once(ds, func(i int) bool { return partner(i) >= 0 })
	if !ok {
		return nil, false
	}
	j := partner(i)
	a, b := &ds[i], &ds[j]
	for _, d := range h.log { // nothing of the producer may lie between them in the log, or it is overtaken too
		if d.Producer == a.Producer && d.Shard == a.Shard && d.Index > a.Index && d.Index < b.Index {
			return nil, false
		}
	}
	want.reordered[PerShard] = []message.ID{a.ID}
	if h.e.plan.Producers[a.Producer-1].KeyLanes {
		want.reordered[PerKey] = []message.ID{a.ID}
	}
	a.ID, b.ID = b.ID, a.ID
	a.Index, b.Index = b.Index, a.Index
	return ds, true
}

// resurrect makes a delivered message one that had been rejected.
func resurrect(h *honest, ds []history.Delivery, want *truth) ([]history.Delivery, bool) {
	i, ok := h.once(ds, func(i int) bool { return h.outcome(ds[i].ID) == message.Unknown })
	if !ok {
		return nil, false
	}
	h.e.receipts = slices.DeleteFunc(h.e.receipts, func(r history.Receipt) bool { return r.ID == ds[i].ID })
	rejected := history.Receipt{ID: ds[i].ID, Outcome: message.Rejected}
	if h.e.receipts = append(h.e.receipts, rejected); ds[i].Incarnation == message.Unordered {
		h.e.receipts = append(h.e.receipts, rejected) // the later tries, too
	}
	want.ids[Resurrected] = []message.ID{ds[i].ID}
	want.unacked--
	return ds, true
}

// refuseAndStore puts the first try of a message, which was rejected, at the end of the log, where a later one lies already.
func refuseAndStore(h *honest, ds []history.Delivery, want *truth) ([]history.Delivery, bool) {
	i, ok := h.once(ds, func(i int) bool { return h.e.refused[ds[i].ID] })
	if !ok {
		return nil, false
	}
	ds = appendCopy(h, ds, i, want)
	ds[len(ds)-1].Incarnation = 0
	want.ids[Resurrected] = []message.ID{ds[i].ID}
	return ds, true
}
