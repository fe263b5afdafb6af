package engine

import (
	"fmt"
	"strings"
	"time"

	"ordeal/drivers"
	"ordeal/faults"
	"ordeal/internal/measure"
	"ordeal/internal/worker"
	"ordeal/reports"
)

// blank is the run model with all that is known before anything is started.
func (x *execution) blank(scenario []byte) *reports.Run {
	r := &reports.Run{
		Schema: reports.Schema, ID: x.folder.ID, Seed: x.Seed, Started: x.anchor, Command: x.Command, Folder: x.folder.Path,
		Verdict:  reports.Inconclusive,
		Scenario: reports.Scenario{Name: x.Scenario.Name, About: strings.TrimSpace(x.Scenario.About), SHA256: sum(scenario)},
		Target: reports.Target{
			Name: x.Target.String(), Driver: x.Driver.Name(), Guarantee: x.plan.guarantee.String(),
			GuaranteeVerdict: reports.Inconclusive, Promise: x.plan.promise(x.Driver),
		},
	}
	for _, s := range x.plan.spans {
		r.Phases = append(r.Phases, reports.Phase{
			Name: s.Name, Recorded: s.Recorded, Start: s.Start, End: s.End, // of a length only when it was reached
		})
	}
	return r
}

// audit keeps the broker's word on the guarantee. A fact that contradicts it is an error: the load would prove nothing.
func (x *execution) audit(topic string, facts []drivers.Fact) error {
	var wrong []string
	verdict := reports.Pass
	for _, f := range facts {
		switch f.Status {
		case drivers.Contradicted:
			wrong = append(wrong, fmt.Sprintf("%s is %s, needed is %s", f.Setting, f.Have, f.Want))
			verdict = reports.Worst(verdict, reports.Fail)
		case drivers.Unverified:
			verdict = reports.Worst(verdict, reports.Inconclusive)
		case drivers.Confirmed:
		}
		if f.Setting == drivers.VersionSetting {
			x.run.Target.Version = f.Have
		}
		x.run.Target.Audit = append(x.run.Target.Audit, reports.Fact{
			Topic: topic, Setting: f.Setting, Want: f.Want, Have: f.Have, Status: f.Status.String(), Note: f.Note,
		})
	}
	if x.auditVerdict != "" {
		verdict = reports.Worst(x.auditVerdict, verdict)
	}
	x.auditVerdict, x.run.Target.GuaranteeVerdict = verdict, verdict
	if len(wrong) > 0 {
		return fmt.Errorf("target %s does not give the guarantee %q for topic %s: %s",
			x.Target, x.plan.guarantee, topic, strings.Join(wrong, "; "))
	}
	return nil
}

// measured fills in what the collector and the worker found out.
func (x *execution) measured() {
	m, r := x.result, x.run
	for i := range r.Phases {
		p, from := &r.Phases[i], &m.Phases[i]
		counted := float64(p.End-p.Start) / 1e9
		if x.ended < p.End { // interrupted: only as long as it really was, though what came until the end was counted
			counted = float64(max(p.Start, min(p.End, x.finished))-p.Start) / 1e9
			p.End = max(p.Start, x.ended)
		}
		if p.Seconds = float64(p.End-p.Start) / 1e9; p.Seconds > 0 {
			p.OfferedRate = x.plan.dueRate(p.Start, p.End)
			p.SentRate = from.Counts[worker.SentCounter] / p.Seconds
			p.AckedRate = from.Counts[worker.AckedCounter] / counted
			p.ReceivedRate = x.received(from.Counts) / counted
		}
		if i < len(x.stopped.Unknown) {
			p.Rejected, p.Unknown = x.stopped.Rejected[i], x.stopped.Unknown[i]
		}
		p.Ack, p.EndToEnd = percentiles(from, measure.Ack), percentiles(from, measure.EndToEnd)
		p.Service, p.Lag = percentiles(from, measure.Service), percentiles(from, measure.Lag)
		for _, g := range x.stopped.Gaps {
			if g != nil {
				p.GapMax, p.GapWhole = max(p.GapMax, g.Max(i)), max(p.GapWhole, g.Whole(i))
			}
		}
		for _, metric := range []measure.Metric{measure.Ack, measure.EndToEnd, measure.Service, measure.Lag} {
			r.Curves = append(r.Curves, curve(from, metric))
		}
	}
	x.series()
	r.Heat = reports.Heat{Bounds: m.Heat.Bounds, Cells: m.Heat.Cells}
}

// received is the rate of the slowest group of each topic, summed over the topics: groups of one topic each get a copy, so their sum would
// compare with nothing. What a group had before does not count: a broker that delivers again is not faster.
func (x *execution) received(counts map[string]float64) float64 {
	sum := 0.0
	for i := range x.plan.topics {
		least := -1.0
		for _, g := range x.plan.worker.Groups {
			if g.Topic.Name != x.plan.topics[i].Name {
				continue
			}
			if n := fresh(counts, g.ID); least < 0 || n < least {
				least = n
			}
		}
		sum += max(0, least)
	}
	return sum
}

