package engine

import (
	"fmt"
	"strings"

	"ordeal/internal/gate"
	"ordeal/internal/measure"
	"ordeal/reports"
)

// blame is what of a phase's figures may be ordeal's own doing.
type blame struct {
	// late is how late ordeal itself was with each message, stalled how long its process stood still.
	late, stalled measure.Percentiles
	// bound says why the generator was the bottleneck; it is empty where it was not.
	bound string
	// cut tells that the phase did not last to its end, so that nothing is known of the whole.
	cut bool
}

// gates evaluates the scenario's gates against the figures of a run, as they stand in run.json. blamed gives ordeal's own part in a phase:
// a gate that is missed by no more than that is inconclusive, for the broker may not be to blame. So is any that is missed in a phase in
// which the generator was the bottleneck.
func gates(list []*gate.Gate, r *reports.Run, blamed func(phase string) blame) []reports.Gate {
	out := make([]reports.Gate, 0, len(list))
	for _, g := range list {
		result := g.Eval(func(name string) (gate.Reading, bool) { return figure(r, blamed, name) })
		for _, m := range g.Mentions() {
			if why := blamed(m.Phase).bound; result.Verdict == gate.Fail && why != "" && m.Phase != gate.Harness {
				result.Verdict, result.Why = gate.Inconclusive, strings.TrimSuffix(result.Why, ".")+", but the run was "+why+"."
			}
		}
		out = append(out, reports.Gate{
			Expr: result.Expr, Value: result.Value, Limit: result.Limit, Met: result.Met, Verdict: reports.Verdict(result.Verdict), Why: result.Why,
		})
	}
	return out
}

// figure reads one figure off the run, as gate.Figures names them.
func figure(r *reports.Run, blamed func(string) blame, name string) (gate.Reading, bool) {
	phase, rest, _ := strings.Cut(name, ".")
	if phase == gate.Harness {
		return harnessFigure(&r.Harness, rest)
	}
	for i := range r.Phases {
		if p := &r.Phases[i]; p.Name == phase {
			b := blamed(phase)
			if !p.Recorded || p.Seconds == 0 || b.cut {
				return gate.Reading{}, false
			}
			if rest == "received_rate" && len(r.Drains) == 0 {
				return gate.Reading{}, false // nobody reads
			}
			return phaseFigure(p, b, rest)
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

func phaseFigure(p *reports.Phase, b blame, name string) (gate.Reading, bool) {
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
		return doubted(float64(p.GapMax), float64(b.stalled.Max), stalledWords), p.EndToEnd.Count > 0 || p.GapMax > 0
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
	switch metric {
	case "ack", "end_to_end":
		return doubted(value, beyond(&b.late, quantile), lateWords), latency.Count > 0
	case "service":
		return doubted(value, beyond(&b.stalled, quantile), stalledWords), latency.Count > 0
	default: // it is all ordeal's own, with what the window and the broker held up
		return gate.Reading{Value: value}, latency.Count > 0
	}
}

// How a doubt is told.
const (
	lateWords    = "ordeal itself was up to %s late"
	stalledWords = "ordeal itself stood still for up to %s"
)

// doubted is a figure of which as much as own may be ordeal's doing.
func doubted(value, own float64, words string) gate.Reading {
	own = min(own, value)
	return gate.Reading{Value: value, Doubt: own, Why: fmt.Sprintf(words, reports.Duration(int64(own)))}
}

// beyond is what own adds at most to the named quantile of a sum in which it is one part, but for a tenth of the samples beyond that
// quantile: the part's own next quantile. The quantile itself would not do: a part that delays 0.9 % of the samples by 90 ms has a p99 of
// nothing, and may raise that of the sum by 90 ms. Of a mean it is the mean.
func beyond(own *measure.Percentiles, quantile string) float64 {
	switch quantile {
	case "mean":
		return own.Mean
	case "p50", "p90":
		return float64(own.P99)
	case "p99":
		return float64(own.P999)
	default:
		return float64(own.Max)
	}
}

func plain(v float64) (gate.Reading, bool) { return gate.Reading{Value: v}, true }
