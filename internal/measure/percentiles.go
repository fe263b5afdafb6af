package measure

import (
	"math"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Percentiles of one kind of latency, in ns, to 3 digits. With Count 0 the others mean nothing.
type Percentiles struct {
	P50, P90, P99, P999, Max int64
	Mean                     float64
	Count                    int64
}

// Point of a percentile curve: a share Quantile of the samples, from 0 to 1, is not above Value ns.
type Point struct {
	Quantile float64
	Value    int64
}

const (
	// ticks is the number of points of a curve on the way from one quantile to the one that is half as far from 1.
	ticks = 7
	// halvings is how often the distance from 1 is halved: to 1 - 6e-8, beyond what a run of 10 million samples can tell.
	halvings = 24
)

// percentiles sums up h, which may be nil.
func percentiles(h *hdr.Histogram) Percentiles {
	if h == nil || h.TotalCount() == 0 {
		return Percentiles{}
	}
	v := h.ValueAtPercentilesSlice([]float64{50, 90, 99, 99.9, 100})
	return Percentiles{P50: v[0], P90: v[1], P99: v[2], P999: v[3], Max: v[4], Mean: h.Mean(), Count: h.TotalCount()}
}

// curve is the percentile curve of h, which may be nil, on the usual grid: equal steps towards 1 on a logarithmic axis. It has at most
// ticks·halvings+2 = 170 points, ends at the largest sample, and has none for quantiles that so few samples cannot tell apart from it.
func curve(h *hdr.Histogram) []Point {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	var percents []float64
	for half := range halvings {
		distance := math.Ldexp(1, -half) // from 1
		if distance*float64(h.TotalCount()) < 1 {
			break
		}
		for tick := range ticks {
			percents = append(percents, 100*(1-distance+distance/2*float64(tick)/ticks))
		}
	}
	percents = append(percents, 100)
	values := h.ValueAtPercentilesSlice(percents)
	points := make([]Point, len(values))
	for i, v := range values {
		points[i] = Point{Quantile: percents[i] / 100, Value: v}
	}
	return points
}
