package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ordeal/reports"
)

// passed is a run that has nothing to be ashamed of.
func passed() *reports.Run {
	return &reports.Run{
		Counts:  reports.Counts{Attempted: 1000, Acked: 1000, Owed: 1000, Delivered: 1000, Unique: 1000},
		Checks:  []reports.Check{{Name: "no-loss", Verdict: reports.Pass}, {Name: "no-corruption", Verdict: reports.Pass}},
		Phases:  []reports.Phase{{Name: "steady", Recorded: true, Seconds: 1}},
		Faults:  []reports.Fault{{Kind: "process.kill", Target: "any", Phase: "steady", Verdict: reports.Pass}},
		Gates:   []reports.Gate{{Expr: "steady.ack.p99 < 1s", Verdict: reports.Pass, Met: true}},
		Drains:  []reports.Drain{{Group: "payment", Complete: true}},
		Harness: reports.Harness{Verdict: reports.Pass},
	}
}

// blow is one thing that goes wrong with a run.
type blow struct {
	name    string
	exit    int
	verdict reports.Verdict
	reason  string
	strike  func(r *reports.Run) error
}

func blows() []blow {
	nothing := func(f func(r *reports.Run)) func(*reports.Run) error {
		return func(r *reports.Run) error { f(r); return nil }
	}
	return []blow{
		{
			"interrupted", ExitInterrupted, reports.Inconclusive, "interrupted by the user",
			nothing(func(r *reports.Run) { r.Interrupted = true }),
		},
		{
			"a bug", ExitBug, reports.Inconclusive, "a pointer to nowhere",
			func(*reports.Run) error { return errors.New("a pointer to nowhere") },
		},
		{
			"environment", ExitEnvironment, reports.Inconclusive, "no broker",
			func(*reports.Run) error { return environment(errors.New("no broker")) },
		},
		{
			"something left behind", ExitEnvironment, reports.Inconclusive, "remove the cluster: permission denied",
			nothing(func(r *reports.Run) { r.LeftBehind = "remove the cluster: permission denied" }),
		},
		{
			"a fault not undone", ExitEnvironment, reports.Inconclusive, "process.kill on any: It could not be undone",
			nothing(func(r *reports.Run) {
				r.Faults[0].Verdict, r.Faults[0].Why, r.Faults[0].NotUndone = reports.Fail, "It could not be undone.", true
			}),
		},
		{
			"a target that did not come back", ExitEnvironment, reports.Inconclusive, "process.kill on any: The target did not come back",
			nothing(func(r *reports.Run) {
				r.Faults[0].Verdict, r.Faults[0].Why = reports.Fail, "The target did not come back."
			}),
		},
		{
			"a check failed", ExitFail, reports.Fail, "no-loss: 3 lost",
			nothing(func(r *reports.Run) { r.Checks[0].Verdict, r.Checks[0].Why = reports.Fail, "3 lost." }),
		},
		{
			"a gate missed", ExitGate, reports.Fail, "gate steady.ack.p99 < 1s: it was 2s",
			nothing(func(r *reports.Run) { r.Gates[0].Verdict, r.Gates[0].Why = reports.Fail, "it was 2s." }),
		},
		{
			"a check without evidence", ExitInconclusive, reports.Inconclusive, "no-loss: nothing was acked",
			nothing(func(r *reports.Run) {
				r.Checks[0].Verdict, r.Checks[0].Why = reports.Inconclusive, "nothing was acked."
			}),
		},
		{
			"a fault without evidence", ExitInconclusive, reports.Inconclusive, "process.kill on any: no evidence",
			nothing(func(r *reports.Run) { r.Faults[0].Verdict, r.Faults[0].Why = reports.Inconclusive, "no evidence." }),
		},
		{
			"a gate without samples", ExitInconclusive, reports.Inconclusive, "gate steady.ack.p99 < 1s: not measured",
			nothing(func(r *reports.Run) { r.Gates[0].Verdict, r.Gates[0].Why = reports.Inconclusive, "not measured." }),
		},
		{
			"not drained", ExitInconclusive, reports.Inconclusive, "group payment was not drained: it took too long",
			nothing(func(r *reports.Run) { r.Drains[0] = reports.Drain{Group: "payment", Why: "it took too long"} }),
		},
		{
			"generator-bound", ExitInconclusive, reports.Inconclusive, "generator-bound: late",
			nothing(func(r *reports.Run) { r.Harness.Verdict, r.Harness.Why = reports.Inconclusive, "generator-bound: late" }),
		},
		{
			"history cut", ExitInconclusive, reports.Inconclusive, "history cut: disk full",
			nothing(func(r *reports.Run) { r.Harness.HistoryCut = "disk full" }),
		},
		{
			"unsent", ExitInconclusive, reports.Inconclusive, "12 messages that were due were never sent",
			nothing(func(r *reports.Run) { r.Counts.Unsent = 12 }),
		},
		{
			"nothing acked", ExitInconclusive, reports.Inconclusive, "no message was acked",
			nothing(func(r *reports.Run) { r.Counts.Acked = 0 }),
		},
	}
}

