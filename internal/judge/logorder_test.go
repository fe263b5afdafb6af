package judge

import (
	"slices"
	"testing"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// TestLogOrderOfManyMembers lets two members take turns with batches of 500 and note them the wrong way round, for many more messages than
// are gathered at once. Some neighbours lie the wrong way round in the log, which no member can see. A third member notes its only batch
// far too late.
func TestLogOrderOfManyMembers(t *testing.T) {
	const n, size = 60_000, 500
	plan := benchPlan(1, 3, false)
	b := NewBook(plan)
	log := make([]history.Delivery, 0, n)
	for seq := range uint64(n) {
		id := message.ID{Producer: 1, Seq: seq}
		b.Attempt(&history.Attempt{ID: id, Index: seq})
		log = append(log, history.Delivery{ID: id, Index: seq, Position: message.Position{Minor: seq + 1, Known: true}})
	}
	var want []message.ID
	for i := size - 1; i < n-1; i += 7 * size { // the last of one batch and the first of the next
		want = append(want, log[i].ID)
		log[i].ID, log[i+1].ID = log[i+1].ID, log[i].ID
		log[i].Index, log[i+1].Index = log[i+1].Index, log[i].Index
	}
	batches := slices.Collect(slices.Chunk(log, size))
	for i := range batches {
		for j := range batches[i] {
			batches[i][j].Member = uint32(i % 2)
			if i == 2 {
				batches[i][j].Member = 2
			}
		}
	}
	late := batches[2]
	batches = slices.Delete(batches, 2, 3)
	for pair := range slices.Chunk(batches, 2) {
		slices.Reverse(pair)
		for _, batch := range pair {
			b.Deliveries(0, batch)
		}
	}
	b.Deliveries(0, late)
	f := b.Findings(drained(1)).Groups[0]
	if f.Unique != n || f.Whole != n {
		t.Fatalf("%d of %d messages noted", f.Unique, n)
	}
	var got []message.ID
	for _, note := range f.Notes[Reordered] {
		got = append(got, note.ID)
	}
	if !slices.Equal(sortedIDs(got), sortedIDs(want)) {
		t.Errorf("%d reordered, want %v", len(got), want)
	}
	if f.Unjudged != size {
		t.Errorf("%d unjudged, want the late batch of %d", f.Unjudged, size)
	}
	if f.Judged[PerShard] != n-size {
		t.Errorf("%d judged, want all but the late batch: %d", f.Judged[PerShard], n-size)
	}
	if f.Counts[InLog]+f.Counts[Redelivered] != 0 {
		t.Errorf("repeated: %v", f.Counts)
	}
}

// TestLogOrderWithoutGaps: what follows without a gap waits for nothing, and what waited for a gap to be filled has its turn with it; also
// second copies of a position, which are no copies in the log.
func TestLogOrderWithoutGaps(t *testing.T) {
	const size = 100
	b := NewBook(benchPlan(1, 3, false))
	group := b.groups[0]
	seq := uint64(0)
	batch := func(member uint32) []history.Delivery {
		ds := make([]history.Delivery, size)
		for i := range ds {
			id := message.ID{Producer: 1, Seq: seq}
			b.Attempt(&history.Attempt{ID: id, Index: seq})
			seq++
			ds[i] = history.Delivery{ID: id, Index: seq - 1, Member: member, Position: message.Position{Minor: seq, Known: true}}
		}
		return ds
	}
	waits := func(what string, want int) {
		t.Helper()
		if got := group.log.shards[0].waiting.count; got != want {
			t.Fatalf("%s: %d wait, want %d", what, got, want)
		}
	}
	first := windowPerMember * 3
	for i := range first / size {
		b.Deliveries(0, batch(0))
		waits("where the log begins is not known yet", (i+1)*size)
	}
	b.Deliveries(0, batch(0))
	waits("once so many have come", 0)
	b.Deliveries(0, batch(1))
	waits("the next", 0)
	gap, after, more := batch(0), batch(1), batch(2)
	b.Deliveries(0, more)
	waits("behind a gap", size)
	b.Deliveries(0, after)
	waits("behind a smaller gap", 2*size)
	b.Deliveries(0, after[:10])
	waits("copies behind the gap", 2*size+10)
	b.Deliveries(0, gap)
	waits("the gap is filled", 0)
	b.Deliveries(0, gap[:10])
	waits("copies of what had its turn", 0)
	swapped := batch(0)
	swapped[3].ID, swapped[4].ID = swapped[4].ID, swapped[3].ID
	swapped[3].Index, swapped[4].Index = swapped[4].Index, swapped[3].Index
	again := batch(0)
	again[7].ID, again[7].Index = swapped[8].ID, swapped[8].Index
	b.Deliveries(0, swapped)
	b.Deliveries(0, again)
	waits("in the end", 0)
	f := b.Findings(drained(1)).Groups[0]
	if f.Counts[Redelivered] != 20 || f.Counts[Reordered] != 1 || f.Counts[InLog] != 1 || f.Unjudged != 0 {
		t.Errorf("found %v, %d unjudged", f.Counts, f.Unjudged)
	}
}
