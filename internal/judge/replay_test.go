package judge

import (
	"slices"
	"strings"
	"testing"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// lostTen is a run in which group 0 lost messages 0, 10, 20 … of one lane.
func lostTen(n uint64, ev Evidence) (*Findings, Verdict) {
	book := NewBook(Plan{
		Producers: []Producer{{ID: 1, Name: "checkout", Topic: "t", Lanes: 1, Counted: true}},
		Groups:    []Group{{ID: 0, Name: "weak", Topic: "t", Members: 1, Shards: 1}, {ID: 1, Name: "strong", Topic: "t", Members: 1, Shards: 1}},
	})
	for seq := range n {
		id := message.ID{Producer: 1, Seq: seq}
		book.Attempt(&history.Attempt{ID: id, Index: seq})
		book.Receipt(&history.Receipt{ID: id, Outcome: message.Acked})
		for g := range uint32(2) {
			if g != 0 || seq%10 != 0 {
				give(book, g, seq)
			}
		}
	}
	without := ev
	without.Replays = nil
	book.Findings(without) // as a run does, to know what to look for
	f := book.Findings(ev)
	return f, Judge(noLoss{}, f, Params{})
}

func ids(seqs ...uint64) (out []message.ID) {
	for _, s := range seqs {
		out = append(out, message.ID{Producer: 1, Seq: s})
	}
	return out
}

// What a replay found is told in counts, in the sentence and of every example, and never changes the verdict.
func TestReplayTellsHeldFromGone(t *testing.T) {
	const n = 100 // ten are lost
	all := ids(0, 10, 20, 30, 40, 50, 60, 70, 80, 90)
	tests := []struct {
		name                string
		replay              *Replay
		held, gone, unclear int64
		says                string
	}{
		{"none", nil, 0, 0, 0, "10 of 100 acknowledged messages never reached group weak."},
		{"another topic's", &Replay{Topic: "other", Complete: true}, 0, 0, 0, "never reached group weak."},
		{"all held", &Replay{Topic: "t", Complete: true, Held: Spans(all)}, 10, 0, 0, "still holds them, as a replay shows, and did not deliver them."},
		{"all gone", &Replay{Topic: "t", Complete: true}, 0, 10, 0, "does not hold them any more"},
		{"some", &Replay{Topic: "t", Complete: true, Held: Spans(ids(0, 90, 40))}, 3, 7, 0, "still holds 3 of them and 7 are gone."},
		{
			"trimmed", &Replay{Topic: "t", Complete: true, Why: "it keeps little", Held: Spans(ids(90)), Open: Spans(ids(0, 10))}, 1, 7, 2,
			"of 2 it is not known: it keeps little.",
		},
		{"cut short", &Replay{Topic: "t", Why: "not done in time", Held: Spans(ids(90))}, 1, 0, 9, "of 9 it is not known: not done in time."},
		{"cut at once", &Replay{Topic: "t", Why: "no answer"}, 0, 0, 10, "Whether the broker still holds them is not known: no answer."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ev := drained(2)
			if test.replay != nil {
				ev.Replays = []Replay{*test.replay}
			}
			_, v := lostTen(n, ev)
			if v.Status != Fail || v.Counts["lost"] != 10 || !strings.Contains(v.Why, test.says) {
				t.Errorf("%s, %v: %s", v.Status, v.Counts, v.Why)
			}
			if v.Counts["held"] != test.held || v.Counts["gone"] != test.gone || v.Counts["unclear"] != test.unclear {
				t.Errorf("counts %v, expected %d held, %d gone, %d unclear", v.Counts, test.held, test.gone, test.unclear)
			}
			if _, told := v.Counts["held"]; told != (test.replay != nil) {
				t.Errorf("counts %v with a replay %v", v.Counts, test.replay != nil)
			}
			var of [Unclear + 1]int64
			for _, e := range v.Examples {
				of[e.Holding]++
			}
			if of[Held] != test.held || of[Gone] != test.gone || of[Unclear] != test.unclear {
				t.Errorf("examples by holding: %v", of)
			}
		})
	}
}

// What is beyond the notes was not looked for, and is not called gone.
func TestReplayOfMoreThanIsNoted(t *testing.T) {
	ev := drained(2)
	ev.Replays = []Replay{{Topic: "t", Complete: true}}
	const n = 10 * (maxNotes + 5)
	_, v := lostTen(n, ev)
	if v.Counts["lost"] != maxNotes+5 || v.Counts["gone"] != maxNotes || v.Counts["unclear"] != 5 ||
		!strings.Contains(v.Why, "only the first 16,384 were looked for") {
		t.Errorf("%v: %s", v.Counts, v.Why)
	}
}

func TestSpans(t *testing.T) {
	list := []message.ID{
		{Producer: 2, Lane: 1, Seq: 5},
		{Producer: 1, Lane: 0, Seq: 3},
		{Producer: 1, Lane: 0, Seq: 1},
		{Producer: 1, Lane: 0, Seq: 2},
		{Producer: 1, Lane: 0, Seq: 2},
		{Producer: 1, Lane: 1, Seq: 4},
		{Producer: 1, Lane: 0, Seq: 7},
	}
	spans := Spans(list)
	if want := []Span{{1, 0, 1, 4}, {1, 0, 7, 8}, {1, 1, 4, 5}, {2, 1, 5, 6}}; !slices.Equal(spans, want) {
		t.Fatalf("%v", spans)
	}
	for producer := range uint32(4) {
		for lane := range uint32(3) {
			for seq := range uint64(10) {
				id := message.ID{Producer: producer, Lane: lane, Seq: seq}
				if in(spans, id) != slices.Contains(list, id) {
					t.Errorf("%v: %v", id, in(spans, id))
				}
			}
		}
	}
	if in(nil, message.ID{}) {
		t.Error("nothing holds something")
	}
}
