package engine

import (
	"strings"

	"ordeal/internal/gate"
	"ordeal/reports"
)

// gates evaluates the scenario's gates against the figures of a run, as they stand in run.json. ownLag gives ordeal's own lateness in a
// phase: a gate on latency that is missed by no more than that is inconclusive, for the broker may not be to blame.
func gates(list []*gate.Gate, r *reports.Run, ownLag func(phase string) int64) []reports.Gate {
	out := make([]reports.Gate, 0, len(list))
	for _, g := range list {
		result := g.Eval(func(name string) (gate.Reading, bool) { return figure(r, ownLag, name) })
		out = append(out, reports.Gate{
			Expr: result.Expr, Value: result.Value, Limit: result.Limit, Met: result.Met, Verdict: reports.Verdict(result.Verdict), Why: result.Why,
		})
	}
	return out
}

// figure reads one figure off the run, as gate.Figures names them.
func figure(r *reports.Run, ownLag func(string) int64, name string) (gate.Reading, bool) {
	phase, rest, _ := strings.Cut(name, ".")
	if phase == gate.Harness {
		return harnessFigure(&r.Harness, rest)
	}
	for i := range r.Phases {
		if p := &r.Phases[i]; p.Name == phase {
			if !p.Recorded || p.Seconds == 0 {
				return gate.Reading{}, false
			}
			return phaseFigure(p, ownLag(phase), rest)
		}
	}
	return gate.Reading{}, false
}

func harnessFigure(h *reports.Harness, name string) (gate.Reading, bool) {
	switch name {
	case "lag_p99":
		return plain(float64(h.LagP99))
	case "hiccup_p99":
		return plain(float64(h.HiccupP99))
	case "cpu_share":
		return plain(h.CPUShare)
	default:
		return plain(float64(h.RSSMax))
	}
}

func phaseFigure(p *reports.Phase, ownLag int64, name string) (gate.Reading, bool) {
	switch name {
	case "offered_rate":
		return gate.Reading{Value: p.OfferedRate}, p.OfferedRate >= 0
	case "sent_rate":
		return plain(p.SentRate)
	case "acked_rate":
		return plain(p.AckedRate)
	case "received_rate":
		return plain(p.ReceivedRate)
	case "gap.max":
		return gate.Reading{Value: float64(p.GapMax)}, p.EndToEnd.Count > 0 || p.GapMax > 0
	case "rejected":
		return plain(float64(p.Rejected))
	case "unknown":
		return plain(float64(p.Unknown))
	}
	metric, quantile, _ := strings.Cut(name, ".")
	latency := map[string]reports.Percentiles{"ack": p.Ack, "end_to_end": p.EndToEnd, "service": p.Service, "lag": p.Lag}[metric]
	value := map[string]float64{
		"p50": float64(latency.P50), "p90": float64(latency.P90), "p99": float64(latency.P99), "p999": float64(latency.P999),
		"max": float64(latency.Max), "mean": latency.Mean,
	}[quantile]
	reading := gate.Reading{Value: value}
	if metric == "ack" || metric == "end_to_end" {
		reading.Doubt = min(float64(ownLag), value)
		reading.Why = "ordeal itself was up to " + reports.Duration(ownLag) + " late (p99)"
	}
	return reading, latency.Count > 0
}

func plain(v float64) (gate.Reading, bool) { return gate.Reading{Value: v}, true }
