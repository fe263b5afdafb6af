package engine

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordeal/drivers"
	"ordeal/drivers/memory"
	"ordeal/faults"
	"ordeal/faults/network"
	"ordeal/faults/process"
	"ordeal/internal/judge"
	"ordeal/reports"
	"ordeal/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func kinds() []faults.Kind {
	return []faults.Kind{process.Kill(), process.Pause(), process.Stop(), network.Latency(), network.Reset(), network.Blackhole()}
}

// vocabulary is what the scenarios of these tests can talk about.
func vocabulary() scenarios.Vocabulary {
	return scenarios.Vocabulary{
		Drivers: map[string][]drivers.Option{"memory": memory.New().Options(), "nats": nil}, Faults: kinds(),
		Checks: []scenarios.CheckDecl{
			{Name: "no-loss"},
			{Name: "no-phantom"},
			{Name: "no-corruption"},
			{Name: "duplicates", Bare: "max", Params: []drivers.Option{{Name: "max", Kind: drivers.KindInt, Default: "0"}}},
			{Name: "order", Bare: "scope", Params: []drivers.Option{
				{Name: "scope", Kind: drivers.KindEnum, Values: []string{"per-shard", "per-key"}, Default: "per-shard"},
			}},
		},
	}
}

// short makes a quick run of the built-in steady.
func short() []string {
	return []string{
		"phases.warm-up.for=100ms", "phases.steady.for=400ms", "producers.checkout.rate=5k/s", "drain.idle=50ms", "drain.timeout=10s",
	}
}

// options are for one run of a scenario on a driver.
func options(t *testing.T, d drivers.Driver, target, scenario string, sets ...string) Options {
	t.Helper()
	sc, err := scenarios.Load(scenario, vocabulary(), sets...)
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Scenario: sc, Target: parsed(t, target), Driver: d, Faults: kinds(), Checks: judge.Checks(), Seed: 7, Out: t.TempDir(),
		Command: "ordeal run", Version: "test", Logger: slog.New(slog.DiscardHandler), Watch: &watcher{}, Hurry: make(chan struct{}),
	}
}

func parsed(t *testing.T, text string) Target {
	t.Helper()
	target, err := ParseTarget(text, []string{"memory", "nats"})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// run must come to a report.
func run(t *testing.T, o Options) *reports.Run {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// checkNamed is the check of a run with this name.
func checkNamed(t *testing.T, r *reports.Run, name string) *reports.Check {
	t.Helper()
	for i := range r.Checks {
		if r.Checks[i].Name == name {
			return &r.Checks[i]
		}
	}
	t.Fatalf("the run has no check %q", name)
	return nil
}

// watcher calls on for every event and every beat that a test waits for.
type watcher struct {
	mu      sync.Mutex
	on      func(e reports.Event)
	onBeat  func(p Progress)
	planned bool
}

func (w *watcher) Plan(*reports.Run) { w.planned = true }

func (w *watcher) Event(e reports.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.on != nil {
		w.on(e)
	}
}

func (w *watcher) Beat(p Progress) {
	if w.onBeat != nil {
		w.onBeat(p)
	}
}

// says fails the test unless text contains every one of want.
func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("it does not say %q: %s", w, text)
		}
	}
}

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}
