package bench

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/memory"
	"ordeal/drivers/nats"
	"ordeal/internal/cluster"
	"ordeal/internal/engine"
	"ordeal/internal/judge"
	"ordeal/reports"
	"ordeal/scenarios"
)

// TestMain lets the test binary serve as a node of a local cluster, and as a plain loop that ordeal is compared with.
func TestMain(m *testing.M) {
	for _, serve := range []func([]string) (bool, error){cluster.Serve, serveStandIn} {
		served, err := serve(os.Args[1:])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if served {
			return
		}
	}
	os.Exit(m.Run())
}

// silent watches nothing.
type silent struct{}

func (silent) Plan(*reports.Run)    {}
func (silent) Event(reports.Event)  {}
func (silent) Beat(engine.Progress) {}

// run executes a scenario in this process, which may switch off what a user cannot, and returns its figures. Anything but a pass ends the benchmark: a figure of a broken run is worth nothing.
func run(b *testing.B, target, text string, change func(*engine.Options)) *reports.Run {
	b.Helper()
	all := []drivers.Driver{memory.New(), nats.New()}
	vocabulary := scenarios.Vocabulary{Drivers: map[string][]drivers.Option{}}
	for _, d := range all {
		vocabulary.Drivers[d.Name()] = d.(drivers.Optioner).Options()
	}
	for _, name := range []string{"no-loss", "no-phantom", "no-corruption"} {
		vocabulary.Checks = append(vocabulary.Checks, scenarios.CheckDecl{Name: name})
	}
	sc, err := scenarios.Read(strings.NewReader(text), "bench.yaml", vocabulary)
	if err != nil {
		b.Fatal(err)
	}
	t, err := engine.ParseTarget(target, []string{"memory", "nats"})
	if err != nil {
		b.Fatal(err)
	}
	i := slices.IndexFunc(all, func(d drivers.Driver) bool { return d.Name() == t.Driver })
	o := engine.Options{
		Scenario: sc, Target: t, Driver: all[i], Checks: judge.Checks(), Seed: 1, Out: b.TempDir(),
		Logger: slog.New(slog.DiscardHandler), Watch: silent{}, Hurry: make(chan struct{}),
	}
	if change != nil {
		change(&o)
	}
	r, err := engine.Run(context.Background(), o)
	if err != nil {
		b.Fatal(err)
	}
	if slices.ContainsFunc(r.Checks, func(c reports.Check) bool { return c.Verdict != reports.Pass }) {
		b.Fatalf("%s: %s\n%s", r.Verdict, r.Headline, strings.Join(r.Reasons, "\n"))
	}
	return r
}

// phase finds a phase's figures.
func phase(b *testing.B, r *reports.Run, name string) *reports.Phase {
	b.Helper()
	for i := range r.Phases {
		if r.Phases[i].Name == name {
			return &r.Phases[i]
		}
	}
	b.Fatalf("no phase %q", name)
	return nil
}

// median of at least one value.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// ratios are the quotients of two sides measured in turn.
func ratios(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

// report prints the median of some ratios and their range.
func report(b *testing.B, name string, r []float64) {
	b.Helper()
	b.ReportMetric(median(r), name)
	b.ReportMetric(slices.Min(r), name+"_min")
	b.ReportMetric(slices.Max(r), name+"_max")
	b.ReportMetric(0, "ns/op") // drops it: how long the benchmark took says nothing
}
