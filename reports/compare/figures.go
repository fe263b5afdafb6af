package compare

import (
	"math"
	"slices"

	"ordeal/reports"
)

// gauge is how a figure is read from a run; ok is false where the run does not have it.
type gauge struct {
	Figure
	of func(r *reports.Run) (v float64, ok bool)
}

// gauges are the figures of a comparison: how fast it was, how long it was away, what the fault did to messages, and what it cost.
func gauges(calm, rough string) []gauge {
	var list []gauge
	add := func(key, name, phase, unit string, higher bool, of func(r *reports.Run) (float64, bool)) {
		if phase != "" {
			key = phase + "." + key
		}
		list = append(list, gauge{Figure{Key: key, Name: name, Phase: phase, Unit: unit, Higher: higher}, of})
	}
	for _, phase := range []string{calm, rough} {
		if phase == "" {
			continue
		}
		add("received_rate", "received", phase, PerSecond, true, inPhase(phase, received))
		if phase == calm {
			add("ack.p50", "ack p50", phase, Nanoseconds, false, inPhase(phase, ackP50))
			add("end_to_end.p50", "end-to-end p50", phase, Nanoseconds, false, inPhase(phase, endToEndP50))
		}
		add("ack.p99", "ack p99", phase, Nanoseconds, false, inPhase(phase, ackP99))
		add("end_to_end.p99", "end-to-end p99", phase, Nanoseconds, false, inPhase(phase, endToEndP99))
	}
	if rough != "" {
		add("gap.whole", "time away", rough, Nanoseconds, false, inPhase(rough, away))
		add("settled", "healthy again after", "", Nanoseconds, false, settled)
		add("unknown", "unknown", rough, Messages, false, inPhase(rough, unknown))
		add("rejected", "rejected", rough, Messages, false, inPhase(rough, rejected))
		add("late", "late", rough, Messages, false, func(r *reports.Run) (float64, bool) { return late(r, rough) })
	}
	add("delivered_again", "delivered again", "", Messages, false, func(r *reports.Run) (float64, bool) {
		return float64(max(r.Counts.Delivered-r.Counts.Unique, 0)), r.Counts.Delivered > 0
	})
	add("cpu_per_message", "client CPU a message", "", Nanoseconds, false, known(func(r *reports.Run) int64 { return r.Harness.CPUPerMsg }))
	add("broker_cpu_per_message", "broker CPU a message", "", Nanoseconds, false, known((*reports.Run).BrokerCPUPerMsg))
	add("broker_memory", "broker memory", "", Memory, false, known(func(r *reports.Run) int64 { return r.Target.RSSMax }))
	return list
}

// inPhase reads a figure of a phase that was reached.
func inPhase(name string, of func(p *reports.Phase) (float64, bool)) func(*reports.Run) (float64, bool) {
	return func(r *reports.Run) (float64, bool) {
		for i := range r.Phases {
			if p := &r.Phases[i]; p.Name == name && p.Seconds > 0 {
				return of(p)
			}
		}
		return 0, false
	}
}

// What a phase says; the latencies only where there were messages, and a schedule: those of a closed loop follow from its window and the
// rate, so that to rank them would be to count one result several times.

// timed tells whether a latency of m stands for something of its own.
func timed(p *reports.Phase, m *reports.Percentiles) bool { return m.Count > 0 && p.OfferedRate >= 0 }

func received(p *reports.Phase) (float64, bool) { return p.ReceivedRate, true }
func unknown(p *reports.Phase) (float64, bool)  { return float64(p.Unknown), true }
func rejected(p *reports.Phase) (float64, bool) { return float64(p.Rejected), true }
func ackP50(p *reports.Phase) (float64, bool)   { return float64(p.Ack.P50), timed(p, &p.Ack) }
func ackP99(p *reports.Phase) (float64, bool)   { return float64(p.Ack.P99), timed(p, &p.Ack) }

func endToEndP50(p *reports.Phase) (float64, bool) {
	return float64(p.EndToEnd.P50), timed(p, &p.EndToEnd)
}

func endToEndP99(p *reports.Phase) (float64, bool) {
	return float64(p.EndToEnd.P99), timed(p, &p.EndToEnd)
}

func away(p *reports.Phase) (float64, bool) {
	return float64(max(p.GapMax, p.GapWhole)), p.GapMax > 0 || p.EndToEnd.Count > 0
}

// known reads a figure that is 0 where it is not known.
func known(of func(r *reports.Run) int64) func(*reports.Run) (float64, bool) {
	return func(r *reports.Run) (float64, bool) {
		v := of(r)
		return float64(v), v > 0
	}
}

// settled is how long the slowest fault took from its effect until the cluster was healthy; there is no figure where one never did.
func settled(r *reports.Run) (float64, bool) {
	var longest int64
	for _, f := range r.Faults {
		if f.Effective <= 0 {
			continue
		}
		if f.Settled < f.Effective {
			return 0, false
		}
		longest = max(longest, f.Settled-f.Effective)
	}
	return float64(longest), longest > 0
}

// late estimates from the percentile curve how many messages of a phase took longer than LateAfter.
func late(r *reports.Run, phase string) (float64, bool) {
	i := slices.IndexFunc(r.Phases, func(p reports.Phase) bool { return p.Name == phase })
	if i < 0 || r.Phases[i].EndToEnd.Count == 0 {
		return 0, false
	}
	all := r.Phases[i].EndToEnd
	if all.Max <= int64(LateAfter) {
		return 0, true
	}
	for _, c := range r.Curves {
		if c.Phase != phase || c.Metric != "end_to_end" {
			continue
		}
		within := 0.0 // the share that came in time, which lies between two points of the curve
		last := reports.Point{}
		for _, p := range c.Points {
			if p.Value > int64(LateAfter) {
				if p.Value > last.Value {
					within += (p.Quantile - last.Quantile) * (float64(LateAfter) - float64(last.Value)) / float64(p.Value-last.Value)
				}
				break
			}
			within, last = p.Quantile, p
		}
		return math.Round((1 - min(max(within, 0), 1)) * float64(all.Count)), true
	}
	return 0, false
}
