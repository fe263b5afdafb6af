package engine

import (
	"fmt"
	"runtime"
	"time"

	"ordeal/internal/measure"
	"ordeal/reports"
)

// When the generator was the bottleneck. The limits are wide on purpose: whatever they let through shows in lag and hiccups, and gates
// on latency take it off (see doubt), while a run that they catch says nothing about a broker.
const (
	// unsentShare is the largest part of what was due in a phase that may be missing at its end where neither window nor broker was in
	// the way. What is due within the phase's lateLimit may be missing in any case: it is late, and lateness has a limit of its own.
	unsentShare = 0.01
	// latePart is the part of the latency that was measured, both at p99, above which ordeal's own lateness makes the latency its own and not
	// the broker's.
	latePart = 0.5
	// lateLeast is the lateness that is not held against a run: a quarter of a second changes no rate that is counted by the second, and two
	// cores full of other work make no less. Its latencies are another matter, and the report says so (see lateTold).
	lateLeast = 250 * time.Millisecond
	// lateTold is the lateness from which a report says that most of a latency is ordeal's own.
	lateTold = 5 * time.Millisecond
	// windowShare is the least part of the time for which a closed loop's window must have been full: else the loop was not the broker's
	// to close.
	windowShare = 0.05
)

// healthy fills in the harness and what the nodes used, and says whether ordeal was the bottleneck.
func (x *execution) healthy() {
	h := &x.run.Harness
	used := x.spent
	wall := float64(x.finished) / 1e9
	h.CPUSeconds = used.CPU.Seconds()
	if x.processors != nil {
		h.Processors = x.processors()
	}
	if x.coalesced != nil {
		h.Coalesced = int64(x.coalesced())
	}
	if wall > 0 {
		h.CPUShare = used.CPU.Seconds() / wall / float64(runtime.NumCPU())
	}
	if n := x.run.Counts.Attempted; n > 0 {
		h.CPUPerMsg = int64(used.CPU) / n
	}
	h.GCCycles, h.GCPause, h.RSSMax = used.GCCycles, int64(used.GCPause), used.RSSMax
	if x.nodes != nil {
		cpu, rss := x.nodes.total()
		x.run.Target.CPUSeconds, x.run.Target.RSSMax = cpu.Seconds(), rss
	}
	hiccups := x.hiccups.Result()
	h.HiccupP99, h.HiccupMax = hiccups.P99, hiccups.Max
	h.Overflow = x.result.Overflow
	h.HistoryBytes, h.HistoryEvents = x.summary.Bytes, x.summary.Totals.Events()
	h.Verdict, h.Why = reports.Pass, "ordeal kept its schedule"
	x.bound = map[string]string{}
	latest := int64(0) // of all phases, for messages are never sent of any
	for i := range x.result.Phases {
		p := &x.result.Phases[i]
		own := p.Latencies[measure.Own]
		latest = max(latest, own.P99)
		if !p.Recorded {
			continue
		}
		if h.LagP99 = max(h.LagP99, own.P99); x.ended < x.plan.spans[i].End {
			continue
		}
		due, sent := x.run.Phases[i].OfferedRate, x.run.Phases[i].SentRate
		limit := lateLimit(&x.run.Phases[i])
		allowed := due * max(unsentShare, limit.Seconds()/x.run.Phases[i].Seconds)
		switch {
		case own.P99 > int64(limit):
			x.generatorBound([]string{p.Name}, "in phase %s ordeal itself was late: p99 %s, of a latency of %s", p.Name, reports.Duration(own.P99),
				reports.Duration(measuredTail(&x.run.Phases[i])))
		case due > 0 && due-sent > allowed && mostly(own, p.Latencies[measure.Lag]):
			x.generatorBound([]string{p.Name}, "in phase %s ordeal sent %s of the %s that were due", p.Name, reports.Rate(sent), reports.Rate(due))
		case own.P99 > int64(lateTold) && float64(own.P99) > latePart*float64(measuredTail(&x.run.Phases[i])) && h.Verdict == reports.Pass:
			h.Why = fmt.Sprintf("ordeal kept its schedule, but in phase %s most of the latency is its own: it was late by %s of %s (p99)",
				p.Name, reports.Duration(own.P99), reports.Duration(measuredTail(&x.run.Phases[i])))
		}
	}
	if n := x.run.Counts.Unsent; n > 0 && !x.run.Interrupted && latest > int64(lateLeast) {
		x.generatorBound(x.recorded(), "ordeal itself was late, p99 %s, and never sent %s messages that were due",
			reports.Duration(latest), reports.Count(n))
	}
	if share := x.stopped.WindowShare; share < windowShare {
		x.generatorBound(x.recorded(), "the closed loop's window was full for %s of the time only: ordeal could not send faster",
			reports.Share(share))
	}
	x.noteClock(used.ClockStep)
}

// lateLimit is how late ordeal itself may be at p99 in a phase: half of the latency that was measured, for beyond that the figure says more
// about ordeal than about the broker. A constant alone would call a run on a slow broker the generator's.
func lateLimit(p *reports.Phase) time.Duration {
	return max(lateLeast, time.Duration(latePart*float64(measuredTail(p))))
}

// measuredTail is the p99 from the intended send, to the delivery where there were any.
func measuredTail(p *reports.Phase) int64 {
	if p.EndToEnd.Count > 0 {
		return p.EndToEnd.P99
	}
	return p.Ack.P99
}

// clockStepLimit is how far the wall clock may move in a run before it is worth a word.
const clockStepLimit = 100 * time.Millisecond

// noteClock takes down how far the wall clock moved against the monotonic one.
func (x *execution) noteClock(step time.Duration) {
	x.run.Harness.ClockStep = int64(step)
	if step.Abs() > clockStepLimit {
		x.events.add("warning", "the wall clock moved by %s against the monotonic one; figures rest on the latter", step)
	}
}

// mostly tells that most messages were sent without the window or the broker being in the way.
func mostly(own, all measure.Percentiles) bool { return own.Count*2 > all.Count }

// blamed is ordeal's own part in the figures of a phase. It is asked for when healthy has run.
func (x *execution) blamed(phase string) blame {
	b := blame{stalled: x.hiccups.Result(), bound: x.bound[phase]}
	for i := range x.result.Phases {
		if x.result.Phases[i].Name == phase {
			b.late, b.cut = x.result.Phases[i].Latencies[measure.Own], x.ended < x.plan.spans[i].End
		}
	}
	return b
}

// generatorBound notes that ordeal was the bottleneck, in the named phases. The first reason is the harness's.
func (x *execution) generatorBound(phases []string, format string, args ...any) {
	why := "generator-bound: " + fmt.Sprintf(format, args...)
	for _, p := range phases {
		if x.bound[p] == "" {
			x.bound[p] = why
		}
	}
	if h := &x.run.Harness; h.Verdict == reports.Pass {
		h.Verdict, h.Why = reports.Inconclusive, why
	}
}

// recorded names the phases that are measured.
func (x *execution) recorded() []string {
	var out []string
	for i := range x.run.Phases {
		if p := &x.run.Phases[i]; p.Recorded {
			out = append(out, p.Name)
		}
	}
	return out
}
