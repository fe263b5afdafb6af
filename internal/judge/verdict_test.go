package judge

import (
	"strings"
	"testing"

	"ordeal/internal/history"
	"ordeal/internal/message"
)

// crashing is a check with a bug.
type crashing struct{}

func (crashing) Name() string            { return "crashing" }
func (crashing) Guarantee(Params) string { return "None." }
func (crashing) Judge(f *Findings, _ Params) Verdict {
	return Verdict{Status: Pass, Comparisons: f.Groups[99].Owed}
}

// vacuous is a check that compares nothing.
type vacuous struct{ crashing }

func (vacuous) Judge(*Findings, Params) Verdict { return Verdict{Status: Pass, Why: "All is well."} }

func TestNoPassWithoutComparison(t *testing.T) {
	for _, c := range []Check{crashing{}, vacuous{}} {
		if v := Judge(c, &Findings{}, Params{}); v.Status != Inconclusive || v.Why == "" {
			t.Errorf("%T: %+v", c, v)
		}
	}
	for _, c := range Checks() {
		if v := Judge(c, NewBook(Plan{}).Findings(Evidence{}), Params{Scope: PerShard}); v.Status != Inconclusive {
			t.Errorf("%s of nothing: %s", c.Name(), v.Status)
		}
	}
	if (Verdict{}).Status != Inconclusive {
		t.Error("the zero verdict is not inconclusive")
	}
}

// threeGroups is a run of n messages; group 1 was promised everything, the others nothing. Deliver says what comes.
func threeGroups(n uint64, deliver func(b *Book, seq uint64)) *Findings {
	plan := Plan{
		Producers: []Producer{{ID: 1, Name: "checkout", Topic: "t", Lanes: 1, Counted: true}},
		Groups: []Group{
			{ID: 0, Name: "weak", Topic: "t", Members: 1, Shards: 1, Why: "it is weak"},
			{ID: 1, Name: "strong", Topic: "t", Members: 1, Shards: 1, Delivery: ExactlyOnce, Order: PerShard, Why: "it is strong"},
			{ID: 2, Name: "last", Topic: "t", Members: 1, Shards: 1, Delivery: ExactlyOnce, AckBefore: true, Why: "it acks before"},
		},
	}
	b := NewBook(plan)
	for seq := range n {
		b.Attempt(&history.Attempt{ID: message.ID{Producer: 1, Seq: seq}, Index: seq})
		b.Receipt(&history.Receipt{ID: message.ID{Producer: 1, Seq: seq}, Outcome: message.Acked})
		deliver(b, seq)
	}
	return b.Findings(drained(3))
}

func give(b *Book, group uint32, seq uint64) {
	b.Deliveries(group, []history.Delivery{{ID: message.ID{Producer: 1, Seq: seq}, Group: group, Index: seq}})
}

func TestPromises(t *testing.T) {
	loseIn := func(groups ...uint32) *Findings {
		return threeGroups(3000, func(b *Book, seq uint64) {
			for g := range uint32(3) {
				lost := false
				for _, of := range groups {
					lost = lost || of == g && seq%1000 == 7
				}
				if !lost {
					give(b, g, seq)
				}
			}
		})
	}
	for _, test := range []struct {
		name     string
		f        *Findings
		status   Status
		promised bool
		promise  string
		why      string
	}{
		{"nothing lost, not promised to all", loseIn(), Pass, false, "it is weak", "Group weak got all 3,000 acknowledged messages."},
		{"lost where not promised", loseIn(0), Fail, false, "it is weak", "3 of 3,000 acknowledged messages never reached group weak."},
		{"lost where promised", loseIn(1), Fail, true, "it is strong", "3 of 3,000 acknowledged messages never reached group strong."},
		{"lost in both", loseIn(0, 1), Fail, true, "it is strong", "never reached group weak. 3 of 3,000"},
	} {
		v := Judge(noLoss{}, test.f, Params{})
		if v.Status != test.status || v.Promised != test.promised || v.Promise != test.promise || !strings.Contains(v.Why, test.why) {
			t.Errorf("%s: %+v", test.name, v)
		}
		if v.Comparisons != 9000 {
			t.Errorf("%s: %d comparisons", test.name, v.Comparisons)
		}
	}
	e := Judge(noLoss{}, loseIn(1), Params{}).Examples
	if len(e) != 3 || e[1].Message != "checkout/0/1007" || e[1].GroupName != "strong" || e[1].Kind.String() != "lost" {
		t.Errorf("examples %+v", e)
	}
}

