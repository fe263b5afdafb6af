package reports

// Timeline is the time axis of a run with what happened on it, in at most so many points as can be drawn.
type Timeline struct {
	// End of the axis, which begins at 0, in ns.
	End int64
	// Step is the length of one point, in ns: one second, or several in a long run.
	Step int64
	// Points are the seconds, or stretches of Step: rates are means of the stretch, everything else is the worst second of it.
	Points []Second
	// Heat has one row for each point.
	Heat Heat
}

// Timeline folds the series to at most limit points. With limit below 1 nothing is folded.
func (r *Run) Timeline(limit int) Timeline {
	n := len(r.Series)
	group := 1
	if limit > 0 && n > limit {
		group = (n + limit - 1) / limit
	}
	t := Timeline{End: r.axisEnd(), Step: int64(group) * int64(1e9), Heat: Heat{Bounds: r.Heat.Bounds}}
	for from := 0; from < n; from += group {
		to := min(from+group, n)
		t.Points = append(t.Points, foldSeconds(r.Series[from:to]))
		t.Heat.Cells = append(t.Heat.Cells, foldCells(r.Heat, from, to))
	}
	return t
}

// axisEnd is where the last phase, second or fault ends. A run that never came to measuring has the axis of its wall-clock length.
func (r *Run) axisEnd() int64 {
	var end int64
	for _, p := range r.Phases {
		end = max(end, p.End)
	}
	for _, f := range r.Faults {
		end = max(end, f.Effective, f.Recovered, f.Settled)
	}
	if n := len(r.Series); n > 0 {
		end = max(end, r.Series[n-1].At+int64(1e9))
	}
	if end == 0 {
		end = r.Elapsed()
	}
	return end
}

// Elapsed is the wall-clock length of the run in ns, 0 where one of its ends is not known.
func (r *Run) Elapsed() int64 {
	if r.Started.IsZero() || r.Ended.Before(r.Started) {
		return 0
	}
	return r.Ended.Sub(r.Started).Nanoseconds()
}

// Band is the stretch in which a fault was felt: from effective to settled, or to the run's end where it never settled. It is false for a
// fault that never became effective.
func (f *Fault) Band(end int64) (from, to int64, ok bool) {
	if f.Effective <= 0 {
		return 0, 0, false
	}
	to = f.Settled
	if to < f.Effective {
		to = max(end, f.Effective)
	}
	return f.Effective, to, true
}

func foldSeconds(seconds []Second) Second {
	out := seconds[0]
	if len(seconds) == 1 {
		return out
	}
	var offered, sent, acked, received, rejected, unknown float64
	closed := false // a closed loop offers -1, which is no figure to average
	for _, s := range seconds {
		closed = closed || s.Offered < 0
		offered += s.Offered
		sent += s.Sent
		acked += s.Acked
		received += s.Received
		rejected += s.Rejected
		unknown += s.Unknown
		out.Backlog = max(out.Backlog, s.Backlog)
		out.P50, out.P99, out.Max = max(out.P50, s.P50), max(out.P99, s.P99), max(out.Max, s.Max)
		out.AckP50, out.AckP99 = max(out.AckP50, s.AckP50), max(out.AckP99, s.AckP99)
	}
	n := float64(len(seconds))
	out.Offered = offered / n
	if closed {
		out.Offered = -1
	}
	out.Sent, out.Acked, out.Received = sent/n, acked/n, received/n
	out.Rejected, out.Unknown = rejected/n, unknown/n
	return out
}

// foldCells adds up the rows from..to of h; rows that the heat map does not have count as empty.
func foldCells(h Heat, from, to int) []int64 {
	sum := make([]int64, len(h.Bounds))
	for i := from; i < to && i < len(h.Cells); i++ {
		for j := 0; j < len(h.Cells[i]) && j < len(sum); j++ {
			sum[j] += h.Cells[i][j]
		}
	}
	return sum
}
