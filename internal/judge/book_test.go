package judge

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// anyPlan is a topic with some producers and some groups, and a topic beside it.
func anyPlan(t *rapid.T) Plan {
	shards := rapid.Uint32Range(1, 3).Draw(t, "shards")
	plan := Plan{Run: 7}
	for i := range rapid.Uint32Range(1, 3).Draw(t, "producers") {
		p := Producer{ID: i + 1, Name: fmt.Sprintf("p-%d", i+1), Topic: "orders", Lanes: shards, Counted: true}
		if rapid.Bool().Draw(t, "keys") {
			p.KeyLanes, p.Lanes = true, rapid.Uint32Range(1, 5).Draw(t, "lanes")
		}
		if i > 0 {
			p.Counted = rapid.Bool().Draw(t, "counted")
		}
		plan.Producers = append(plan.Producers, p)
	}
	for i := range rapid.Uint32Range(1, 2).Draw(t, "groups") {
		plan.Groups = append(plan.Groups, Group{
			ID: i, Name: fmt.Sprintf("g-%d", i), Topic: "orders", Members: rapid.Uint32Range(1, 3).Draw(t, "members"), Shards: shards,
			Delivery: AtLeastOnce, Order: PerShard, Why: "the test",
		})
	}
	plan.Producers = append(plan.Producers, Producer{
		ID: uint32(len(plan.Producers)) + 1, Name: "other", Topic: "payments", Lanes: 1, Counted: true,
	})
	return plan
}

// send lets all producers send and be answered.
func (e *events) send(t *rapid.T, most int) {
	for _, p := range e.plan.Producers {
		seqs := make([]uint64, p.Lanes)
		incarnation := uint16(0)
		for index := range uint64(rapid.IntRange(0, most).Draw(t, "messages")) {
			lane := rapid.Uint32Range(0, p.Lanes-1).Draw(t, "lane")
			if rapid.IntRange(0, 9).Draw(t, "reconnect") == 0 {
				incarnation++
			}
			shard := int32(lane % e.plan.Groups[0].Shards)
			id := message.ID{Producer: p.ID, Lane: lane, Seq: seqs[lane]}
			seqs[lane]++
			a := history.Attempt{ID: id, Index: index, Shard: shard, Incarnation: incarnation}
			if rapid.IntRange(0, 19).Draw(t, "sent again") == 0 {
				a.Incarnation = message.Unordered
			}
			e.attempts = append(e.attempts, a)
			outcome := rapid.SampledFrom([]message.Outcome{message.Acked, message.Acked, message.Unknown, message.Rejected}).Draw(t, "outcome")
			if outcome != message.Unknown || rapid.Bool().Draw(t, "told") {
				e.receipts = append(e.receipts, history.Receipt{ID: id, Outcome: outcome})
			}
		}
	}
	if len(e.receipts) > 1 {
		e.receipts = rapid.Permutation(e.receipts).Draw(t, "receipts")
	}
	e.refuse(t)
}

// refuse has the first try of some messages rejected, which is told before what became of them. Others than counted producers try once.
func (e *events) refuse(t *rapid.T) {
	e.refused = map[message.ID]bool{}
	for i := 0; i < len(e.receipts); i++ {
		id := e.receipts[i].ID
		if e.plan.Producers[id.Producer-1].Counted && !e.refused[id] && rapid.IntRange(0, 9).Draw(t, "refused at first") == 0 {
			e.refused[id] = true
			e.receipts = slices.Insert(e.receipts, rapid.IntRange(0, i).Draw(t, "place"), history.Receipt{ID: id, Outcome: message.Rejected})
			i++
		}
	}
}

