package judge

import (
	"cmp"
	"slices"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// events are a whole run in memory: what each producer did, and what each group received in the order in which it did.
type events struct {
	plan       Plan
	attempts   []history.Attempt
	receipts   []history.Receipt
	deliveries [][]history.Delivery // by group
	refused    map[message.ID]bool  // those whose first try was rejected before what their receipt tells
}

// book plays everything into a book.
func (e *events) book() *Book { return e.bookWith(windowMax) }

// bookWith does so with another window for what waits for its turn in groups of several members, and less for all shards together.
func (e *events) bookWith(window int) *Book {
	b := NewBook(e.plan)
	for _, g := range b.groups {
		if o := g.log; o.window > window {
			o.window, o.most, o.share = window, window*3/2, max(2, window/2)
		}
	}
	for i := 0; i < len(e.attempts); {
		n := i + 1 // of one producer, as its goroutine tells of them
		for n < len(e.attempts) && n < i+5 && e.attempts[n].Producer == e.attempts[i].Producer {
			n++
		}
		b.Attempts(e.attempts[i:n])
		i = n
	}
	for i := range e.receipts {
		b.Receipt(&e.receipts[i])
	}
	for g, ds := range e.deliveries {
		for chunk := range slices.Chunk(ds, 7) {
			b.Deliveries(uint32(g), chunk)
		}
	}
	return b
}

// drained is the evidence of a run whose groups were all drained.
func drained(groups int) Evidence {
	ev := Evidence{Drains: make([]Drain, groups)}
	for i := range ev.Drains {
		ev.Drains[i] = Drain{Complete: true, Why: "the end was reached"}
	}
	return ev
}

// truth is what a group's findings have to be, ids in the order of producer, lane and sequence number.
type truth struct {
	delivered, owed, whole, unique, unacked, damaged, redelivered, twice, displaced, unjudged int64

	ids       map[Kind][]message.ID
	judged    [PerShard + 1]int64
	reordered map[Scope][]message.ID
}

func sortedIDs(ids []message.ID) []message.ID {
	slices.SortFunc(ids, compareIDs)
	return ids
}

// observed is the truth as a book found it.
func observed(f *GroupFindings) truth {
	t := truth{
		delivered: f.Delivered, owed: f.Owed, whole: f.Whole, unique: f.Unique, unacked: f.Unacked, damaged: f.Damaged,
		redelivered: f.Counts[Redelivered], twice: f.DuplicatedMessages, displaced: f.Displaced, unjudged: f.Unjudged,
		ids: map[Kind][]message.ID{}, judged: f.Judged, reordered: map[Scope][]message.ID{},
	}
	for kind := range kinds {
		if kind == Redelivered || kind == Reordered {
			continue
		}
		if int64(len(f.Notes[kind])) != f.Counts[kind] {
			t.ids[kind] = []message.ID{{Lane: uint32(f.Counts[kind])}} // says that notes and counts differ
		}
		for _, n := range f.Notes[kind] {
			t.ids[kind] = append(t.ids[kind], n.ID)
		}
		sortedIDs(t.ids[kind])
	}
	for _, n := range f.Notes[Reordered] {
		t.reordered[n.scope] = append(t.reordered[n.scope], n.ID)
	}
	for scope, ids := range t.reordered {
		if int64(len(ids)) != f.Reordered[scope] {
			ids = append(ids, message.ID{})
		}
		t.reordered[scope] = sortedIDs(ids)
	}
	return t
}

// judgeNaively finds out the truth about one group by the definitions of the package's documentation, in maps and loops over everything.
func judgeNaively(e *events, group int, complete bool) truth {
	o := &naive{e: e, g: e.plan.Groups[group], ds: slices.Clone(e.deliveries[group]), truth: truth{
		delivered: int64(len(e.deliveries[group])), ids: map[Kind][]message.ID{}, reordered: map[Scope][]message.ID{},
	}}
	o.load()
	o.arrivals()
	o.absences(complete)
	o.order()
	return o.truth
}

type naive struct {
	truth
	e  *events
	g  Group
	ds []history.Delivery

	producers map[uint32]Producer
	attempted map[message.ID]bool
	sent      map[uint32]uint64 // messages by producer
	outcome   map[message.ID]message.Outcome
	rejected  map[message.ID]int // how often that was told
	first     []bool             // by delivery: whole, expected, and not seen before
	expected  []bool             // by delivery: whole, of a producer and lane of the group
	seen      map[message.ID]int
}

func (o *naive) load() {
	o.producers, o.attempted = map[uint32]Producer{}, map[message.ID]bool{}
	o.sent, o.outcome, o.seen = map[uint32]uint64{}, map[message.ID]message.Outcome{}, map[message.ID]int{}
	for _, p := range o.e.plan.Producers {
		if p.Topic == o.g.Topic {
			o.producers[p.ID] = p
		}
	}
	for _, a := range o.e.attempts {
		o.attempted[a.ID] = true
		o.sent[a.Producer]++
	}
	o.rejected = map[message.ID]int{}
	for _, r := range o.e.receipts {
		if o.outcome[r.ID] = r.Outcome; r.Outcome == message.Rejected {
			o.rejected[r.ID]++
		}
	}
	o.first, o.expected = make([]bool, len(o.ds)), make([]bool, len(o.ds))
	for i := range o.ds {
		// A shard that the topic does not have is no shard, and a position in it none, unless there is only one that it can be.
		if d := &o.ds[i]; d.Shard < 0 || d.Shard >= int32(o.g.Shards) {
			if d.Shard = 0; o.g.Shards > 1 {
				d.Shard, d.Position = -1, message.Position{}
			}
		}
	}
}

func (o *naive) arrivals() {
	for i, d := range o.ds {
		p, known := o.producers[d.Producer]
		switch {
		case d.Status == message.Foreign:
			o.add(Foreign, d.ID)
			continue
		case d.Status == message.Corrupt:
			o.add(Corrupted, d.ID)
			continue
		case !known || d.Lane >= p.Lanes:
			o.add(Stranger, d.ID)
			continue
		}
		o.whole++
		o.expected[i] = true
		o.first[i] = o.seen[d.ID] == 0
		o.seen[d.ID]++
		if !o.first[i] {
			continue
		}
		o.unique++
		switch {
		case !o.attempted[d.ID]:
			o.add(Beyond, d.ID)
		case o.outcome[d.ID] == message.Unknown:
			o.unacked++
		}
		if o.attempted[d.ID] && (o.rejected[d.ID] > 1 || o.rejected[d.ID] > 0 && (!p.Counted || o.asSentFirst(d.ID))) {
			o.add(Resurrected, d.ID)
		}
	}
	for _, n := range o.seen {
		if n > 1 {
			o.twice++
		}
	}
}

// asSentFirst tells whether a delivery of the message was not of what ordeal had sent again.
func (o *naive) asSentFirst(id message.ID) bool {
	return slices.ContainsFunc(o.ds, func(d history.Delivery) bool {
		return d.ID == id && d.Status == message.Whole && d.Incarnation != message.Unordered
	})
}

func (o *naive) add(kind Kind, id message.ID) { o.ids[kind] = sortedIDs(append(o.ids[kind], id)) }

// excused are the acked messages that came damaged: named by a damaged body, or named but for one bit where the name cannot be right.
func (o *naive) excused() map[message.ID]bool {
	missing := func(id message.ID) bool {
		p, known := o.producers[id.Producer]
		return known && p.Counted && o.outcome[id] == message.Acked && o.seen[id] == 0
	}
	out := map[message.ID]bool{}
	var wrong []message.ID
	for _, claim := range slices.Compact(slices.Clone(o.ids[Corrupted])) {
		switch {
		case !o.attempted[claim] || o.producers[claim.Producer].ID == 0:
			wrong = append(wrong, claim)
		case missing(claim):
			out[claim] = true
		}
	}
	for _, claim := range wrong {
		for bit := range 128 {
			id := claim
			switch {
			case bit < 64:
				id.Seq ^= 1 << bit
			case bit%2 == 0:
				id.Lane ^= 1 << (bit/2 - 32)
			default:
				id.Producer ^= 1 << (bit/2 - 32)
			}
			if missing(id) && !out[id] {
				out[id] = true
				break
			}
		}
	}
	return out
}

func (o *naive) absences(complete bool) {
	excused := o.excused()
	for id, outcome := range o.outcome {
		p, known := o.producers[id.Producer]
		if outcome != message.Acked || !known || !p.Counted {
			continue
		}
		o.owed++
		if o.seen[id] > 0 {
			continue
		}
		if excused[id] {
			o.damaged++
			continue
		}
		if complete {
			o.add(Lost, id)
		} else {
			o.add(Unseen, id)
		}
	}
}

// point is where a message stands in the order of its producer, in a lane or in a shard.
type point struct {
	incarnation uint16
	n           uint64
}

// behind tells whether n stands behind one of before: the youngest of them is of the same incarnation and younger.
func behind(n point, before []point) bool {
	if len(before) == 0 {
		return false
	}
	youngest := slices.MaxFunc(before, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.incarnation, b.incarnation), cmp.Compare(a.n, b.n))
	})
	return youngest.incarnation == n.incarnation && youngest.n > n.n
}

