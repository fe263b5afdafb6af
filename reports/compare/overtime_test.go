package compare_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"ordeal/reports"
	"ordeal/reports/compare"
	"ordeal/reports/plot"
	"ordeal/reports/reporttest"
	"ordeal/reports/text"
)

// lasting is a run of n seconds that receives rate and has a p99 of p99 ns in each.
func lasting(target string, n int, rate float64, p99 int64) *reports.Run {
	r := reporttest.Crash()
	r.Target.Name = target
	r.Series = nil
	for i := range n {
		r.Series = append(r.Series, reports.Second{At: int64(i) * 1e9, Received: rate, P99: p99, AckP99: p99 / 2})
	}
	return r
}

func TestOverTimeIsTheMedianOfRuns(t *testing.T) {
	c, err := compare.New([]*reports.Run{
		lasting("a", 4, 10, 100), lasting("b", 3, 5, 7), lasting("a", 5, 30, 300), lasting("a", 4, 20, 900),
	}, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, b := c.OverTime.Lines[0], c.OverTime.Lines[1]
	if !slices.Equal(a.Received, []float64{20, 20, 20, 20, 30}) || !slices.Equal(a.EndToEnd, []int64{300, 300, 300, 300, 300}) {
		t.Errorf("a: %+v", a)
	}
	if !slices.Equal(b.Received, []float64{5, 5, 5, 0, 0}) || !slices.Equal(b.Ack, []int64{3, 3, 3, 0, 0}) {
		t.Errorf("b: %+v", b)
	}
	if len(c.OverTime.Phases) == 0 || len(c.OverTime.Faults) != 1 || c.OverTime.Step != 1e9 {
		t.Errorf("%+v", c.OverTime)
	}
}

func TestOverTimeOfLongRunsIsFolded(t *testing.T) {
	long := lasting("a", 1500, 10, 100)
	long.Series[700].P99 = 5000
	c, err := compare.New([]*reports.Run{long, lasting("b", 1500, 10, 100)}, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := c.OverTime.Lines[0]
	if len(a.Received) != 500 || c.OverTime.Step != 3e9 || a.EndToEnd[233] != 5000 || a.EndToEnd[234] != 100 || a.Received[3] != 10 {
		t.Errorf("%d points, each %d: %v", len(a.Received), c.OverTime.Step, a.EndToEnd[230:236])
	}
}

// Without JavaScript the curves are pictures: one for each phase and latency, and three over time, with the names of all targets.
func TestCurvesAreDrawn(t *testing.T) {
	files, err := plot.Compared(made(t, "brokers", false))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
		for _, target := range []string{"nats:3", "kafka:3", "rabbitmq:3"} {
			if !bytes.Contains(f.SVG, []byte(target)) {
				t.Errorf("%s does not name %s", f.Name, target)
			}
		}
	}
	want := []string{
		"percentiles-calm-end_to_end.svg", "percentiles-calm-ack.svg", "percentiles-rough-end_to_end.svg", "percentiles-rough-ack.svg",
		"time-end-to-end.svg", "time-ack.svg", "time-received.svg",
	}
	if !slices.Equal(names, want) {
		t.Errorf("drawn are %q", names)
	}
	if files, err := plot.Compared(made(t, "broken", false)); err != nil || len(files) > 0 {
		t.Errorf("of runs without figures %d are drawn, %v", len(files), err)
	}
}

func TestRefusedIsSaid(t *testing.T) {
	refusal := compare.Refusal{Target: "kafka:3", Exit: 4, Why: "java is missing"}
	c, err := compare.New([]*reports.Run{lasting("a", 4, 10, 100)}, compare.Options{Exit: 4, Refused: []compare.Refusal{refusal, refusal}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (text.Renderer{Width: 200}).Comparison(&out, c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kafka:3 was refused.", "kafka:3 was refused 2 times (exit 4): java is missing."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	if c.Verdict == reports.Pass || len(c.Refused) != 1 || c.Refused[0].Times != 2 {
		t.Errorf("verdict %s, refused %+v", c.Verdict, c.Refused)
	}
}