// deliverAnything gives every group deliveries of every kind, legal or not, in an order that is right here and wrong there; with
// invented, also of messages with numbers that were never sent.
func (e *events) deliverAnything(t *rapid.T, invented bool) {
	for g := range e.plan.Groups {
		group := e.plan.Groups[g]
		sessions := make([]uint32, group.Members)
		positions := make([]uint64, group.Shards)
		var out []history.Delivery
		for range rapid.IntRange(0, 60).Draw(t, "deliveries") {
			d := history.Delivery{Group: group.ID, Member: rapid.Uint32Range(0, group.Members-1).Draw(t, "member")}
			if len(e.attempts) > 0 {
				// Mostly near the last one, so that order is neither perfect nor random.
				i := min(len(e.attempts)-1, max(0, len(out)+rapid.IntRange(-3, 1).Draw(t, "which")))
				a := e.attempts[i]
				d.ID, d.Index, d.Shard, d.Incarnation = a.ID, a.Index, a.Shard, a.Incarnation
				if e.refused[a.ID] && rapid.Bool().Draw(t, "second try") {
					d.Incarnation = message.Unordered
				}
			}
			if rapid.IntRange(0, 15).Draw(t, "session") == 0 {
				sessions[d.Member]++
			}
			d.Session = sessions[d.Member]
			switch rapid.IntRange(0, 30).Draw(t, "oddity") {
			case 0:
				d.Status = message.Corrupt
			case 1:
				d.Status = message.Foreign
			case 2:
				d.Producer = rapid.SampledFrom([]uint32{0, 99, uint32(len(e.plan.Producers))}).Draw(t, "stranger")
			case 3:
				d.Lane += 50
			case 5: // a damaged name that cannot be
				d.Status = message.Corrupt
				d.Producer, d.Lane = rapid.SampledFrom([]uint32{0, 1, 99}).Draw(t, "name"), rapid.SampledFrom([]uint32{0, 60}).Draw(t, "lane")
			case 4:
				if !invented {
					break
				}
				d.Seq, d.Index = d.Seq+rapid.Uint64Range(100, 1<<40).Draw(t, "beyond"), d.Index+1<<41
			}
			if rapid.IntRange(0, 19).Draw(t, "shard") == 0 {
				d.Shard = rapid.SampledFrom([]int32{-1, int32(group.Shards)}).Draw(t, "no shard")
			}
			d.Redelivered = rapid.IntRange(0, 5).Draw(t, "flagged") == 0
			if rapid.IntRange(0, 9).Draw(t, "placed") > 0 {
				p := &positions[max(0, d.Shard)%int32(group.Shards)]
				if rapid.IntRange(0, 4).Draw(t, "again") > 0 {
					*p++
				}
				back := min(*p, uint64(max(0, rapid.IntRange(-6, 3).Draw(t, "back"))))
				d.Position = message.Position{Minor: *p - back, Known: true}
			}
			out = append(out, d)
		}
		e.deliveries = append(e.deliveries, out)
	}
}

// TestBookAgainstOracle compares the book with the naive judge on anything that may happen, possible or not.
func TestBookAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &events{plan: anyPlan(t)}
		e.send(t, 30)
		e.deliverAnything(t, true)
		ev := drained(len(e.plan.Groups))
		ev.Drains[0].Complete = rapid.Bool().Draw(t, "drained")
		f := e.book().Findings(ev)
		for g := range e.plan.Groups {
			mustAgree(t, e, g, &f.Groups[g], ev.Drains[g].Complete)
		}
	})
}

func mustAgree(t *rapid.T, e *events, g int, f *GroupFindings, complete bool) {
	t.Helper()
	got, want := observed(f), judgeNaively(e, g, complete)
	tidy(&got)
	tidy(&want)
	if !reflect.DeepEqual(got, want) {
		for i, d := range e.deliveries[g] {
			t.Logf("%3d member %d.%d  %d/%d/%d index %d incarnation %d shard %d position %d known %v redelivered %v status %d", i, d.Member,
				d.Session, d.Producer, d.Lane, d.Seq, d.Index, d.Incarnation, d.Shard, d.Position.Minor, d.Position.Known, d.Redelivered, d.Status)
		}
		t.Fatalf("group %d of %d members:\n got %+v\nwant %+v", g, e.plan.Groups[g].Members, got, want)
	}
}

// tidy drops what is empty.
func tidy(t *truth) {
	for k, ids := range t.ids {
		if len(ids) == 0 {
			delete(t.ids, k)
		}
	}
	for s, ids := range t.reordered {
		if len(ids) == 0 {
			delete(t.reordered, s)
		}
	}
}

// TestSplitAndMerge gives the events to several books, as several workers would, and merges them. Split by producer and group, everything
// comes out the same; split by member, everything but order and the kind of a repetition. A part that has no attempts cannot tell which
// numbers were never sent, so none are in the former case.
func TestSplitAndMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		byMember := rapid.Bool().Draw(t, "by member")
		e := &events{plan: anyPlan(t)}
		e.send(t, 30)
		e.deliverAnything(t, byMember)
		ev := drained(len(e.plan.Groups))
		want := e.book().Findings(ev)
		got := e.splitAndMerge(byMember).Findings(ev)
		if got.Totals != want.Totals {
			t.Fatalf("totals %+v, want %+v", got.Totals, want.Totals)
		}
		for g := range e.plan.Groups {
			a, b := observed(&got.Groups[g]), observed(&want.Groups[g])
			tidy(&a)
			tidy(&b)
			for _, x := range []*truth{&a, &b} {
				if byMember {
					x.displaced, x.unjudged, x.redelivered, x.reordered, x.judged = 0, 0, 0, nil, [PerShard + 1]int64{}
					delete(x.ids, InLog)
					delete(x.ids, Unexplained)
				}
			}
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("by member %v, group %d:\n got %+v\nwant %+v", byMember, g, a, b)
			}
		}
	})
}

