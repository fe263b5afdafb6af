package text

import (
	"fmt"
	"strings"

	"ordeal/reports"
)

// At most so many examples of a check, and steps of a life, are shown: the rest is in the HTML report and in run.json.
const (
	maxExamples = 5
	maxSteps    = 8
)

// checks lists every rule with its verdict, worst first. What passed takes a few lines.
func checks(p *page, r *reports.Run) {
	if len(r.Checks) == 0 {
		return
	}
	p.heading("Checks", "what was promised, and what was seen")
	names := 0
	for _, c := range r.Checks {
		names = min(max(names, width(reports.OneLine(c.Name))), 20)
	}
	for _, c := range reports.WorstFirst(r.Checks) {
		check(p, &c, names)
	}
}

func check(p *page, c *reports.Check, names int) {
	lead := margin + names + between
	indent := strings.Repeat(" ", lead)
	prefix := p.mark(c.Verdict) + p.paint(bold, left(short(c.Name, names), names)) + strings.Repeat(" ", between)
	p.para(prefix, lead, plain, seen(c)+" · "+c.PromiseText())
	if c.Guarantee != "" {
		p.para(indent, lead, soft, c.Guarantee)
	}
	if c.Verdict != reports.Pass && c.Why != "" {
		p.para(indent, lead, tone(c.Verdict), c.Why)
	}
	if c.Verdict == reports.Pass {
		return // what was allowed, such as a few duplicates, is for the longer reports
	}
	for _, e := range c.Examples[:min(len(c.Examples), maxExamples)] {
		example(p, &e, indent, lead)
	}
	if more := len(c.Examples) - maxExamples; more > 0 {
		p.para(indent, lead, soft, fmt.Sprintf("%s more in the report", reports.Count(int64(more))))
	}
}

// seen is what was found among how many comparisons, with the check's other counts.
func seen(c *reports.Check) string {
	if c.Comparisons <= 0 {
		return "nothing to compare"
	}
	text := reports.Count(c.Comparisons) + " compared"
	if kind, n := c.Finding(); kind != "" {
		text = reports.Count(n) + " " + kind + " of " + reports.Count(c.Comparisons)
	}
	for _, other := range c.OtherCounts() {
		text += ", " + other
	}
	return text
}

// example names one message and walks through its life.
func example(p *page, e *reports.Example, indent string, lead int) {
	text := e.Message + " " + e.Kind
	if e.Group != "" {
		text += " in group " + e.Group
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	p.para(indent+p.paint(red, "·")+" ", lead+2, plain, text)
	if len(e.Life) == 0 {
		return
	}
	steps := make([]string, 0, maxSteps+1)
	for i, s := range e.Life {
		if i == maxSteps {
			steps = append(steps, "…")
			break
		}
		steps = append(steps, step(s))
	}
	p.para(indent+"  ", lead+2, soft, strings.Join(steps, " → "))
}

func step(s reports.Step) string {
	text := s.What
	if s.At >= 0 {
		text += " " + reports.Offset(s.At)
	}
	if s.Note != "" {
		text += " (" + s.Note + ")"
	}
	return text
}

// gates lists every threshold with what was measured, worst first.
func gates(p *page, r *reports.Run) {
	if len(r.Gates) == 0 {
		return
	}
	missed := 0
	exprs := 0
	for _, g := range r.Gates {
		if !g.Met {
			missed++
		}
		exprs = max(exprs, width(reports.OneLine(g.Expr)))
	}
	p.heading("Gates", fmt.Sprintf("%d of %d met", len(r.Gates)-missed, len(r.Gates)))
	exprs = min(exprs, p.width-margin-14)
	for _, g := range reports.GatesWorstFirst(r.Gates) {
		value := short(reports.Or(g.Value), 12)
		p.line(p.mark(g.Verdict) + left(short(g.Expr, exprs), exprs) + "  " + p.paint(tone(g.Verdict), right(value, 12)))
		if g.Why != "" {
			p.para(strings.Repeat(" ", margin+2), margin+2, soft, g.Why)
		}
	}
}
