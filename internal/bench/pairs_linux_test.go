package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ordeal/internal/cluster"
	"ordeal/reports"
)

// peers is what the comparisons share: ordeal's own binary and the table.
type peers struct {
	binary string
	rows   []*row
}

// side does its work once.
type side func(b *testing.B) figure

// pairCount is how many pairs a comparison takes; ORDEAL_PAIRS overrides it.
func pairCount(b *testing.B) int {
	b.Helper()
	text := os.Getenv("ORDEAL_PAIRS")
	if text == "" {
		return pairs
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("ORDEAL_PAIRS=%q is no number of pairs", text)
	}
	return n
}

// add puts a row into the table, unless the command line has picked others, and prints it when it is done, however it ends.
func (p *peers) add(b *testing.B, r *row, measure func(b *testing.B)) {
	b.Helper()
	name := strings.NewReplacer(" ", "-", ",", "", "/", "-").Replace(r.what)
	b.Run(name, func(b *testing.B) {
		p.rows = append(p.rows, r)
		r.failed = "it ended early; its error is above"
		defer r.show()
		measure(b)
		r.failed = ""
		b.ReportMetric(0, "ns/op") // drops it: how long the benchmark took says nothing
	})
}

// compare measures both sides in turns, the order swapped from pair to pair, and fills in the ratios of their rates.
func (p *peers) compare(b *testing.B, r *row, ours, theirs side) {
	b.Helper()
	p.compareTool(b, r, ours, func(*testing.B) side { return theirs })
}

// compareTool does the same with a tool that has to begin before it can be measured.
func (p *peers) compareTool(b *testing.B, r *row, ours side, begin func(b *testing.B) side) {
	b.Helper()
	p.add(b, r, func(b *testing.B) {
		r.unit = unitRate
		theirs := begin(b)
		for i := range pairCount(b) {
			mine, other := both(b, i, ours, theirs)
			r.ours, r.theirs = append(r.ours, mine), append(r.theirs, other)
			r.values = append(r.values, mine.Rate/other.Rate)
		}
	})
}

// both runs two sides, the second one first where i is odd.
func both(b *testing.B, i int, ours, theirs side) (mine, other figure) {
	b.Helper()
	if i%2 == 0 {
		mine = ours(b)
		return mine, theirs(b)
	}
	other = theirs(b)
	return ours(b), other
}

// cpuRow holds the CPU for one message of a comparison that was made against a target of its own.
func (p *peers) cpuRow(of *row, most float64) {
	if len(of.ours) == 0 && of.failed == "" {
		return // not picked
	}
	r := &row{what: of.what + ", client CPU", against: of.against, unit: unitCPU, most: most, failed: of.failed, ours: of.ours, theirs: of.theirs}
	for i := range of.ours {
		r.values = append(r.values, of.ours[i].CPU/of.theirs[i].CPU)
	}
	p.rows = append(p.rows, r)
	r.show()
}

// broker starts a cluster for a group of comparisons. Where the broker is not installed the row says so, and nil comes back.
func (p *peers) broker(b *testing.B, kind string, nodes int, server map[string]string) cluster.Cluster {
	b.Helper()
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Spec{Kind: kind, Nodes: nodes, Dir: b.TempDir(), Server: server, Logger: quiet()})
	if err != nil {
		p.rows = append(p.rows, &row{what: fmt.Sprintf("%s:%d", kind, nodes), failed: err.Error()})
		b.Errorf("%v", err)
		return nil
	}
	b.Cleanup(func() {
		if err := c.Close(ctx); err != nil {
			b.Error(err)
		}
	})
	return c
}

// ordealRun is one whole run of ordeal in a process of its own.
type ordealRun struct {
	*reports.Run
	child *child
	cpu   float64 // µs for one message, of the whole process's life
}

// run executes the work and insists on the verdict: a figure of a run that went wrong is worth nothing.
func (p *peers) run(b *testing.B, w *work, more ...string) ordealRun {
	b.Helper()
	return p.execute(b, w.scenario(), w.target(), more...)
}

func (p *peers) execute(b *testing.B, scenario, target string, more ...string) ordealRun {
	b.Helper()
	dir := b.TempDir()
	file := filepath.Join(dir, "scenario.yaml")
	if err := os.WriteFile(file, []byte(scenario), 0o644); err != nil {
		b.Fatal(err)
	}
	args := append([]string{
		"run", file, "--on", target, "--out", filepath.Join(dir, "runs"), "--report", "none", "--progress", "none", "--quiet", "--seed", "1",
	}, more...)
	c := start(b, nil, p.binary, args...)
	failed := c.wait()
	r, err := reports.Read(filepath.Join(dir, "runs", "latest", "run.json"))
	if err != nil {
		b.Fatalf("%v; %v", err, failed)
	}
	if slices.ContainsFunc(r.Checks, func(c reports.Check) bool { return c.Verdict != reports.Pass }) ||
		r.Counts.Acked == 0 || r.Counts.Unknown+r.Counts.Rejected > 0 && len(r.Faults) == 0 {
		b.Fatalf("%s, %d unknown, %d rejected: %s\n%s", r.Verdict, r.Counts.Unknown, r.Counts.Rejected, r.Headline, strings.Join(r.Reasons, "\n"))
	}
	state := c.cmd.ProcessState
	return ordealRun{r, c, (state.UserTime() + state.SystemTime()).Seconds() * 1e6 / float64(r.Counts.Attempted)}
}

// ordeal is a whole run as one side of a comparison. Its CPU is that of the run from the first message to the end of the drain, as run.json
// has it; see docs/benchmarks.md.
func (p *peers) ordeal(w *work, more ...string) side {
	return func(b *testing.B) figure {
		b.Helper()
		r := p.run(b, w, more...)
		full := phase(b, r.Run, "full")
		f := figure{Rate: full.AckedRate, CPU: float64(r.Harness.CPUPerMsg) / 1000}
		if w.Consumers > 0 {
			f.Rate = full.ReceivedRate
		}
		return f
	}
}
