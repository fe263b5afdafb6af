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
	if f.Counts[InLog]+f.Counts[Redelivered] != 0 {
		t.Errorf("repeated: %v", f.Counts)
	}
}
