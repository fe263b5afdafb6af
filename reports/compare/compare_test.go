package compare_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ordeal/reports"
	"ordeal/reports/compare"
	"ordeal/reports/html"
	"ordeal/reports/markdown"
	"ordeal/reports/reporttest"
	"ordeal/reports/text"
)

// made compares the runs of a case.
func made(t *testing.T, name string, unequal bool) *compare.Comparison {
	t.Helper()
	for _, set := range reporttest.Compared() {
		if set.Name != name {
			continue
		}
		c, err := compare.New(set.Runs, compare.Options{
			ID: "20261121T105000Z-0000beef", Folder: "runs/compare/20261121T105000Z-0000beef", Command: "ordeal run " + name, Unequal: unequal,
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Fatalf("there is no case %q", name)
	return nil
}

func TestGolden(t *testing.T) {
	bulk := regexp.MustCompile(`(?s)<style>.*?</style>|<script.*?</script>|sha256-[^;]*(&#43;[^;]*)*;`)
	for _, set := range reporttest.Compared() {
		t.Run(set.Name, func(t *testing.T) {
			c := made(t, set.Name, false)
			for file, r := range map[string]compare.Renderer{
				".txt": text.Renderer{}, "-80.txt": text.Renderer{Width: 80, ASCII: true}, ".md": markdown.Renderer{}, ".html": html.Renderer{},
			} {
				var got bytes.Buffer
				if err := r.Comparison(&got, c); err != nil {
					t.Fatal(err)
				}
				words := bulk.ReplaceAll(got.Bytes(), []byte("…"))
				whole(t, string(words))
				reporttest.Golden(t, "testdata/"+set.Name+file, words)
				if n := strings.Count(got.String(), "<script"); file == ".html" && n != 2 {
					t.Errorf("%d scripts, want the curves and our own", n)
				}
				if lines := strings.Count(got.String(), "\n"); file == ".md" && lines >= 60 {
					t.Errorf("%d lines of Markdown", lines)
				}
			}
		})
	}
}

// whole holds a rendering against what must never be in one.
func whole(t *testing.T, got string) {
	t.Helper()
	for _, bad := range []string{"NaN", "Inf", "%!", "<nil>", "ZgotmplZ", "\x1b", "\u202e"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q in the comparison", bad)
		}
	}
}

func TestFileReadsBack(t *testing.T) {
	for _, set := range reporttest.Compared() {
		c := made(t, set.Name, false)
		path := filepath.Join(t.TempDir(), "comparison.json")
		if err := compare.Write(path, c); err != nil {
			t.Fatal(err)
		}
		back, err := compare.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Figures {
			if !reflect.DeepEqual(back.Figures[i].Values, c.Figures[i].Values) {
				t.Errorf("%s: values of %s read back differ", set.Name, c.Figures[i].Key)
			}
		}
		if back.Schema != compare.Schema || len(back.Targets) != len(c.Targets) {
			t.Errorf("%s: read back %q with %d targets", set.Name, back.Schema, len(back.Targets))
		}
	}
	path := filepath.Join(t.TempDir(), "run.json")
	if err := os.WriteFile(path, []byte(`{"schema":"ordeal.run/1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := compare.Read(path); !errors.Is(err, reports.ErrSchema) {
		t.Errorf("a run is read as a comparison: %v", err)
	}
}

func TestWhoIsRanked(t *testing.T) {
	c := made(t, "brokers", false)
	ranked := map[string]bool{}
	for _, target := range c.Targets {
		ranked[target.Name] = target.Ranked
	}
	if want := map[string]bool{"nats:3": true, "kafka:3": true, "rabbitmq:3": true, "redis:2": false, "redis": true}; !reflect.DeepEqual(ranked, want) {
		t.Errorf("ranked are %v, want %v", ranked, want)
	}
	for _, f := range c.Figures {
		for _, p := range f.Pairs {
			if p.A == "D" || p.B == "D" || p.A == "E" || p.B == "E" || p.Unequal {
				t.Errorf("%s compares %s with %s", f.Key, p.A, p.B)
			}
		}
	}
	away := figure(t, c, "fault.gap.whole")
	if got := ranks(away); !slices.Equal(got, []int{1, 2, 3, 0, 0}) {
		t.Errorf("ranks of time away are %v", got)
	}
	// nats and rabbitmq differ by 2 % under noise of 6 %: they share the first place.
	if got := ranks(figure(t, c, "steady.end_to_end.p99")); !slices.Equal(got, []int{1, 3, 1, 0, 0}) {
		t.Errorf("ranks of latency are %v", got)
	}
	if failed := c.Targets[3]; len(failed.Runs) != 5 || failed.Runs[1].Counted || !failed.Runs[0].Counted || failed.Verdict != reports.Fail {
		t.Errorf("the runs of the failing target are %+v", failed.Runs)
	}
	if c.Verdict != reports.Fail {
		t.Errorf("the verdict is %s", c.Verdict)
	}
}

// changed compares the runs of the case brokers after a change.
func changed(t *testing.T, unequal bool, change func(r *reports.Run)) *compare.Comparison {
	t.Helper()
	for _, set := range reporttest.Compared() {
		if set.Name != "brokers" {
			continue
		}
		var runs []*reports.Run
		for _, r := range set.Runs {
			own := *r
			change(&own)
			runs = append(runs, &own)
		}
		c, err := compare.New(runs, compare.Options{Unequal: unequal})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Fatal("there is no such case")
	return nil
}

// A run that the target itself made inconclusive costs it the ranking, one that the machine did does not, but is told.
func TestInconclusiveRuns(t *testing.T) {
	for _, test := range []struct {
		why    string // it loses the ranking; empty where it does not
		strike func(r *reports.Run)
	}{
		{"", func(r *reports.Run) { r.Drains = []reports.Drain{{Group: "payment", Complete: true}} }},
		{"", func(r *reports.Run) { r.Gates = []reports.Gate{{Verdict: reports.Inconclusive, Met: true}} }},
		{"1 of 5 runs were not drained", func(r *reports.Run) { r.Drains = []reports.Drain{{Group: "payment"}} }},
		{"in 1 of 5 runs it did not come back from a fault", func(r *reports.Run) { r.Faults = []reports.Fault{{Verdict: reports.Fail}} }},
		{"1 of 5 runs missed a gate, by what may have been ordeal's own doing", func(r *reports.Run) {
			r.Gates = []reports.Gate{{Verdict: reports.Inconclusive}}
		}},
		{"", func(r *reports.Run) { r.Interrupted, r.Drains = true, []reports.Drain{{Group: "payment"}} }},
	} {
		once := false
		c := changed(t, false, func(r *reports.Run) {
			if r.Target.Name == "nats:3" && !once {
				once, r.Verdict, r.Drains = true, reports.Inconclusive, nil
				test.strike(r)
			}
		})
		if got := c.Targets[0]; got.Ranked != (test.why == "") || got.Why != test.why {
			t.Errorf("ranked %v, because %q; expected %q", got.Ranked, got.Why, test.why)
		}
		told := slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, "1 run was inconclusive and not counted") })
		if told != (test.why == "") {
			t.Errorf("%q: the notes are %q", test.why, c.Notes)
		}
	}
}

// The latencies of a closed loop are its window divided by its rate: they are shown as what they are, and nobody is ranked by them.
func TestClosedLoopsAreNotRankedByLatency(t *testing.T) {
	for _, closed := range []bool{false, true} {
		c := changed(t, false, func(r *reports.Run) {
			r.Phases = slices.Clone(r.Phases)
			for i := range r.Phases {
				if closed {
					r.Phases[i].OfferedRate = -1
				}
			}
		})
		latencies := 0
		for _, f := range c.Figures {
			if strings.Contains(f.Key, "ack.p") || strings.Contains(f.Key, "end_to_end.p") {
				latencies++
			}
		}
		noted := slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, reports.ClosedNote) })
		if closed != (latencies == 0) || closed != noted || closed != c.Closed {
			t.Errorf("closed %v: %d figures of latency, noted %v, %v", closed, latencies, noted, c.Closed)
		}
		figure(t, c, "steady.received_rate")
	}
}

// Ten pairs of five runs a side can show no difference, however large: that is said, and not that there is none.
func TestTooManyPairs(t *testing.T) {
	c := changed(t, true, func(r *reports.Run) { r.Verdict = reports.Pass })
	for _, f := range c.Figures {
		for _, p := range f.Pairs {
			if p.Significant || p.Low != nil {
				t.Errorf("%s: %+v", f.Key, p)
			}
		}
	}
	if !strings.Contains(c.Headline, "no difference is claimed") {
		t.Errorf("the headline is %q", c.Headline)
	}
	if !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, "use --repeat 6 or more") }) {
		t.Errorf("the notes are %q", c.Notes)
	}
}

func TestUnequalIsMarked(t *testing.T) {
	c := made(t, "brokers", true)
	p, ok := figure(t, c, "fault.gap.whole").Against("A", "E")
	if !ok || !p.Unequal || !p.Significant || p.Estimate > 0.5 || !strings.HasSuffix(figure(t, c, "fault.gap.whole").Say(p), "unequal guarantees") {
		t.Errorf("got %+v", p)
	}
	if !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, "ranked together because --unequal") }) {
		t.Errorf("the notes do not say so: %q", c.Notes)
	}
	if q, _ := figure(t, c, "fault.gap.whole").Against("E", "A"); q.Estimate != 1/p.Estimate || *q.Low != 1 / *p.High {
		t.Errorf("turned it is %+v", q)
	}
}

func TestFewRunsClaimNothing(t *testing.T) {
	c := made(t, "anecdote", false)
	for _, f := range c.Figures {
		for _, p := range f.Pairs {
			if p.Significant || !p.Anecdotal || p.Low != nil {
				t.Errorf("%s: %+v", f.Key, p)
			}
		}
		if got := ranks(&f); slices.Max(got) != 0 {
			t.Errorf("%s: ranks %v", f.Key, got)
		}
	}
	if !strings.Contains(c.Headline, "anecdote") {
		t.Errorf("the headline is %q", c.Headline)
	}
}

// Where no two targets give the same guarantee nothing is compared, and more runs would not change that.
func TestNoAdviceWhereNothingIsCompared(t *testing.T) {
	advised := func(c *compare.Comparison) bool {
		return slices.ContainsFunc(c.Notes, func(n string) bool { return strings.Contains(n, "--repeat") })
	}
	if c := made(t, "anecdote", false); !advised(c) {
		t.Errorf("two targets that were run twice: %q", c.Notes)
	}
	own := func(name string, keep int) (runs []*reports.Run) { // all but the first targets, so many, have guarantees of their own
		for _, set := range reporttest.Compared() {
			if set.Name != name {
				continue
			}
			seen := map[string]int{}
			for _, r := range set.Runs {
				changed := *r
				if _, known := seen[r.Target.Name]; !known {
					seen[r.Target.Name] = len(seen)
				}
				if seen[r.Target.Name] >= keep {
					changed.Target.Guarantee += " by " + r.Target.Name
				}
				runs = append(runs, &changed)
			}
		}
		return runs
	}
	c, err := compare.New(own("anecdote", 0), compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Groups) != 2 || advised(c) {
		t.Errorf("%d groups, notes %q", len(c.Groups), c.Notes)
	}
	// A third one, of another guarantee, passed once: that is no matter of the two that are compared.
	runs, third := own("brokers", 2), 0
	for _, r := range runs {
		if r.Target.Name == "rabbitmq:3" {
			if third++; third > 1 {
				r.Verdict = reports.Inconclusive
			}
		}
	}
	if c, err = compare.New(runs, compare.Options{}); err != nil {
		t.Fatal(err)
	}
	if third != 5 || advised(c) {
		t.Errorf("%d runs of the third, notes %q", third, c.Notes)
	}
}

// What is late is read off the curve: of 100 messages with latencies of 1 to 100 times 20 ms, those above the 50th.
func TestLate(t *testing.T) {
	set := reporttest.Compared()[2].Runs
	for _, r := range set {
		for i := range r.Phases {
			if p := &r.Phases[i]; p.Name == "fault" {
				p.EndToEnd.Count, p.EndToEnd.Max = 100, 2_000_000_000
			}
		}
		for i := range r.Curves {
			if cv := &r.Curves[i]; cv.Phase == "fault" && cv.Metric == "end_to_end" {
				cv.Points = nil
				for n := range 101 {
					cv.Points = append(cv.Points, reports.Point{Quantile: float64(n) / 100, Value: int64(n) * 20_000_000})
				}
			}
		}
	}
	c, err := compare.New(set, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if v := figure(t, c, "fault.late").Values[0]; v.Median != 50 {
		t.Errorf("%v of 100 were late", v.Median)
	}
}

func TestLinksLeadToTheRuns(t *testing.T) {
	c := made(t, "spread", false)
	want := "../../broker-crash/20261121T104200Z-7f3a0000"
	if got := c.Targets[0].Runs[0].Path; got != want {
		t.Errorf("the link is %q, want %q", got, want)
	}
}

func TestScenariosAreNotMixed(t *testing.T) {
	if _, err := compare.New([]*reports.Run{reporttest.Crash(), reporttest.Lost()}, compare.Options{}); err == nil {
		t.Error("runs of two scenarios were compared")
	}
	if _, err := compare.New(nil, compare.Options{}); err == nil {
		t.Error("nothing was compared")
	}
}

func figure(t *testing.T, c *compare.Comparison, key string) *compare.Figure {
	t.Helper()
	for i := range c.Figures {
		if c.Figures[i].Key == key {
			return &c.Figures[i]
		}
	}
	t.Fatalf("there is no figure %q", key)
	return nil
}

func ranks(f *compare.Figure) []int {
	var out []int
	for _, v := range f.Values {
		out = append(out, v.Rank)
	}
	return out
}
