package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"ordeal/drivers/memory"
	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/message"
	"ordeal/reports"
)

// Every lie of the memory broker is found, with the exact messages and nothing else, by the run itself and when it is judged again.
func TestEveryLieIsFound(t *testing.T) {
	tests := []struct {
		lie   memory.Kind
		check string
		kind  string
		count string
	}{
		{memory.Lose, "no-loss", "lost", "lost"},
		{memory.Duplicate, "duplicates", "duplicated", "duplicated"},
		{memory.Reorder, "order: per-key", "reordered", "reordered"},
		{memory.Corrupt, "no-corruption", "corrupted", "corrupted"},
		{memory.Phantom, "no-phantom", "phantom", "phantom"},
		{memory.Resurrect, "no-phantom", "phantom", "phantom"},
		{memory.Withhold, "no-loss", "lost", "lost"},
	}
	for _, test := range tests {
		t.Run(test.lie.String(), func(t *testing.T) {
			d := memory.New()
			target := fmt.Sprintf("memory?%s=5&spread=200&seed=11", test.lie)
			r := run(t, options(t, d, target, "steady", short()...))
			if len(d.Lies()) != 5 {
				t.Fatalf("the broker told %d lies, expected 5", len(d.Lies()))
			}
			if r.Exit != ExitFail || r.Verdict != reports.Fail {
				t.Errorf("exit %d, verdict %s: %s", r.Exit, r.Verdict, r.Headline)
			}
			for i := range r.Checks {
				if c := &r.Checks[i]; c.Name != test.check && c.Verdict != reports.Pass {
					t.Errorf("%s is %s though nobody lied about it: %s", c.Name, c.Verdict, c.Why)
				}
			}
			c := checkNamed(t, r, test.check)
			if c.Verdict != reports.Fail || c.Counts[test.count] != 5 || len(c.Examples) != 5 {
				t.Errorf("%s is %s with %v and %d examples, expected 5", c.Name, c.Verdict, c.Counts, len(c.Examples))
			}
			var found []string
			for _, e := range c.Examples {
				if e.Kind != test.kind {
					t.Errorf("%s is called %s, expected %s", e.Message, e.Kind, test.kind)
				}
				found = append(found, e.Message)
			}
			if test.lie != memory.Phantom { // an invented body names nobody
				if want := liesNamed(t, r.Folder, d.Lies()); !sameSet(found, want) {
					t.Errorf("found %q, the broker lied about %q", found, want)
				}
			}
			sameWhenJudgedAgain(t, r)
		})
	}
}

// liesNamed gives the names of the messages that were lied about.
func liesNamed(t *testing.T, folder string, lies []memory.Lie) []string {
	t.Helper()
	plan := planOf(t, folder)
	var names []string
	for _, l := range lies {
		var s message.Stamp
		if status := message.Parse(l.Body, plan.Run, &s); status != message.Whole {
			t.Fatalf("the broker lied about a body that is no message: %v", status)
		}
		names = append(names, plan.MessageName(s.ID))
	}
	return names
}

func planOf(t *testing.T, folder string) judge.Plan {
	t.Helper()
	reader, err := history.Open(filepath.Join(folder, "history.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() //nolint:errcheck // only read
	var plan judge.Plan
	if err := json.Unmarshal(reader.Header().Plan, &plan); err != nil {
		t.Fatal(err)
	}
	return plan
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// sameWhenJudgedAgain holds a run against what Check says of it: verdict, exit code, checks with their examples, counts, reasons.
func sameWhenJudgedAgain(t *testing.T, r *reports.Run) {
	t.Helper()
	again, err := Check(r.Folder, judge.Checks())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "again.json") // so that both have gone through a file
	if err := reports.Write(file, again); err != nil {
		t.Fatal(err)
	}
	if again, err = reports.Read(file); err != nil {
		t.Fatal(err)
	}
	saved, err := reports.Read(filepath.Join(r.Folder, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if again.Exit != saved.Exit || again.Verdict != saved.Verdict || again.Headline != saved.Headline {
		t.Errorf("judged again it is exit %d %s %q, the run said exit %d %s %q",
			again.Exit, again.Verdict, again.Headline, saved.Exit, saved.Verdict, saved.Headline)
	}
	if !reflect.DeepEqual(again.Counts, saved.Counts) {
		t.Errorf("judged again it counts %+v, the run %+v", again.Counts, saved.Counts)
	}
	if !slices.Equal(again.Reasons, saved.Reasons) {
		t.Errorf("judged again the reasons are %q, the run's %q", again.Reasons, saved.Reasons)
	}
	for i := range saved.Checks {
		if !reflect.DeepEqual(again.Checks[i], saved.Checks[i]) {
			t.Errorf("judged again %s says\n%+v\nthe run\n%+v", saved.Checks[i].Name, again.Checks[i], saved.Checks[i])
		}
	}
}

// A broker that does not lie passes, and leaves a folder with everything in it.
func TestHonestRun(t *testing.T) {
	d := memory.New()
	o := options(t, d, "memory", "steady", short()...)
	o.Renderers = []reports.Renderer{reports.JSON{}}
	r := run(t, o)
	if r.Exit != ExitPass || r.Verdict != reports.Pass {
		t.Errorf("exit %d, %s: %s %q", r.Exit, r.Verdict, r.Headline, r.Reasons)
	}
	if r.Counts.Attempted != 2500 || r.Counts.Acked != 2500 || r.Counts.Unique != 2500 || r.Counts.Delivered != 2500 {
		t.Errorf("counts %+v, expected 2500 of each", r.Counts)
	}
	for _, name := range []string{"run.json", "scenario.yaml", "events.ndjson", "history.bin", "latency.hlog", "series.csv", "undo.json"} {
		if info, err := os.Stat(filepath.Join(r.Folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty: %v", name, err)
		}
	}
	if !o.Watch.(*watcher).planned {
		t.Error("the watcher was not told of the plan")
	}
	sameWhenJudgedAgain(t, r)
}

// One seed makes one run: the same messages, of the same sizes and keys, are lied about.
func TestSeedRepeatsARun(t *testing.T) {
	names := func(seed uint64) ([]string, []int) {
		d := memory.New()
		sets := append(short(), "producers.checkout.count=1", "producers.checkout.size=100B..900B")
		o := options(t, d, "memory?lose=10&spread=100", "steady", sets...)
		o.Seed = seed
		r := run(t, o)
		var sizes []int
		for _, l := range d.Lies() {
			sizes = append(sizes, len(l.Body))
		}
		return liesNamed(t, r.Folder, d.Lies()), sizes
	}
	a, sizesA := names(3)
	b, sizesB := names(3)
	c, sizesC := names(4)
	if !slices.Equal(a, b) || !slices.Equal(sizesA, sizesB) {
		t.Errorf("one seed made %q of sizes %v, then %q of sizes %v", a, sizesA, b, sizesB)
	}
	if slices.Equal(a, c) || slices.Equal(sizesA, sizesC) {
		t.Errorf("two seeds made the same: %q of sizes %v", a, sizesA)
	}
}