// fresh is what of a group's deliveries it had not received before.
func fresh(counts map[string]float64, group uint32) float64 {
	return counts[worker.ReceivedCounter(group)] - counts[worker.RepeatedCounter(group)]
}

func percentiles(p *measure.PhaseResult, m measure.Metric) reports.Percentiles {
	l := p.Latencies[m]
	return reports.Percentiles{P50: l.P50, P90: l.P90, P99: l.P99, P999: l.P999, Max: l.Max, Mean: l.Mean, Count: l.Count}
}

func curve(p *measure.PhaseResult, m measure.Metric) reports.Curve {
	c := reports.Curve{Phase: p.Name, Metric: m.String()}
	for _, pt := range p.Curves[m] {
		c.Points = append(c.Points, reports.Point{Quantile: pt.Quantile, Value: pt.Value})
	}
	return c
}

// series fills in the seconds. The backlog is what was acked of a topic and has not reached a group that reads it, of the group that has
// most before it. Messages that arrived though nobody knows whether the broker took them make it look smaller.
func (x *execution) series() {
	acked, received := map[string]float64{}, make([]float64, len(x.plan.worker.Groups))
	for i, s := range x.result.Seconds {
		end := s.At + int64(time.Second)
		length := 1.0
		if i == len(x.result.Seconds)-1 && x.finished > s.At {
			length = float64(min(end, x.finished)-s.At) / 1e9
		}
		for _, t := range x.plan.topics {
			acked[t.Name] += s.Rates[worker.AckedOfCounter(t.Name)] * length
		}
		backlog := 0.0
		for g := range x.plan.worker.Groups {
			group := &x.plan.worker.Groups[g]
			received[g] += fresh(s.Rates, group.ID) * length
			backlog = max(backlog, acked[group.Topic.Name]-received[g])
		}
		offered := 0.0
		if s.At < x.plan.worker.Until {
			offered = x.plan.offeredRate(s.At, min(end, x.plan.worker.Until)) * float64(min(end, x.plan.worker.Until)-s.At) / 1e9
		}
		x.run.Series = append(x.run.Series, reports.Second{
			At: s.At, Offered: offered, Sent: s.Rates[worker.SentCounter], Acked: s.Rates[worker.AckedCounter], Received: x.received(s.Rates),
			Rejected: s.Rates[worker.RejectedCounter], Unknown: s.Rates[worker.UnknownCounter],
			Backlog: int64(backlog), P50: s.P50, P99: s.P99, Max: s.Max, AckP50: s.AckP50, AckP99: s.AckP99,
		})
	}
}

// happened fills in the faults. A fault without evidence, or one that met no load, proves nothing about the broker.
func (x *execution) happened() {
	if x.timeline == nil {
		return
	}
	for _, c := range x.timeline.courses {
		rec := c.record
		f := reports.Fault{
			Kind: c.fault.Kind, Target: c.fault.Target, Resolved: rec.Resolved, Phase: c.phase,
			Requested: rec.Requested, Effective: rec.Effective, Recovered: rec.Recovered, Settled: rec.Settled,
			Verdict: reports.Pass, Why: rec.Evidence.Why, Evidence: map[string]string{},
		}
		for k, v := range rec.Evidence.Facts {
			f.Evidence[k] = v
		}
		if rec.Effective > 0 {
			f.Evidence["acks in the second before"] = reports.Count(c.ackedBefore)
		}
		switch {
		case rec.Requested == 0:
			f.Verdict, f.Why = reports.Inconclusive, "The run ended before its time."
		case !rec.Undone:
			f.NotUndone = true
			f.Verdict, f.Why = reports.Fail, fmt.Sprintf("It could not be undone: %v. Run `ordeal faults undo %s`.", rec.Err, x.folder.Path)
		case rec.Err != nil && rec.State == faults.Broken && rec.Effective > 0 && !x.run.Interrupted:
			f.Verdict, f.Why = reports.Fail, fmt.Sprintf("The target did not come back: %v.", rec.Err)
		case !rec.Evidence.Bit:
			f.Verdict = reports.Inconclusive
			f.Why = "There is no evidence that it bit: " + strings.TrimSpace(f.Why)
			if rec.Err != nil {
				f.Why = fmt.Sprintf("It could not be done: %v.", rec.Err)
			}
		case c.ackedBefore == 0:
			f.Verdict, f.Why = reports.Inconclusive, "No message was acked in the second before, so it met no load."
		}
		x.run.Faults = append(x.run.Faults, f)
	}
}