// TestIncomplete has a group that was not drained, and one whose topic nobody got an ack for.
func TestIncomplete(t *testing.T) {
	plan := Plan{
		Producers: []Producer{{ID: 1, Name: "a", Topic: "t", Lanes: 1, Counted: true}, {ID: 2, Name: "b", Topic: "u", Lanes: 1, Counted: true}},
		Groups:    []Group{{ID: 0, Name: "first", Topic: "t", Members: 1}, {ID: 1, Name: "second", Topic: "u", Members: 1}},
	}
	b := NewBook(plan)
	for p := uint32(1); p <= 2; p++ {
		b.Attempt(&history.Attempt{ID: message.ID{Producer: p}})
	}
	b.Receipt(&history.Receipt{ID: message.ID{Producer: 1}, Outcome: message.Acked})
	v := Judge(noLoss{}, b.Findings(Evidence{}), Params{})
	want := "1 of 1 acknowledged message had not reached group first, and they may still be on their way: the drain is incomplete: " +
		"none was made. No message was acked that group second had to get."
	if v.Status != Inconclusive || v.Why != want {
		t.Errorf("%s: %s", v.Status, v.Why)
	}
	// What is missing later comes: nothing can be lost then, drained or not; but the second group still proves nothing.
	b.Deliveries(0, []history.Delivery{{ID: message.ID{Producer: 1}}})
	if v = Judge(noLoss{}, b.Findings(Evidence{}), Params{}); v.Status != Inconclusive || !strings.HasPrefix(v.Why, "No message was acked that") {
		t.Errorf("%s: %s", v.Status, v.Why)
	}
	b.Receipt(&history.Receipt{ID: message.ID{Producer: 2}, Outcome: message.Acked})
	b.Deliveries(1, []history.Delivery{{ID: message.ID{Producer: 2}, Group: 1}})
	if v = Judge(noLoss{}, b.Findings(Evidence{}), Params{}); v.Status != Pass {
		t.Errorf("%s: %s", v.Status, v.Why)
	}
}

// TestWhy fixes what the checks say of a run in which all is well, and of one in which nothing is.
func TestWhy(t *testing.T) {
	all := func(b *Book, seq uint64) {
		for g := range uint32(3) {
			give(b, g, seq)
		}
	}
	well := threeGroups(1000, all)
	badly := threeGroups(1000, func(b *Book, seq uint64) {
		if seq == 20 { // group 1 gets it after 29
			give(b, 0, seq)
			give(b, 2, seq)
			return
		}
		all(b, seq)
		switch seq {
		case 29:
			give(b, 1, 20)
		case 30:
			give(b, 1, 25)
			give(b, 1, 26)
		case 40:
			b.Deliveries(2, []history.Delivery{{Status: message.Corrupt}, {Status: message.Foreign}, {ID: message.ID{Producer: 9}}})
		}
	})
	shard := Params{Scope: PerShard}
	for _, test := range []struct {
		check    Check
		f        *Findings
		p        Params
		status   Status
		promised bool
		why      string
	}{
		{noPhantom{}, well, shard, Pass, true, "All 3,000 deliveries were of messages that this run sent."},
		{noCorruption{}, well, shard, Pass, true, "All 3,000 deliveries matched their checksum."},
		{duplicates{}, well, shard, Pass, false, "All 3,000 deliveries were of different messages."},
		{order{}, well, shard, Pass, false, "3,000 messages came in order."},
		{
			noPhantom{},
			badly, shard, Fail, true,
			"Group last received what nobody sent: 1 without a stamp of this run, 1 of a producer, lane or topic that it does not read.",
		},
		{noCorruption{}, badly, shard, Fail, true, "1 of 1,003 deliveries to group last did not match the checksum."},
		{
			duplicates{},
			badly, shard, Fail, true,
			"Group strong got 2 deliveries of messages it had before, of 2 different messages: 2 unexplained.",
		},
		{
			duplicates{},
			badly,
			Params{Max: 2},
			Pass, true,
			"Group strong got 2 deliveries of messages it had before, of 2 different messages: 2 unexplained. Up to 2 were allowed.",
		},
		{order{}, badly, shard, Fail, true, "1 of 1,000 messages came to group strong after a younger one, at most 9 behind."},
		{order{}, badly, Params{}, Inconclusive, false, "No scope of order was asked for."},
		{order{}, badly, Params{Scope: PerKey}, Inconclusive, false, "No message had a key."},
	} {
		v := Judge(test.check, test.f, test.p)
		if v.Status != test.status || v.Promised != test.promised || v.Why != test.why {
			t.Errorf("%s: %s, promised %v: %s", test.check.Name(), v.Status, v.Promised, v.Why)
		}
	}
}