func TestDecide(t *testing.T) {
	r := passed()
	decide(r)
	if r.Exit != ExitPass || r.Verdict != reports.Pass || len(r.Reasons) != 0 || !strings.HasPrefix(r.Headline, "All 1,000 acknowledged") {
		t.Errorf("a flawless run is exit %d, %s, %q: %s", r.Exit, r.Verdict, r.Reasons, r.Headline)
	}
	for _, b := range blows() {
		t.Run(b.name, func(t *testing.T) {
			r := passed()
			decide(r, b.strike(r), nil)
			if r.Exit != b.exit || r.Verdict != b.verdict {
				t.Errorf("exit %d, %s, expected %d, %s", r.Exit, r.Verdict, b.exit, b.verdict)
			}
			if len(r.Reasons) != 1 || !strings.HasPrefix(r.Reasons[0], b.reason) || strings.HasSuffix(r.Reasons[0], ".") {
				t.Errorf("reasons %q, expected %q", r.Reasons, b.reason)
			}
			if r.Headline == "" || !strings.HasSuffix(r.Headline, ".") || strings.HasSuffix(r.Headline, "..") {
				t.Errorf("the headline is no sentence: %q", r.Headline)
			}
			before := *r
			if decide(r, b.strike(r)); r.Exit != before.Exit || !slices.Equal(r.Reasons, before.Reasons) {
				t.Errorf("deciding twice gives exit %d %q, before %d %q", r.Exit, r.Reasons, before.Exit, before.Reasons)
			}
		})
	}
}

// The same order holds for several runs: what one of them has proven is not hidden by another that could not begin.
func TestWorseExit(t *testing.T) {
	rank := []int{ExitPass, ExitInconclusive, ExitGate, ExitEnvironment, ExitFail, ExitUsage, ExitBug, ExitInterrupted}
	for i, a := range rank {
		for j, b := range rank {
			if got := WorseExit(a, b); got != rank[max(i, j)] {
				t.Errorf("of %d and %d the worse is %d, expected %d", a, b, got, rank[max(i, j)])
			}
		}
	}
}

// Of two things that go wrong the graver decides the exit code, whichever is found first, and both are told.
func TestTheGraverDecides(t *testing.T) {
	rank := []int{ExitInterrupted, ExitBug, ExitFail, ExitEnvironment, ExitGate, ExitInconclusive}
	for _, a := range blows() {
		for _, b := range blows() {
			if word, _, _ := strings.Cut(a.reason, ":"); strings.HasPrefix(b.reason, word+":") || a.name == b.name {
				continue // the same check, gate or fault cannot have two verdicts
			}
			r := passed()
			decide(r, a.strike(r), b.strike(r))
			want := rank[min(slices.Index(rank, a.exit), slices.Index(rank, b.exit))]
			if r.Faults[0].NotUndone && want != ExitBug {
				want = ExitEnvironment
				if !strings.Contains(r.Headline, "could not be undone") {
					t.Errorf("%s and %s: the headline does not say what has to be done: %s", a.name, b.name, r.Headline)
				}
			}
			if r.Exit != want {
				t.Errorf("%s and %s: exit %d, expected %d", a.name, b.name, r.Exit, want)
			}
			if r.Verdict != reports.Worst(a.verdict, b.verdict) {
				t.Errorf("%s and %s: %s", a.name, b.name, r.Verdict)
			}
		}
	}
}

