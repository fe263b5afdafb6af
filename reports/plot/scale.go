package plot

import (
	"math"

	"gonum.org/v1/plot"

	"ordeal/reports"
)

// The axes hold transformed values: seconds for time, the logarithm of ns for latency, nines for percentiles. So they are all linear to the
// library, and a tick stands where it says.

// timeTicks are at most about twelve round moments from 0 to end seconds.
func timeTicks(end float64) []plot.Tick {
	step := 1.0
	for _, s := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200} {
		step = s
		if end/s <= 12 {
			break
		}
	}
	for end/step > 12 {
		step *= 2
	}
	var list []plot.Tick
	for t := 0.0; t <= end*1.0001; t += step {
		label := reports.Seconds(t)
		if step >= 60 && t > 0 {
			label = reports.Duration(int64(t/60) * 60e9)
		}
		list = append(list, plot.Tick{Value: t, Label: label})
	}
	return list
}

// countTicks are four or five round numbers from 0 to beyond top, and the end of the axis.
func countTicks(top float64) (list []plot.Tick, end float64) {
	top = max(top*1.08, 1)
	step := math.Pow(10, math.Floor(math.Log10(top/4)))
	for _, f := range []float64{1, 2, 2.5, 5, 10} {
		if top/(step*f) <= 5 {
			step *= f
			break
		}
	}
	step = max(step, 1)
	for v := 0.0; v <= top; v += step {
		list = append(list, plot.Tick{Value: v, Label: thousands(v)})
	}
	return list, top
}

// thousands writes 20000 as 20 k, for an axis has little room.
func thousands(v float64) string {
	switch {
	case v >= 1e6:
		return trimmed(v/1e6) + " M"
	case v >= 1e4:
		return trimmed(v/1e3) + " k"
	default:
		return reports.Count(int64(math.Round(v)))
	}
}

// trimmed writes v with at most two decimals.
func trimmed(v float64) string {
	whole := math.Round(v * 100)
	text := reports.Count(int64(whole) / 100)
	switch frac := int64(whole) % 100; {
	case frac == 0:
		return text
	case frac%10 == 0:
		return text + "." + string(rune('0'+frac/10))
	default:
		return text + "." + string(rune('0'+frac/10)) + string(rune('0'+frac%10))
	}
}

// latencyAxis is a logarithmic axis of whole decades that holds all of values, given as logarithms of ns.
func latencyAxis(values ...[]float64) (list []plot.Tick, from, to float64, ok bool) {
	from, to = math.Inf(1), math.Inf(-1)
	for _, line := range values {
		for _, v := range line {
			if !math.IsNaN(v) {
				from, to = min(from, v), max(to, v)
			}
		}
	}
	if from > to {
		return nil, 0, 0, false
	}
	from, to = math.Floor(from), math.Ceil(to)
	if to-from < 1 {
		to = from + 1
	}
	for v := from; v <= to; v++ {
		list = append(list, plot.Tick{Value: v, Label: reports.Duration(int64(math.Round(math.Pow(10, v))))})
	}
	return list, from, to, true
}

// logarithm of ns, NaN where there was no sample.
func logarithm(ns int64) float64 {
	if ns <= 0 {
		return math.NaN()
	}
	return math.Log10(float64(ns))
}

// nines is the place of a quantile on a percentile axis: 90 % at 1, 99 % at 2, and so on (the axis of HdrHistogram's plots).
func nines(q float64) float64 { return -math.Log10(1 - q) }

// percentileTicks are the quantiles that people name, as far as to.
func percentileTicks(to float64) []plot.Tick {
	list := []plot.Tick{{Value: 0, Label: "0 %"}, {Value: nines(0.5), Label: "50 %"}, {Value: 1, Label: "90 %"}, {Value: 2, Label: "99 %"}}
	label := "99."
	for v := 3.0; v <= to; v++ {
		label += "9"
		list = append(list, plot.Tick{Value: v, Label: label + " %"})
	}
	for len(list) > 0 && list[len(list)-1].Value > to {
		list = list[:len(list)-1]
	}
	return list
}