func TestManyFindings(t *testing.T) {
	const n = 3 * maxNotes
	f := threeGroups(n, func(b *Book, seq uint64) {
		if seq%2 == 0 {
			give(b, 0, seq)
			give(b, 0, seq)
		}
	})
	v := Judge(noLoss{}, f, Params{})
	if v.Counts["lost"] != 2*n+n/2 || len(v.Examples) != maxExamples || len(f.Groups[0].Notes[Lost]) != maxNotes {
		t.Errorf("lost %d, %d examples, %d notes", v.Counts["lost"], len(v.Examples), len(f.Groups[0].Notes[Lost]))
	}
	v = Judge(duplicates{}, f, Params{Max: n/2 - 1})
	if v.Status != Fail || v.Counts["duplicated"] != n/2 || len(v.Examples) != maxExamples {
		t.Errorf("duplicates %+v", v.Counts)
	}
	if v = Judge(duplicates{}, f, Params{Max: n / 2}); v.Status != Pass {
		t.Errorf("with so many allowed: %s", v.Why)
	}
}

func TestTotals(t *testing.T) {
	plan := Plan{
		Producers: []Producer{{ID: 1, Topic: "t", Lanes: 1, Counted: true}, {ID: 2, Topic: "t", Lanes: 1}},
		Groups:    []Group{{Topic: "t", Members: 1}},
	}
	b := NewBook(plan)
	for p := uint32(1); p <= 2; p++ {
		for seq, o := range []message.Outcome{message.Acked, message.Rejected, message.Unknown, message.Acked} {
			id := message.ID{Producer: p, Seq: uint64(seq)}
			b.Attempt(&history.Attempt{ID: id, Index: uint64(seq)})
			b.Receipt(&history.Receipt{ID: id, Outcome: o})
		}
		id := message.ID{Producer: p}
		b.Deliveries(0, []history.Delivery{{ID: id}, {ID: id, Redelivered: true}})
	}
	want := Totals{Attempted: 4, Acked: 2, Rejected: 1, Unknown: 1, Delivered: 2, Unique: 1, Owed: 2}
	if f := b.Findings(drained(1)); f.Totals != want {
		t.Errorf("totals %+v, want %+v", f.Totals, want)
	}
}

func TestSentences(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 1268440: "1,268,440", -1234: "-1,234", -123: "-123"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q", n, got)
		}
	}
	got := plural(1, "delivery") + ", " + plural(2000, "delivery") + ", " + plural(2, "message")
	if got != "1 delivery, 2,000 deliveries, 2 messages" {
		t.Error(got)
	}
	for want, p := range map[string]message.Position{
		"shard 3": {}, "position 13,551 of shard 3": {Minor: 13551, Known: true}, "position 5-2 of shard 3": {Major: 5, Minor: 2, Known: true},
	} {
		if got := place(3, p); got != want {
			t.Errorf("place = %q, want %q", got, want)
		}
	}
	names := map[string]bool{}
	for _, c := range Checks() {
		names[c.Name()] = true
		for _, p := range []Params{{}, {Max: 3}, {Scope: PerKey}, {Scope: PerShard}} {
			if g := c.Guarantee(p); !strings.HasSuffix(g, ".") {
				t.Errorf("%s: guarantee %q", c.Name(), g)
			}
		}
	}
	for _, name := range []string{"no-loss", "no-phantom", "no-corruption", "duplicates", "order"} {
		if !names[name] {
			t.Errorf("no check %s", name)
		}
	}
}

// A probe that was acked and never came is a loss, though it is not counted; one that nobody was owed is none.
func TestALostProbeIsALoss(t *testing.T) {
	for _, owed := range []bool{true, false} {
		b := NewBook(Plan{
			Run: 1,
			Producers: []Producer{
				{ID: 1, Name: "p", Topic: "t", Lanes: 1, Counted: true}, {ID: 2, Name: "probe", Topic: "t", Lanes: 1, Owed: owed},
			},
			Groups: []Group{{Name: "g", Topic: "t", Members: 1, Shards: 1, Delivery: AtLeastOnce}},
		})
		for _, id := range []message.ID{{Producer: 1}, {Producer: 2}} {
			b.Attempt(&history.Attempt{ID: id})
			b.Receipt(&history.Receipt{ID: id, Outcome: message.Acked})
		}
		b.Deliveries(0, []history.Delivery{{ID: message.ID{Producer: 1}}})
		v := Judge(noLoss{}, b.Findings(Evidence{Drains: []Drain{{Complete: true}}}), Params{})
		want := Pass
		if owed {
			want = Fail
		}
		if v.Status != want {
			t.Errorf("owed %v: %s: %s", owed, v.Status, v.Why)
		}
	}
}
