package plot

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ordeal/reports"
)

// metric is one of the four latencies, and the file of its curves.
type metric struct{ name, file, title string }

// percentiles draws one curve for each phase that has one; nil without any.
func percentiles(r *reports.Run, m metric) *chart {
	palette := []color.Color{greenInk(), orangeInk(), blueInk(), violetInk(), target(), redInk()}
	c := &chart{name: m.file, title: m.title, width: 760, height: 260, xmax: 1}
	for _, curve := range r.Curves {
		if curve.Metric != m.name || !recorded(r, curve.Phase) || len(c.series) == len(palette) {
			continue
		}
		s := series{name: reports.OneLine(curve.Phase), color: palette[len(c.series)], step: 0.05}
		c.curve(s, curve.Points)
	}
	return c.scaled()
}

// curve adds a series of latencies over percentiles; one without points is left out.
func (c *chart) curve(s series, points []reports.Point) {
	for _, p := range points {
		if p.Quantile < 0 || p.Quantile >= 1 || math.IsNaN(p.Quantile) || p.Value <= 0 {
			continue // the largest value of all has no place on an axis of nines, and nor has nonsense
		}
		s.x, s.y = append(s.x, nines(p.Quantile)), append(s.y, logarithm(p.Value))
		c.xmax = max(c.xmax, nines(p.Quantile))
	}
	if len(s.x) > 0 {
		c.series = append(c.series, s)
	}
}

// scaled gives the curves their axes; nil where there are none.
func (c *chart) scaled() *chart {
	var values [][]float64
	for _, s := range c.series {
		values = append(values, s.y)
	}
	ticks, from, to, ok := latencyAxis(values...)
	if !ok {
		return nil
	}
	c.yticks, c.ymin, c.ymax = ticks, from, to
	c.xticks = percentileTicks(c.xmax + 0.01)
	return c
}

// recorded tells whether a phase's figures count; one that the run does not name does.
func recorded(r *reports.Run, phase string) bool {
	for _, p := range r.Phases {
		if p.Name == phase {
			return p.Recorded
		}
	}
	return true
}

// fill paints the height of c between two places.
func fill(c draw.Canvas, with color.Color, from, to vg.Length) {
	area := vg.Rectangle{Min: vg.Point{X: from, Y: c.Min.Y}, Max: vg.Point{X: to, Y: c.Max.Y}}
	c.SetColor(with)
	c.Fill(area.Path())
}
