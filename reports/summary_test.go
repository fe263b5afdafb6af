package reports_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ordeal/reports"
	"ordeal/reports/reporttest"
)

func TestWorst(t *testing.T) {
	const p, i, f = reports.Pass, reports.Inconclusive, reports.Fail
	for _, c := range []struct {
		given []reports.Verdict
		want  reports.Verdict
	}{
		{nil, i},
		{[]reports.Verdict{p}, p},
		{[]reports.Verdict{p, i}, i},
		{[]reports.Verdict{i, p}, i},
		{[]reports.Verdict{i, f, p}, f},
		{[]reports.Verdict{p, p}, p},
		{[]reports.Verdict{p, "odd"}, i},
		{[]reports.Verdict{""}, i},
	} {
		if got := reports.Worst(c.given...); got != c.want {
			t.Errorf("Worst(%q) is %q, want %q", c.given, got, c.want)
		}
	}
}

func TestFinding(t *testing.T) {
	for _, c := range []struct {
		check reports.Check
		kind  string
		n     int64
	}{
		{reports.Check{Name: "no-loss", Counts: map[string]int64{"lost": 3, "unseen": 9}}, "lost", 3},
		{reports.Check{Name: "no-loss", Counts: map[string]int64{"unseen": 9}}, "unseen", 9},
		{reports.Check{Name: "no-loss"}, "lost", 0},
		{reports.Check{Name: "order: per-key", Counts: map[string]int64{"reordered": 2, "displaced": 5}}, "reordered", 2},
		{reports.Check{Name: "effects", Counts: map[string]int64{"doubled": 4}}, "doubled", 4},
		{reports.Check{Name: "effects", Counts: map[string]int64{"doubled": 4, "none": 1}}, "", 0},
	} {
		if kind, n := c.check.Finding(); kind != c.kind || n != c.n {
			t.Errorf("Finding of %v is %d %q, want %d %q", c.check, n, kind, c.n, c.kind)
		}
	}
}

func TestWorstFirstKeepsTheOrder(t *testing.T) {
	given := []reports.Check{
		{Name: "a", Verdict: reports.Pass}, {Name: "b", Verdict: reports.Fail}, {Name: "c"}, {Name: "d", Verdict: reports.Fail},
	}
	var got string
	for _, c := range reports.WorstFirst(given) {
		got += c.Name
	}
	if got != "bdca" || given[0].Name != "a" {
		t.Errorf("the order is %q, the given one begins with %q", got, given[0].Name)
	}
}

func TestAgainQuotes(t *testing.T) {
	r := reports.Run{Command: "ordeal run steady", Folder: "my runs/it's"}
	if got, want := r.Again()[1].Line, `ordeal check 'my runs/it'\''s'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := (&reports.Run{}).Again(); got != nil {
		t.Errorf("a run without a folder has commands %v", got)
	}
}

// However far a series is folded: nothing offered or received disappears, no peak is flattened, and there are as many points as asked for.
func TestTimelineFolds(t *testing.T) {
	run := reporttest.Crash()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(0, 50).Draw(t, "limit")
		whole, got := run.Timeline(0), run.Timeline(limit)
		if limit > 0 && len(got.Points) > limit {
			t.Fatalf("%d points, want at most %d", len(got.Points), limit)
		}
		if len(got.Heat.Cells) != len(got.Points) {
			t.Fatalf("%d rows of the heat map for %d points", len(got.Heat.Cells), len(got.Points))
		}
		worst := func(tl reports.Timeline) (p99, backlog, cells int64) {
			for i, s := range tl.Points {
				p99, backlog = max(p99, s.P99), max(backlog, s.Backlog)
				for _, n := range tl.Heat.Cells[i] {
					cells += n
				}
			}
			return p99, backlog, cells
		}
		a, b, c := worst(whole)
		x, y, z := worst(got)
		if a != x || b != y || c != z {
			t.Fatalf("p99, backlog, cells are %d %d %d, folded %d %d %d", a, b, c, x, y, z)
		}
	})
}

func TestFactsAreInOrder(t *testing.T) {
	f := reporttest.Crash().Faults[0]
	if got, want := f.Facts()[:3], []string{"old pid", "exit", "new pid"}; !slices.Equal(got, want) {
		t.Errorf("evidence begins with %q, want %q", got, want)
	}
}
