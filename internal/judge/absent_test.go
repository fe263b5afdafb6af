package judge

import (
	"strings"
	"testing"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// However many messages came damaged, none of them is lost; and however many are lost, all are counted.
func TestManyDamagedAndLost(t *testing.T) {
	const damaged, lost, n = 3 * maxNotes, 2 * maxNotes, 6 * maxNotes
	b := NewBook(Plan{
		Producers: []Producer{{ID: 1, Name: "p", Topic: "t", Lanes: 1, Counted: true}},
		Groups:    []Group{{ID: 0, Name: "g", Topic: "t", Members: 1, Shards: 1}},
	})
	for i := range uint64(n) {
		id := message.ID{Producer: 1, Seq: i}
		b.Attempt(&history.Attempt{ID: id, Index: i})
		b.Receipt(&history.Receipt{ID: id, Outcome: message.Acked})
		d := history.Delivery{ID: id, Index: i, Position: message.Position{Minor: i, Known: true}}
		switch i % 6 {
		case 0, 2, 4:
			d.Status = message.Corrupt
		case 1, 3:
			continue
		}
		b.Deliveries(0, []history.Delivery{d})
	}
	f := b.Findings(drained(1)).Groups[0]
	if f.Damaged != damaged || f.Counts[Lost] != lost || len(f.Notes[Lost]) != maxNotes {
		t.Errorf("%d damaged, %d lost, %d noted; want %d, %d, %d", f.Damaged, f.Counts[Lost], len(f.Notes[Lost]), damaged, lost, maxNotes)
	}
	for _, note := range f.Notes[Lost] {
		if note.ID.Seq%2 == 0 {
			t.Fatalf("%d came damaged, and is noted as lost", note.ID.Seq)
		}
	}
}

// What came a second time from another place is in the log twice, though the first time was flagged; from its own place it is not. Neither
// is a matter of order.
func TestFlaggedFirst(t *testing.T) {
	b := NewBook(Plan{
		Producers: []Producer{{ID: 1, Name: "p", Topic: "t", Lanes: 1, Counted: true}},
		Groups:    []Group{{ID: 0, Name: "g", Topic: "t", Members: 2, Shards: 1}},
	})
	for i := range uint64(20) {
		id := message.ID{Producer: 1, Seq: i}
		b.Attempt(&history.Attempt{ID: id, Index: i})
		b.Receipt(&history.Receipt{ID: id, Outcome: message.Acked})
	}
	deliver := func(member uint32, seq, position uint64, redelivered bool) {
		b.Deliveries(0, []history.Delivery{{
			ID: message.ID{Producer: 1, Seq: seq}, Index: seq, Member: member, Redelivered: redelivered,
			Position: message.Position{Minor: position, Known: true},
		}})
	}
	for i := range uint64(20) {
		deliver(1, i, i, i == 5 || i == 7)
	}
	deliver(0, 5, 5, false)  // late, from its place
	deliver(0, 7, 20, false) // from another
	f := b.Findings(drained(1)).Groups[0]
	if f.Counts[InLog] != 1 || f.Counts[Redelivered] != 1 || f.Counts[Reordered] != 0 {
		t.Errorf("found %v; want one in the log twice, one redelivered, none reordered", f.Counts)
	}
	if notes := f.Notes[InLog]; len(notes) != 1 || notes[0].ID.Seq != 7 {
		t.Errorf("noted %v", notes)
	}
}

// What ordeal sends again comes after younger messages by ordeal's own doing: it is not judged, wherever it comes.
func TestSentAgain(t *testing.T) {
	for _, members := range []uint32{1, 2} {
		b := NewBook(Plan{
			Producers: []Producer{{ID: 1, Name: "p", Topic: "t", Lanes: 1, Counted: true}},
			Groups:    []Group{{ID: 0, Name: "g", Topic: "t", Members: members, Shards: 1}},
		})
		for i := range uint64(6) {
			b.Attempt(&history.Attempt{ID: message.ID{Producer: 1, Seq: i}, Index: i})
		}
		for position, seq := range []uint64{0, 3, 1, 4, 2, 5} {
			d := history.Delivery{
				ID: message.ID{Producer: 1, Seq: seq}, Index: seq, Position: message.Position{Minor: uint64(position), Known: true},
			}
			if seq == 1 || seq == 2 {
				d.Incarnation = message.Unordered
			}
			b.Deliveries(0, []history.Delivery{d})
		}
		f := b.Findings(drained(1)).Groups[0]
		if f.Counts[Reordered] != 0 || f.Judged[PerShard] != 4 || f.Unjudged != 0 {
			t.Errorf("%d members: found %v, %d judged, %d not", members, f.Counts, f.Judged[PerShard], f.Unjudged)
		}
	}
}

// What could not be compared is told, and is no pass where it is much.
func TestUncompared(t *testing.T) {
	for late, want := range map[int64]Status{0: Pass, 10: Pass, 11: Inconclusive} {
		f := &Findings{Groups: []GroupFindings{{Late: late, Unjudged: late, Drain: Drain{Complete: true}}}}
		f.Groups[0].Judged[PerShard] = 1000
		v := Judge(order{}, f, Params{Scope: PerShard})
		if v.Status != want || strings.Contains(v.Why, "too long after") != (late > 0) {
			t.Errorf("%d late: %s: %s", late, v.Status, v.Why)
		}
	}
}