func TestHeadline(t *testing.T) {
	tests := []struct {
		name   string
		change func(r *reports.Run)
		want   string
	}{
		{
			"pass, and how long it was away", func(r *reports.Run) { r.Phases[0].GapMax = int64(3 * time.Second) },
			"All 1,000 acknowledged messages arrived, whole and as promised. Nothing was received for up to 3 s around process.kill.",
		},
		{
			"a short gap is not worth a word", func(r *reports.Run) { r.Phases[0].GapMax = int64(99 * time.Millisecond) },
			"All 1,000 acknowledged messages arrived, whole and as promised.",
		},
		{
			"as long as it was, also beyond the phase", func(r *reports.Run) {
				r.Phases[0].GapMax, r.Phases[0].GapWhole = int64(3*time.Second), int64(9*time.Second)
			},
			"All 1,000 acknowledged messages arrived, whole and as promised. Nothing was received for up to 9 s around process.kill.",
		},
		{
			"nobody asked whether they were whole", func(r *reports.Run) { r.Checks = r.Checks[:1] },
			"All 1,000 acknowledged messages arrived; whether they were whole was not asked.",
		},
		{
			"nobody asked whether they arrived", func(r *reports.Run) { r.Checks = []reports.Check{{Name: "order: per-shard", Verdict: reports.Pass}} },
			"1,000 messages were acknowledged, and every check passed; whether all of them arrived was not asked.",
		},
		{
			"a topic that nobody reads", func(r *reports.Run) { r.Counts.Owed = 600 },
			"All 600 acknowledged messages that somebody reads arrived, whole and as promised. Nobody reads the other 400.",
		},
		{
			"a run without checks claims no arrival", func(r *reports.Run) { r.Checks = nil },
			"1,000 messages were acknowledged; the scenario checks nothing, so nothing is known of what became of them.",
		},
		{"the failed check, though a gate failed too", func(r *reports.Run) {
			r.Gates[0].Verdict, r.Gates[0].Why = reports.Fail, "slow"
			r.Checks[0].Verdict, r.Checks[0].Why = reports.Fail, "3 of 1,000 never came."
		}, "3 of 1,000 never came."},
		{
			"the missed gate", func(r *reports.Run) { r.Gates[0].Verdict, r.Gates[0].Why = reports.Fail, "it was 2s." },
			"gate steady.ack.p99 < 1s: it was 2s.",
		},
		{
			"inconclusive", func(r *reports.Run) { r.Harness.HistoryCut = "disk full" },
			"Nothing can be concluded: history cut: disk full.",
		},
		{
			"a question", func(r *reports.Run) { r.Harness.HistoryCut = "is the disk full?" },
			"Nothing can be concluded: history cut: is the disk full?",
		},
		{
			"interrupted, whatever was not measured because of that", func(r *reports.Run) {
				r.Interrupted = true
				r.Gates[0].Verdict, r.Gates[0].Why = reports.Inconclusive, "it was not measured"
			},
			"Interrupted by the user: nothing can be concluded. Until then 1,000 messages were acknowledged.",
		},
		{"a check failed in a run that was interrupted", func(r *reports.Run) {
			r.Interrupted = true
			r.Checks[0].Verdict, r.Checks[0].Why = reports.Fail, "3 of 1,000 never came."
		}, "3 of 1,000 never came."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := passed()
			test.change(r)
			if decide(r); r.Headline != test.want {
				t.Errorf("%q, expected %q", r.Headline, test.want)
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	if ExitCode(nil) != 0 || ExitCode(errors.New("what?")) != ExitBug {
		t.Error("no error is a pass, and one that does not say is a bug")
	}
	if ExitCode(errors.Join(errors.New("what?"), environment(errors.New("no broker")))) != ExitEnvironment {
		t.Error("an error that is joined to others keeps its code")
	}
	if ExitCode(usage(errors.New("typo"))) != ExitUsage {
		t.Error("the user's mistake is 64")
	}
}

// What was turned away is told in the headline of a run that passed: checks are about what was acked.
func TestHeadlineTellsWhatWasTurnedAway(t *testing.T) {
	for _, test := range []struct {
		rejected, unknown int64
		tail              string
	}{
		{0, 0, "whole and as promised."},
		{1200, 0, "promised. The broker rejected 1,200 more."},
		{0, 7, "promised. The broker never said what became of 7 more."},
		{3, 4, "promised. The broker rejected 3 more, and never said what became of 4."},
	} {
		r := passed()
		r.Counts.Rejected, r.Counts.Unknown = test.rejected, test.unknown
		decide(r)
		if r.Verdict != reports.Pass || !strings.HasSuffix(r.Headline, test.tail) {
			t.Errorf("%d rejected, %d unknown: %s %s", test.rejected, test.unknown, r.Verdict, r.Headline)
		}
	}
}
