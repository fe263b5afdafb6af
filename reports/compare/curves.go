package compare

import (
	"math"

	"ordeal/reports"
	"ordeal/reports/compare/stats"
)

// curves lays one curve for each target, phase and latency through the medians of its counted runs.
func (c *Comparison) curves(sides []side) {
	for _, phase := range []string{c.Calm, c.Rough} {
		for _, metric := range []string{"ack", "end_to_end"} {
			for i := range sides {
				points := middle(sides[i].counted(), phase, metric)
				if phase != "" && len(points) > 0 {
					c.Curves = append(c.Curves, Curve{Target: c.Targets[i].Label, Phase: phase, Metric: metric, Points: points})
				}
			}
		}
	}
}

const (
	// perNine is how many points there are from 90 % to 99 %, and from there to 99.9 %.
	perNine = 20
	// mostNines is where a curve ends at the latest.
	mostNines = 7
)

// middle is the median over the runs at quantiles that are evenly spread on an axis of nines. It ends with the shortest of the curves.
func middle(runs []*reports.Run, phase, metric string) []reports.Point {
	var all [][]reports.Point
	for _, r := range runs {
		for _, cv := range r.Curves {
			if cv.Phase == phase && cv.Metric == metric && len(cv.Points) > 0 {
				all = append(all, cv.Points)
			}
		}
	}
	var out []reports.Point
	for i := 0; len(all) > 0 && i <= perNine*mostNines; i++ {
		q := 1 - math.Pow(10, -float64(i)/perNine)
		var values []float64
		for _, points := range all {
			v, ok := at(points, q)
			if !ok {
				return out
			}
			values = append(values, v)
		}
		out = append(out, reports.Point{Quantile: q, Value: int64(stats.Median(values))})
	}
	return out
}

// at is a curve's value at quantile q, on a straight line between two points. Beyond the last one below 1 it says nothing.
func at(points []reports.Point, q float64) (float64, bool) {
	last := points[0]
	for _, p := range points {
		if p.Quantile >= 1 || math.IsNaN(p.Quantile) {
			break
		}
		if p.Quantile >= q {
			if p.Quantile <= last.Quantile {
				return float64(p.Value), true
			}
			part := max(q-last.Quantile, 0) / (p.Quantile - last.Quantile)
			return float64(last.Value) + part*float64(p.Value-last.Value), true
		}
		last = p
	}
	return 0, false
}
