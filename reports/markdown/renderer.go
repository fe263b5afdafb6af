package markdown

import (
	"fmt"
	"io"
	"strings"

	"ordeal/reports"
)

// Renderer writes the summary. The zero value is ready.
type Renderer struct{}

var _ reports.Renderer = Renderer{}

// Format is "md".
func (Renderer) Format() string { return "md" }

// File is "report.md".
func (Renderer) File() string { return "report.md" }

// The most items of each kind. With headings and blank lines they add up to less than 60 lines, which a test holds them to.
const (
	mostReasons  = 4
	mostChecks   = 7
	mostExamples = 4
	mostGates    = 5
	mostPhases   = 5
	mostFaults   = 4
)

// Render writes GitHub's Markdown.
func (Renderer) Render(w io.Writer, r *reports.Run) error {
	p := &page{}
	verdict(p, r)
	checks(p, r)
	gates(p, r)
	phases(p, r)
	faults(p, r)
	end(p, r)
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("write summary of run %q: %w", r.ID, err)
	}
	return nil
}

// page collects lines.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(p, format, args...)
	p.WriteByte('\n')
}

func (p *page) row(cells ...string) {
	p.line("| %s |", strings.Join(cells, " | "))
}

// more tells how many items of a list were left out.
func (p *page) more(total, shown int, columns int) {
	if total > shown {
		p.row(append([]string{fmt.Sprintf("… %d more", total-shown)}, make([]string, columns-1)...)...)
	}
}

func verdict(p *page, r *reports.Run) {
	icon := map[reports.Verdict]string{reports.Pass: "✅", reports.Fail: "❌"}[r.Verdict]
	if icon == "" {
		icon = "⚠️"
	}
	interrupted := ""
	if r.Interrupted {
		interrupted = ", interrupted"
	}
	p.line("## %s %s: %s on %s", icon, r.Verdict.Word(), escape(r.Scenario.Name), escape(r.Target.Name))
	p.line("")
	p.line("**%s** (exit %d%s)", escape(reports.Or(r.Headline)), r.Exit, interrupted)
	if len(r.Reasons) > 0 {
		p.line("")
	}
	for _, reason := range r.Reasons[:min(len(r.Reasons), mostReasons)] {
		p.line("- %s", escape(reason))
	}
	if more := len(r.Reasons) - mostReasons; more > 0 {
		p.line("- … %d more reasons", more)
	}
}

func checks(p *page, r *reports.Run) {
	if len(r.Checks) == 0 {
		return
	}
	sorted := reports.WorstFirst(r.Checks)
	p.line("")
	p.row("check", "", "found", "compared", "guarantee", "promised here?")
	p.row("---", "---", "--:", "--:", "---", "---")
	for _, c := range sorted[:min(len(sorted), mostChecks)] {
		found, compared := reports.None, "nothing"
		if kind, n := c.Finding(); c.Comparisons > 0 {
			compared = reports.Count(c.Comparisons)
			if kind != "" {
				found = reports.Count(n) + " " + escape(kind)
			}
		}
		p.row(c.Verdict.Mark()+" "+word(c.Verdict), escape(c.Name), found, compared, escape(c.Guarantee), promised(c))
	}
	p.more(len(sorted), mostChecks, 6)
	examples(p, sorted)
}

func promised(c reports.Check) string {
	text := "**no**"
	if c.Promised {
		text = "yes"
	}
	if c.Promise != "" {
		text += ": " + escape(c.Promise)
	}
	return text
}

// examples name the messages that a failed or inconclusive check has something to say about.
func examples(p *page, sorted []reports.Check) {
	total, shown := 0, 0
	for _, c := range sorted {
		if c.Verdict == reports.Pass {
			continue
		}
		for _, e := range c.Examples {
			total++
			if shown == mostExamples {
				continue
			}
			if shown == 0 {
				p.line("")
			}
			shown++
			group := ""
			if e.Group != "" {
				group = " in group " + escape(e.Group)
			}
			p.line("- %s %s%s: %s", code(e.Message), escape(e.Kind), group, escape(reports.Or(e.Detail)))
		}
	}
	if total > shown {
		p.line("- … %s more messages", reports.Count(int64(total-shown)))
	}
}

