package gate

import "strings"

// Harness stands in the place of a phase for the figures of ordeal itself. No phase may be called so.
const Harness = "harness"

// Figure is one thing that a gate can ask for.
type Figure struct {
	// Name is what stands behind the phase, such as "end_to_end.p99", or behind Harness where Own.
	Name string
	Unit Unit
	// Own tells a figure of the harness from one of a phase.
	Own   bool
	About string
}

// Figures lists everything a gate can ask for, in the order of the reference.
func Figures() []Figure {
	figures := []Figure{
		{Name: "offered_rate", Unit: Rate, About: "What the schedule asked for. Not measured for rate: max."},
		{Name: "sent_rate", Unit: Rate, About: "Messages handed to the broker's client."},
		{Name: "acked_rate", Unit: Rate, About: "Messages acknowledged by the broker."},
		{Name: "received_rate", Unit: Rate, About: "First deliveries to the slowest group of each topic; each group gets a copy."},
		{Name: "gap.max", Unit: Duration, About: "The longest time in which a group received nothing, cut at the ends of the phase."},
		{Name: "rejected", Unit: Count, About: "Sends that the broker refused, of those that were due in the phase."},
		{Name: "unknown", Unit: Count, About: "Sends, of those that were due in the phase, of which nobody knows whether they happened."},
	}
	for _, m := range [...]struct{ name, about string }{
		{"ack", "intended send to receipt"},
		{"end_to_end", "intended send to first delivery"},
		{"service", "actual send to receipt"},
		{"lag", "intended to actual send, the generator's own lateness"},
	} {
		for _, p := range [...]struct{ name, about string }{
			{"p50", "Median"},
			{"p90", "90th percentile"},
			{"p99", "99th percentile"},
			{"p999", "99.9th percentile"},
			{"max", "Maximum"},
			{"mean", "Mean"},
		} {
			figures = append(figures, Figure{Name: m.name + "." + p.name, Unit: Duration, About: p.about + ": " + m.about + "."})
		}
	}
	return append(figures,
		Figure{Name: "lag_p99", Unit: Duration, Own: true, About: "99th percentile of the lateness that was ordeal's own, of the worst phase."},
		Figure{Name: "hiccup_p99", Unit: Duration, Own: true, About: "99th percentile of how late ordeal's process was woken."},
		Figure{Name: "cpu_share", Unit: Share, Own: true, About: "Part of the machine's processor time that ordeal used."},
		Figure{Name: "rss_max", Unit: Bytes, Own: true, About: "Most memory that ordeal held."},
	)
}

// reference is a figure of a certain phase, or of the harness, as a gate names it.
type reference struct {
	// name is as the gate says it: "steady.gap.max".
	name  string
	phase string
	unit  Unit
	// offset is where the name begins in the expression, from 0.
	offset int
}

func (r reference) mention() Mention {
	return Mention{Figure: r.name, Phase: r.phase, Column: r.offset + 1}
}

// find looks up "phase.figure"; offset is where the name begins in the expression, from 0.
func find(name string, offset int) (reference, error) {
	phase, rest, ok := strings.Cut(name, ".")
	if !ok || phase == "" {
		return reference{}, syntax(offset, "", "%q is not a figure such as steady.end_to_end.p99: a phase, a dot, a name", name)
	}
	var known []string
	for _, f := range Figures() {
		if f.Own != (phase == Harness) {
			continue
		}
		if f.Name == rest {
			return reference{name: name, phase: phase, unit: f.Unit, offset: offset}, nil
		}
		known = append(known, f.Name)
	}
	return reference{}, unknownFigure(rest, offset+len(phase)+1, known)
}