// line is a line of messages in which order is compared: one producer, and one lane or shard.
type line struct {
	producer uint32
	shard    bool
	number   int64
}

// lines are those that d stands in, and where. Only messages with keys stand in a shard's besides the lane's.
func (o *naive) lines(d *history.Delivery) map[line]point {
	if d.Incarnation == message.Unordered {
		return nil
	}
	out := map[line]point{{d.Producer, false, int64(d.Lane)}: {d.Incarnation, d.Seq}}
	if o.producers[d.Producer].KeyLanes && d.Shard >= 0 {
		out[line{d.Producer, true, int64(d.Shard)}] = point{d.Incarnation, d.Index}
	}
	return out
}

func (o *naive) scope(l line) Scope {
	if l.shard || !o.producers[l.producer].KeyLanes {
		return PerShard
	}
	return PerKey
}

func (o *naive) reorder(l line, id message.ID) {
	scope := o.scope(l)
	if !slices.Contains(o.reordered[scope], id) {
		o.reordered[scope] = sortedIDs(append(o.reordered[scope], id))
	}
}

// plausible deliveries can be of a message that was sent.
func (o *naive) plausible(i int) bool {
	d := &o.ds[i]
	return o.expected[i] && d.Index < o.sent[d.Producer] && d.Seq <= d.Index
}

