package plot

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ordeal/reports"
)

// timeline makes the charts that share the run's time axis.
type timeline struct {
	run    *reports.Run
	folded reports.Timeline
	x      []float64 // the middle of each point, in seconds
}

func newTimeline(r *reports.Run) *timeline {
	t := &timeline{run: r, folded: r.Timeline(maxPoints)}
	for _, s := range t.folded.Points {
		t.x = append(t.x, float64(s.At)/1e9+t.step()/2)
	}
	return t
}

func (t *timeline) step() float64 { return float64(t.folded.Step) / 1e9 }

func (t *timeline) rates() *chart {
	pick := func(get func(reports.Second) float64) []float64 {
		return t.values(func(s reports.Second) float64 {
			if v := get(s); v >= 0 {
				return v
			}
			return math.NaN() // a closed loop offers nothing in particular
		})
	}
	return t.counts("rates.svg", "Messages per second",
		series{name: "offered", color: target(), dashed: true, y: pick(func(s reports.Second) float64 { return s.Offered })},
		series{name: "sent", color: blueInk(), y: pick(func(s reports.Second) float64 { return s.Sent })},
		series{name: "acked", color: greenInk(), y: pick(func(s reports.Second) float64 { return s.Acked })},
		series{name: "received", color: orangeInk(), y: pick(func(s reports.Second) float64 { return s.Received })})
}

func (t *timeline) backlog() *chart {
	waiting := t.values(func(s reports.Second) float64 { return float64(max(s.Backlog, 0)) })
	return t.counts("backlog.svg", "Backlog", series{name: "messages acked and not yet received", color: violetInk(), y: waiting})
}

func (t *timeline) endToEnd() *chart {
	return t.latency("latency.svg", "End-to-end latency",
		series{name: "p50", color: greenInk(), y: t.values(func(s reports.Second) float64 { return logarithm(s.P50) })},
		series{name: "p99", color: blueInk(), y: t.values(func(s reports.Second) float64 { return logarithm(s.P99) })},
		series{name: "max", color: orangeInk(), y: t.values(func(s reports.Second) float64 { return logarithm(s.Max) })})
}

func (t *timeline) ack() *chart {
	return t.latency("ack.svg", "Ack latency",
		series{name: "p50", color: greenInk(), y: t.values(func(s reports.Second) float64 { return logarithm(s.AckP50) })},
		series{name: "p99", color: blueInk(), y: t.values(func(s reports.Second) float64 { return logarithm(s.AckP99) })})
}

func (t *timeline) values(get func(reports.Second) float64) []float64 {
	list := make([]float64, len(t.folded.Points))
	for i, s := range t.folded.Points {
		list[i] = get(s)
	}
	return list
}

// counts is a chart with a linear axis from 0; nil without a value.
func (t *timeline) counts(name, title string, lines ...series) *chart {
	top, some := 0.0, false
	for _, s := range lines {
		for _, v := range s.y {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				top, some = max(top, v), true
			}
		}
	}
	if !some {
		return nil
	}
	c := t.frame(name, title, lines)
	c.yticks, c.ymax = countTicks(top)
	return c
}

// latency is a chart with a logarithmic axis; nil without a sample.
func (t *timeline) latency(name, title string, lines ...series) *chart {
	var values [][]float64
	for _, s := range lines {
		values = append(values, s.y)
	}
	ticks, from, to, ok := latencyAxis(values...)
	if !ok {
		return nil
	}
	c := t.frame(name, title, lines)
	c.yticks, c.ymin, c.ymax = ticks, from, to
	return c
}

func (t *timeline) frame(name, title string, lines []series) *chart {
	end := max(float64(t.folded.End)/1e9, 1)
	for i := range lines {
		lines[i].x, lines[i].step = t.x, t.step()
	}
	return &chart{
		name: name, title: title, width: 760, height: 210, xmax: end, xticks: timeTicks(end),
		behind: bands{t.run, end}, series: lines,
	}
}

// bands are what lies behind the lines: phases, those not recorded muted, faults from their effect until the cluster was healthy again, and
// rebalances.
type bands struct {
	run *reports.Run
	end float64 // in seconds
}

// Plot draws them with their names.
func (b bands) Plot(c draw.Canvas, p *plot.Plot) {
	tx, _ := p.Transforms(&c)
	place := func(ns int64) vg.Length { return tx(min(max(float64(ns)/1e9, 0), b.end)) }
	label := lettering(8, soft(), false)
	for _, ph := range b.run.Phases {
		if ph.End <= ph.Start {
			continue
		}
		from, to := place(ph.Start), place(ph.End)
		if !ph.Recorded {
			fill(c, muteFill(), from, to)
		}
		c.StrokeLine2(draw.LineStyle{Color: border(), Width: 0.6}, from, c.Min.Y, from, c.Max.Y)
		if name := fit(label, reports.OneLine(ph.Name), to-from-6); name != "" {
			c.FillText(label, vg.Point{X: from + 3, Y: c.Min.Y + 4}, name)
		}
	}
	b.faults(c, place)
	for _, e := range b.run.Events { // consumers that were given other shards
		if e.Kind == "rebalance" && e.At > 0 {
			at := place(e.At)
			c.StrokeLine2(draw.LineStyle{Color: violetInk(), Width: 0.6, Dashes: []vg.Length{1.5, 1.5}}, at, c.Min.Y, at, c.Max.Y)
		}
	}
}

// faults are shaded, the moment of their undoing a dashed line; a name is left out where the one before still stands.
func (b bands) faults(c draw.Canvas, place func(int64) vg.Length) {
	label := lettering(8, redInk(), false)
	free := c.Min.X
	for i := range b.run.Faults {
		f := &b.run.Faults[i]
		start, stop, ok := f.Band(int64(b.end * 1e9))
		if !ok {
			continue
		}
		from, to := place(start), place(stop)
		fill(c, faultFill(), from, max(to, from+1))
		if f.Recovered > start && f.Recovered < stop {
			at := place(f.Recovered)
			c.StrokeLine2(draw.LineStyle{Color: redInk(), Width: 0.6, Dashes: []vg.Length{1.5, 1.5}}, at, c.Min.Y, at, c.Max.Y)
		}
		if from < free {
			continue
		}
		if name := fit(label, reports.OneLine(f.Kind+" "+f.Resolved), c.Max.X-from); name != "" {
			c.FillText(label, vg.Point{X: from + 1, Y: c.Max.Y + 2}, name)
			free = from + label.Width(name) + 6
		}
	}
}
