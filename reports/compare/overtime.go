package compare

import (
	"time"

	"ordeal/reports"
	"ordeal/reports/compare/stats"
)

// mostPoints is how many points a line over time has at most; longer runs are folded, each point the mean of rates and the worst of
// latencies.
const mostPoints = 600

// overTime lays the runs of each target over each other, second by second, as long as the phases last and the longest of them drained.
func (c *Comparison) overTime(sides []side, first *reports.Run) {
	seconds := 0
	for i := range sides {
		for _, r := range sides[i].counted() {
			seconds = max(seconds, len(r.Series))
		}
	}
	if seconds == 0 {
		return
	}
	fold := (seconds + mostPoints - 1) / mostPoints
	o := OverTime{Step: int64(fold) * int64(time.Second), Phases: []Span{}, Faults: []Span{}, Lines: []Lines{}}
	for _, p := range first.Phases {
		if p.End > p.Start {
			o.Phases = append(o.Phases, Span{Name: p.Name, Start: p.Start, End: p.End, Recorded: p.Recorded})
		}
	}
	for i := range first.Faults {
		if f := &first.Faults[i]; f.Effective > 0 && f.Recovered > f.Effective {
			o.Faults = append(o.Faults, Span{Name: f.Kind, Start: f.Effective, End: f.Recovered})
		}
	}
	for i := range sides {
		l := Lines{Target: c.Targets[i].Label}
		runs := sides[i].counted()
		for at := 0; at < seconds; at += fold {
			received, e2e, ack := step(runs, at, min(at+fold, seconds))
			l.Received, l.EndToEnd, l.Ack = append(l.Received, received), append(l.EndToEnd, e2e), append(l.Ack, ack)
		}
		o.Lines = append(o.Lines, l)
	}
	c.OverTime = o
}

// step is one point of a line: seconds from to to of all runs.
func step(runs []*reports.Run, from, to int) (received float64, e2e, ack int64) {
	for at := from; at < to; at++ {
		var rates, e2es, acks []float64
		for _, r := range runs {
			if at >= len(r.Series) {
				continue
			}
			s := r.Series[at]
			rates = append(rates, max(s.Received, 0))
			if s.P99 > 0 {
				e2es = append(e2es, float64(s.P99))
			}
			if s.AckP99 > 0 {
				acks = append(acks, float64(s.AckP99))
			}
		}
		received += median(rates) / float64(to-from)
		e2e, ack = max(e2e, int64(median(e2es))), max(ack, int64(median(acks)))
	}
	return received, e2e, ack
}

// median is 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return stats.Median(values)
}