// order goes through the arrivals of every session of every member, and then through the log.
func (o *naive) order() {
	for i := range o.ds {
		if !o.plausible(i) {
			if o.first[i] {
				o.unjudged++
			}
			continue
		}
		d := &o.ds[i]
		for l, n := range o.lines(d) {
			if o.first[i] && !d.Redelivered {
				o.judged[o.scope(l)]++
			}
			if !o.first[i] || !behind(n, o.before(i, l)) {
				continue
			}
			switch {
			case d.Redelivered && !l.shard:
				o.displaced++
			case d.Redelivered:
			case o.g.Members == 1 || !d.Position.Known || o.goesBack(i):
				o.reorder(l, d.ID)
			}
		}
		if !o.first[i] && !d.Redelivered && !d.Position.Known {
			o.add(Unexplained, d.ID)
		}
	}
	if o.g.Members == 1 {
		o.logOfOne()
	} else {
		o.logOfSeveral()
	}
	o.redelivered = o.whole - o.unique - int64(len(o.ids[InLog])+len(o.ids[Unexplained]))
}

// before returns where the unflagged first appearances of line l stand that came before delivery i in its member's session.
func (o *naive) before(i int, l line) (out []point) {
	for j := range i {
		d := &o.ds[j]
		if !o.first[j] || !o.plausible(j) || d.Redelivered || d.Member != o.ds[i].Member || d.Session != o.ds[i].Session {
			continue
		}
		if n, in := o.lines(d)[l]; in {
			out = append(out, n)
		}
	}
	return out
}

// goesBack tells whether delivery i lies before or at something that came before it in its member's session.
func (o *naive) goesBack(i int) bool {
	d := &o.ds[i]
	for j := range i {
		b := &o.ds[j]
		if o.plausible(j) && !b.Redelivered && b.Member == d.Member && b.Session == d.Session && b.Shard == d.Shard &&
			b.Position.Known && !b.Position.Before(d.Position) {
			return true
		}
	}
	return false
}

// logOfOne goes through the deliveries to a group of one member that lie above all before them.
func (o *naive) logOfOne() {
	high := map[int32]message.Position{}
	marks := map[line][]point{}
	begun, blind := int64(-1), false
	for i := range o.ds {
		d := &o.ds[i]
		if !o.plausible(i) {
			continue
		}
		if begun < 0 {
			begun = int64(d.Session)
		}
		above := d.Position.Known && (!high[d.Shard].Known || high[d.Shard].Before(d.Position))
		if above {
			high[d.Shard] = d.Position
		}
		if d.Redelivered {
			continue
		}
		if above && !o.first[i] {
			o.add(InLog, d.ID)
		}
		blind = blind || o.first[i] && !d.Position.Known
		later := int64(d.Session) > begun
		if !o.first[i] || blind || !above && later {
			continue
		}
		for l, n := range o.lines(d) {
			if later && behind(n, marks[l]) {
				o.reorder(l, d.ID)
			}
			marks[l] = append(marks[l], n)
		}
	}
}

// logOfSeveral goes through the unflagged deliveries to a group of several members in the order of their positions.
func (o *naive) logOfSeveral() {
	var log []int
	for i := range o.ds {
		if o.plausible(i) && !o.ds[i].Redelivered && o.ds[i].Position.Known {
			log = append(log, i)
		}
	}
	slices.SortStableFunc(log, func(a, b int) int {
		p, q := o.ds[a].Position, o.ds[b].Position
		return cmp.Or(cmp.Compare(o.ds[a].Shard, o.ds[b].Shard), cmp.Compare(p.Major, q.Major), cmp.Compare(p.Minor, q.Minor))
	})
	flagged := map[message.ID]message.Position{}
	for i := range o.ds {
		if d := &o.ds[i]; o.plausible(i) && o.first[i] && d.Redelivered && d.Position.Known {
			flagged[d.ID] = d.Position
		}
	}
	placed := map[message.ID]bool{}
	marks := map[line][]point{}
	for k, i := range log {
		d := &o.ds[i]
		at, given := flagged[d.ID]
		if given || placed[d.ID] {
			again := given && at == d.Position
			if k > 0 {
				last := &o.ds[log[k-1]]
				again = again || last.Shard == d.Shard && last.Position == d.Position
			}
			if !again {
				o.add(InLog, d.ID)
			}
			continue
		}
		placed[d.ID] = true
		for l, n := range o.lines(d) {
			if behind(n, marks[l]) {
				o.reorder(l, d.ID)
			}
			marks[l] = append(marks[l], n)
		}
	}
}
