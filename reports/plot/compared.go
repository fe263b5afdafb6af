package plot

import (
	"fmt"
	"image/color"

	"ordeal/reports"
	"ordeal/reports/compare"
)

// Compared draws the curves of a comparison, the targets over each other in the colours of the HTML report: latency by percentile for each
// phase, and latency and rate over time. A comparison without curves gives none.
func Compared(c *compare.Comparison) ([]File, error) {
	var charts []*chart
	for _, phase := range []string{c.Calm, c.Rough} {
		if phase == "" {
			continue
		}
		charts = append(charts, comparedCurves(c, phase, "end_to_end", "End-to-end latency"), comparedCurves(c, phase, "ack", "Ack latency"))
	}
	t := &timeline{run: during(c), folded: reports.Timeline{Step: c.OverTime.Step}}
	for i := range points(c) {
		t.x = append(t.x, float64(int64(i)*c.OverTime.Step)/1e9+t.step()/2)
		t.folded.End = int64(i+1) * c.OverTime.Step
	}
	if len(t.x) > 0 {
		charts = append(charts,
			t.latency("time-end-to-end.svg", "End-to-end latency, p99", lines(c, func(l compare.Lines) []float64 {
				return logarithms(l.EndToEnd)
			})...),
			t.latency("time-ack.svg", "Ack latency, p99", lines(c, func(l compare.Lines) []float64 { return logarithms(l.Ack) })...),
			t.counts("time-received.svg", "Received per second", lines(c, func(l compare.Lines) []float64 { return l.Received })...))
	}
	var files []File
	for _, ch := range charts {
		if ch == nil {
			continue
		}
		svg, err := ch.svg()
		if err != nil {
			return nil, fmt.Errorf("draw %s of comparison %q: %w", ch.name, c.ID, err)
		}
		files = append(files, File{Name: ch.name, Title: ch.title, SVG: svg})
	}
	return files, nil
}

// contenderInk is the colour of a target's lines; the HTML report gives its names in the same order.
func contenderInk(i int) color.Color {
	palette := []color.Color{blueInk(), orangeInk(), greenInk(), violetInk(), redInk(), target()}
	return palette[i%len(palette)]
}

// comparedCurves is one latency in one phase; nil without a curve.
func comparedCurves(c *compare.Comparison, phase, metric, title string) *chart {
	kind := "calm"
	if phase == c.Rough {
		kind = "rough"
	}
	ch := &chart{
		name: fmt.Sprintf("percentiles-%s-%s.svg", kind, metric), title: title + " by percentile, " + reports.OneLine(phase),
		width: 760, height: 260, xmax: 1,
	}
	for _, curve := range c.Curves {
		i := place(c, curve.Target)
		if curve.Phase != phase || curve.Metric != metric || i < 0 {
			continue
		}
		s := series{name: called(c, i), color: contenderInk(i), step: 0.05}
		ch.curve(s, curve.Points)
	}
	return ch.scaled()
}

// place is where the target with this label stands; -1 for one that is not there.
func place(c *compare.Comparison, label string) int {
	for i := range c.Targets {
		if c.Targets[i].Label == label {
			return i
		}
	}
	return -1
}

func called(c *compare.Comparison, i int) string {
	return reports.OneLine(c.Targets[i].Label + " " + c.Targets[i].Name)
}

func lines(c *compare.Comparison, of func(l compare.Lines) []float64) []series {
	var out []series
	for _, l := range c.OverTime.Lines {
		if i := place(c, l.Target); i >= 0 {
			out = append(out, series{name: called(c, i), color: contenderInk(i), y: of(l)})
		}
	}
	return out
}

func logarithms(ns []int64) []float64 {
	out := make([]float64, len(ns))
	for i, v := range ns {
		out[i] = logarithm(v)
	}
	return out
}

// points is how many there are in a line over time.
func points(c *compare.Comparison) int {
	n := 0
	for _, l := range c.OverTime.Lines {
		n = max(n, len(l.Received))
	}
	return n
}

// during is a run with the phases and faults that all runs have in common, to be drawn behind the lines.
func during(c *compare.Comparison) *reports.Run {
	r := &reports.Run{}
	for _, p := range c.OverTime.Phases {
		r.Phases = append(r.Phases, reports.Phase{Name: p.Name, Start: p.Start, End: p.End, Recorded: p.Recorded})
	}
	for _, f := range c.OverTime.Faults {
		r.Faults = append(r.Faults, reports.Fault{Kind: f.Name, Effective: f.Start, Recovered: f.End, Settled: f.End})
	}
	return r
}
