package text

import (
	"fmt"
	"strings"

	"ordeal/reports"
)

// phases shows how much went through and how long it took.
func phases(p *page, r *reports.Run) {
	if len(r.Phases) == 0 {
		return
	}
	names := 0
	for _, ph := range r.Phases {
		names = max(names, width(short(ph.Name, longestName)))
	}
	rates := table{head: []string{"", "length", "offered", "sent", "acked", "received", "longest gap"}}
	latency := table{head: []string{"", "p50", "p99", "p99.9", "max", "messages"}}
	note := "none was reached"
	var unrecorded []string
	for _, ph := range r.Phases {
		rates.add(through(ph))
		if ph.Seconds > 0 {
			note = ""
		}
		if !ph.Recorded {
			unrecorded = append(unrecorded, ph.Name)
		}
		if ph.Recorded && ph.Seconds > 0 {
			latency.add(percentiles(left(short(ph.Name, longestName), names)+"  ack", ph.Ack))
			latency.add(percentiles(left("", names)+"  end to end", ph.EndToEnd))
		}
	}
	if note == "" && len(unrecorded) > 0 {
		note = strings.Join(unrecorded, ", ") + " not recorded"
	}
	p.heading("Phases", note)
	rates.write(p)
	if len(latency.rows) > 0 {
		from := "from the intended send to the receipt (ack) and to the delivery"
		if r.Closed() {
			from = reports.ClosedNote
		}
		p.heading("Latency", from)
		latency.write(p)
	}
}

const longestName = 24

// through is the row of a phase with what went through in it.
func through(ph reports.Phase) []cell {
	name := short(ph.Name, longestName)
	if ph.Seconds <= 0 {
		return figures(name, reports.None, reports.None, reports.None, reports.None, reports.None, reports.None)
	}
	st := plain
	if !ph.Recorded {
		st = soft
	}
	cells := figures(name, reports.Seconds(ph.Seconds), reports.Rate(ph.OfferedRate), reports.Rate(ph.SentRate), reports.Rate(ph.AckedRate),
		reports.Rate(ph.ReceivedRate), ph.Gap())
	for i := range cells {
		cells[i].st = st
	}
	return cells
}

func percentiles(name string, q reports.Percentiles) []cell {
	return figures(name, q.Latency(q.P50), q.Latency(q.P99), q.Latency(q.P999), q.Latency(q.Max), reports.Count(q.Count))
}

// faults shows what was done, when, and what proves it.
func faults(p *page, r *reports.Run) {
	if len(r.Faults) == 0 {
		return
	}
	p.heading("Faults", "asked, in effect, healed, and the cluster healthy again")
	for _, f := range r.Faults {
		name := reports.OneLine(f.Kind + " " + f.Target)
		if f.Resolved != "" && f.Resolved != f.Target {
			name += " → " + reports.OneLine(f.Resolved)
		}
		times := fmt.Sprintf("asked %s · effective %s · recovered %s · settled %s", reports.Moment(f.Requested), reports.Moment(f.Effective),
			reports.Moment(f.Recovered), reports.Moment(f.Settled))
		p.para(p.mark(f.Verdict), margin, bold, name)
		p.para(strings.Repeat(" ", margin+2), margin+2, plain, times)
		if f.Why != "" {
			p.para(strings.Repeat(" ", margin+2), margin+2, tone(f.Verdict), f.Why)
		}
		var facts []string
		for _, key := range f.Facts() {
			facts = append(facts, key+" "+f.Evidence[key])
		}
		if len(facts) > 0 {
			p.para(strings.Repeat(" ", margin+2), margin+2, soft, "evidence: "+strings.Join(facts, " · "))
		}
	}
}

// drains says of each group whether it was read to the broker's own end.
func drains(p *page, r *reports.Run) {
	if len(r.Drains) == 0 {
		return
	}
	p.heading("Drain", "reading on until the broker's own end")
	if n := r.Counts.Rebalances; n > 0 {
		p.para("   ", margin, plain, "before that, consumers were given other shards "+times(n))
	}
	for _, d := range r.Drains {
		v := reports.Pass
		if !d.Complete {
			v = reports.Inconclusive
		}
		text := "group " + d.Group + " of " + d.Topic + ", " + reports.Seconds(d.Seconds)
		if d.Why != "" {
			text += ": " + d.Why
		}
		p.para(p.mark(v), margin, plain, text)
	}
}

// times says how often.
func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return reports.Count(n) + " times"
}

// harness answers the question whether the figures are the broker's or the generator's.
func harness(p *page, r *reports.Run) {
	h := &r.Harness
	if h.Verdict == "" {
		return
	}
	answer := "yes"
	if h.Verdict == reports.Pass {
		answer = "no"
	}
	if h.Why != "" {
		answer += ": " + h.Why
	}
	p.heading("Was it the generator?", answer)
	parts := []string{
		"lag p99 " + reports.Duration(h.LagP99),
		"hiccup p99 " + reports.Duration(h.HiccupP99) + ", max " + reports.Duration(h.HiccupMax),
		"CPU " + reports.Share(h.CPUShare) + " of " + cores(r.Environment.Cores), reports.Duration(h.CPUPerMsg) + " CPU a message",
		"memory " + reports.Bytes(h.RSSMax), "GC pauses " + reports.Duration(h.GCPause) + ", cycles " + reports.Count(h.GCCycles),
	}
	if h.Coalesced > 0 {
		parts = append(parts, "arrivals gathered for "+reports.Duration(h.Coalesced)+" at most")
	}
	p.para("   ", margin, plain, strings.Join(parts, " · "))
	if t := &r.Target; t.CPUSeconds > 0 {
		p.para("   ", margin, soft, "the broker: CPU "+reports.Seconds(t.CPUSeconds)+", "+reports.Duration(r.BrokerCPUPerMsg())+
			" CPU a message · memory "+reports.Bytes(t.RSSMax))
	}
	for _, warning := range r.Warnings() {
		p.para(" "+p.paint(yellow, "?")+" ", margin, yellow, warning)
	}
}

func cores(n int) string {
	if n == 1 {
		return "1 core"
	}
	return reports.Count(int64(n)) + " cores"
}

// guarantee shows what the broker itself says of the settings that an ack rests on: what is as it must be in few words, the rest in full.
func guarantee(p *page, r *reports.Run) {
	t := &r.Target
	if t.Guarantee == "" {
		return
	}
	p.heading("Guarantee", t.Guarantee+", "+t.Audited())
	if t.Promise != "" {
		p.para("   ", margin, plain, t.Promise)
	}
	var confirmed []string
	for _, f := range t.Audit {
		if f.Verdict() == reports.Pass {
			confirmed = append(confirmed, f.Setting+" "+reports.Or(f.Have))
			continue
		}
		text := f.Topic + " " + f.Setting + ": want " + reports.Or(f.Want) + ", have " + reports.Or(f.Have)
		if f.Note != "" {
			text += " (" + f.Note + ")"
		}
		p.para(p.mark(f.Verdict()), margin, plain, text)
	}
	if len(confirmed) > 0 {
		p.para(p.mark(reports.Pass), margin, soft, fmt.Sprintf("%d confirmed: %s", len(confirmed), strings.Join(confirmed, " · ")))
	}
}