func (e *events) splitAndMerge(byMember bool) *Book {
	const parts = 3
	books := make([]*Book, parts)
	for i := range books {
		books[i] = NewBook(e.plan)
	}
	for i := range e.attempts {
		books[e.attempts[i].Producer%parts].Attempt(&e.attempts[i])
	}
	for i := range e.receipts {
		books[e.receipts[i].Producer%parts].Receipt(&e.receipts[i])
	}
	for g, ds := range e.deliveries {
		for i := range ds {
			part := uint32(g)
			if byMember {
				part = ds[i].Member
			}
			books[part%parts].Deliveries(uint32(g), ds[i:i+1])
		}
	}
	for _, other := range books[1:] {
		books[0].Merge(other)
	}
	return books[0]
}

func TestDuplicateAcrossParts(t *testing.T) {
	plan := Plan{
		Producers: []Producer{{ID: 1, Name: "p", Topic: "t", Lanes: 1, Counted: true}},
		Groups:    []Group{{Name: "g", Topic: "t", Members: 2, Shards: 1}},
	}
	deliver := func(b *Book, member uint32, seqs ...uint64) {
		for _, seq := range seqs {
			b.Deliveries(0, []history.Delivery{{
				ID: message.ID{Producer: 1, Seq: seq}, Index: seq, Member: member, Position: message.Position{Minor: seq, Known: true},
			}})
		}
	}
	a, b := NewBook(plan), NewBook(plan)
	for seq := range uint64(6) {
		a.Attempt(&history.Attempt{ID: message.ID{Producer: 1, Seq: seq}, Index: seq})
	}
	deliver(a, 0, 0, 1, 2, 3)
	deliver(b, 1, 4, 5, 2, 3) // taken back: by itself this looks like a reordering
	a.Merge(b)
	f := a.Findings(drained(1)).Groups[0]
	if f.Counts[Redelivered] != 2 || f.DuplicatedMessages != 2 || f.Reordered[PerShard] != 0 || len(f.Notes[Reordered]) != 0 {
		t.Errorf("redelivered %d, duplicated messages %d, reordered %d", f.Counts[Redelivered], f.DuplicatedMessages, f.Reordered[PerShard])
	}
	if slices.ContainsFunc(f.Notes[Beyond], func(Note) bool { return true }) {
		t.Error("what the other part sent is taken for invented")
	}
}

// Receive tells the places of what the group had before, whether it comes by itself or in a streak.
func TestReceiveTellsRepeats(t *testing.T) {
	b := NewBook(Plan{
		Producers: []Producer{{ID: 1, Name: "p", Topic: "t", Lanes: 1, Counted: true}},
		Groups:    []Group{{Name: "g", Topic: "t", Members: 1, Shards: 1}},
	})
	streak := func(seq uint64, n uint32) history.Delivery {
		return history.Delivery{
			ID: message.ID{Producer: 1, Seq: seq}, Index: seq, Following: n - 1, Position: message.Position{Minor: seq, Known: true},
		}
	}
	for seq := range uint64(20) {
		b.Attempt(&history.Attempt{ID: message.ID{Producer: 1, Seq: seq}, Index: seq})
	}
	foreign := history.Delivery{Status: message.Foreign}
	for i, test := range []struct {
		batch []history.Delivery
		want  []int
	}{
		{[]history.Delivery{streak(0, 4), streak(4, 1), streak(8, 3)}, nil},
		{[]history.Delivery{streak(5, 1), foreign, streak(4, 6), streak(5, 1)}, []int{2, 3, 6, 7, 8}},
		{[]history.Delivery{streak(11, 2), foreign, streak(12, 1), streak(13, 2)}, []int{3}},
	} {
		if got := b.Receive(0, test.batch, nil); !slices.Equal(got, test.want) {
			t.Errorf("batch %d: repeats at %v, want %v", i, got, test.want)
		}
	}
}
