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

// TestGatheringIsBounded: where positions have gaps, less is gathered of each shard the more of them there are, but all of a busy one among
// idle ones. Members take turns in answers of hundreds, and none of what they receive is called reordered or goes unjudged.
func TestGatheringIsBounded(t *testing.T) {
	const n, size = 500_000, 512
	for _, test := range []struct {
		name         string
		shards, busy uint32 // and how many have messages
		least, most  int    // of what is gathered at the peak
	}{
		{"few shards", 4, 4, windowsMost * windowMax / 2, windowsMost * windowMax},
		{"many", 64, 64, windowsMost * windowMax / 2, 2 * windowsMost * windowMax},
		{"one that is busy", 64, 1, windowMax - 1, windowMax},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := NewBook(Plan{
				Producers: []Producer{{ID: 1, Name: "p", Topic: "t", Lanes: test.shards, Counted: true}},
				Groups:    []Group{{Name: "g", Topic: "t", Members: 8, Shards: test.shards, Order: PerShard}},
			})
			log, peak := b.groups[0].log, 0
			receive := func(ds []history.Delivery) {
				for i := range ds {
					b.Deliveries(0, ds[i:i+1])
					peak = max(peak, log.waiting)
				}
			}
			var before, ds []history.Delivery
			for first := uint64(0); first < n; first += size {
				pair := first / size / 2
				shard, batch := uint32(pair)%test.busy, pair/uint64(test.busy)*2+first/size%2 // of that shard
				ds = nil
				for i := range uint64(size) {
					id := message.ID{Producer: 1, Lane: shard, Seq: batch*size + i}
					b.Attempt(&history.Attempt{ID: id, Index: first + i, Shard: int32(shard)})
					ds = append(ds, history.Delivery{
						ID: id, Index: first + i, Member: uint32(batch) % 8, Shard: int32(shard),
						Position: message.Position{Minor: 2 * (first + i + 1), Known: true},
					})
				}
				if before == nil {
					before = ds
					continue
				}
				receive(ds) // the younger ones first
				receive(before)
				before = nil
			}
			receive(before)
			if peak < test.least || peak > test.most {
				t.Errorf("%d were gathered at the peak, want %d to %d", peak, test.least, test.most)
			}
			waiting := 0
			for i := range log.shards {
				waiting += log.shards[i].waiting.count
			}
			if waiting != log.waiting {
				t.Errorf("%d wait, and are counted as %d", waiting, log.waiting)
			}
			f := b.Findings(drained(1)).Groups[0]
			if f.Judged[PerShard] != f.Unique || f.Counts[Reordered]+f.Unjudged != 0 || log.waiting != 0 {
				t.Errorf("of %d %d were judged, %d called reordered and %d not judged", f.Unique, f.Judged[PerShard], f.Counts[Reordered], f.Unjudged)
			}
		})
	}
}