func gates(p *page, r *reports.Run) {
	if len(r.Gates) == 0 {
		return
	}
	p.line("")
	p.row("gate", "", "measured")
	p.row("---", "---", "--:")
	for _, g := range reports.GatesWorstFirst(r.Gates)[:min(len(r.Gates), mostGates)] {
		// A pipe would end the cell, also in code.
		p.row(g.Verdict.Mark()+" "+word(g.Verdict), strings.ReplaceAll(code(g.Expr), "|", `\|`), escape(reports.Or(g.Value)))
	}
	p.more(len(r.Gates), mostGates, 3)
}

func phases(p *page, r *reports.Run) {
	reached := 0
	for _, ph := range r.Phases {
		if !ph.Recorded || ph.Seconds <= 0 {
			continue
		}
		if reached++; reached > mostPhases {
			continue
		}
		if reached == 1 {
			p.line("")
			phase := "phase"
			if r.Closed() {
				phase = "phase, latencies " + reports.ClosedNote // there is no line to spare
			}
			p.row(phase, "offered", "acked", "received", "ack p50", "ack p99", "end-to-end p50", "p99", "p99.9", "max", "longest gap")
			p.row("---", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:")
		}
		ack, all := ph.Ack, ph.EndToEnd
		p.row(escape(ph.Name)+", "+reports.Seconds(ph.Seconds),
			reports.Rate(ph.OfferedRate), reports.Rate(ph.AckedRate), reports.Rate(ph.ReceivedRate), ack.Latency(ack.P50), ack.Latency(ack.P99),
			all.Latency(all.P50), all.Latency(all.P99), all.Latency(all.P999), all.Latency(all.Max), ph.Gap())
	}
	p.more(reached, mostPhases, 11)
}

func faults(p *page, r *reports.Run) {
	if len(r.Faults) == 0 {
		return
	}
	p.line("")
	p.row("fault", "", "evidence", "effective", "recovered", "settled")
	p.row("---", "---", "---", "--:", "--:", "--:")
	for _, f := range r.Faults[:min(len(r.Faults), mostFaults)] {
		p.row(f.Verdict.Mark()+" "+word(f.Verdict), escape(f.Kind+" "+f.Resolved), escape(f.Why), reports.Moment(f.Effective),
			reports.Moment(f.Recovered), reports.Moment(f.Settled))
	}
	p.more(len(r.Faults), mostFaults, 6)
}

// end says whether to believe the figures, and how to get them again.
func end(p *page, r *reports.Run) {
	p.line("")
	var parts []string
	if r.Harness.Verdict != "" {
		answer := "**yes**"
		if r.Harness.Verdict == reports.Pass {
			answer = "no"
		}
		parts = append(parts, "Was it the generator? "+answer+": "+escape(reports.Or(r.Harness.Why)))
	}
	if r.Target.Guarantee != "" {
		parts = append(parts, "guarantee "+escape(r.Target.Guarantee)+", "+r.Target.Audited())
	}
	parts = append(parts, fmt.Sprintf("seed %d", r.Seed), reports.Date(r.Started))
	p.line("%s", strings.Join(parts, " · "))
	if r.Command != "" {
		p.line("")
		p.line("%s", code(r.Command))
	}
	if r.Folder != "" {
		p.line("")
		p.line("Everything else is in %s.", code(r.Folder))
	}
}

func word(v reports.Verdict) string { return strings.ToLower(v.Word()) }

// maxText keeps one long word from outside from filling a comment; sentences of ordeal's own are shorter.
const maxText = 300

// escape makes one line of s in which nothing means anything to Markdown or HTML, and in which nobody is mentioned.
func escape(s string) string {
	var out strings.Builder
	n := 0
	for _, c := range reports.OneLine(s) {
		if n++; n > maxText {
			out.WriteString("…")
			break
		}
		switch c {
		case '<':
			out.WriteString("&lt;")
		case '>':
			out.WriteString("&gt;")
		case '&':
			out.WriteString("&amp;")
		case '@':
			out.WriteString("&#64;")
		case '\\', '`', '*', '_', '[', ']', '#', '|', '~', '$':
			out.WriteByte('\\')
			out.WriteRune(c)
		default:
			out.WriteRune(c)
		}
	}
	return out.String()
}

// code sets s in a fixed width, in a fence longer than any run of backticks in it.
func code(s string) string {
	s = reports.OneLine(s)
	if s == "" {
		return reports.None
	}
	longest, run := 0, 0
	for _, c := range s {
		if run++; c != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest == 0 {
		return "`" + s + "`"
	}
	fence := strings.Repeat("`", longest+1)
	return fence + " " + s + " " + fence
}
