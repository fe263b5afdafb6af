package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"ordeal/drivers/memory"
	"ordeal/scenarios"
)

// How many processors a run gets follows from what it offers, and from what the machine has.
func TestProcessors(t *testing.T) {
	const consumer = "consumers: {c: {from: t}}\n"
	for _, tt := range []struct {
		name, producers, consumers string
		have, want                 int
	}{
		{"moderate", "{p: {to: t, rate: 20k/s, size: 100B}}", consumer, 8, 1},
		{"just too much for one", "{p: {to: t, rate: 26k/s, size: 100B}}", consumer, 8, 2},
		{"nobody receives", "{p: {to: t, rate: 50k/s, size: 100B}}", "", 8, 1},
		{"three groups", "{p: {to: t, rate: 20k/s, size: 100B}}", "consumers: {a: {from: t}, b: {from: t}, c: {from: t}}\n", 8, 2},
		{"two entries", "{p: {to: t, rate: 20k/s, size: 100B}, q: {to: t, rate: 20k/s, size: 100B}}", consumer, 8, 2},
		{"large bodies", "{p: {to: t, rate: 100/s, size: 1MiB}}", consumer, 8, 7},
		{"the highest rate counts", "{p: {to: t, rate: {from: 1/s, to: 100k/s, over: 1s}, size: 100B}}", consumer, 8, 4},
		{"no more than there are", "{p: {to: t, rate: 1M/s, size: 100B}}", consumer, 2, 2},
		{"a closed loop has to show", "{p: {to: t, rate: max, size: 100B}, q: {to: t, rate: 1/s, size: 100B}}", consumer, 8, 0},
		{"hardly anything", "{p: {to: t, rate: 1/s, size: 100B}}", consumer, 1, 1},
	} {
		path := filepath.Join(t.TempDir(), "scenario.yaml")
		text := "version: 1\nname: test\ntopics: {t: {}}\nproducers: " + tt.producers + "\n" + tt.consumers + "phases: [{name: only, for: 1s}]\nchecks: []\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		o := options(t, memory.New(), "memory", path)
		p, err := newPlan(&o, 1)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := p.processors(tt.have); got != tt.want {
			t.Errorf("%s: %d of %d processors, want %d", tt.name, got, tt.have, tt.want)
		}
	}
}

// A run of a broker in ordeal itself leaves them alone, and so does one whose user has set GOMAXPROCS.
func TestProcessorsAreGivenBack(t *testing.T) {
	have := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(have)
	runtime.GOMAXPROCS(3)
	x := &execution{plan: &plan{scenario: &scenarios.Scenario{}}}
	x.Target = Target{Driver: "nats", Servers: []string{"127.0.0.1:4222"}}
	restore := x.narrow()
	if got := runtime.GOMAXPROCS(0); got != 1 {
		t.Errorf("a run that offers nothing has %d processors", got)
	}
	restore()
	if got := runtime.GOMAXPROCS(0); got != 3 {
		t.Errorf("%d processors are left, of 3", got)
	}
	t.Setenv("GOMAXPROCS", "3")
	restore = x.narrow()
	if got := runtime.GOMAXPROCS(0); got != 3 {
		t.Errorf("a user who asked for 3 processors has %d", got)
	}
	restore()
}
