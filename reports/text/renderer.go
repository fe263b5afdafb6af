package text

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"ordeal/reports"
)

// Renderer writes the report of a run for people at a terminal. The zero value writes 100 columns without colours.
type Renderer struct {
	// Width of the terminal in columns. 0 means 100; it is kept between 80, which the tables need, and 120, beyond which lines are hard to
	// read.
	Width int
	// Colour allows ANSI colours; the caller knows whether this is a terminal and what NO_COLOR says.
	Colour bool
	// ASCII replaces every other character, for terminals and logs that know no Unicode.
	ASCII bool
}

var _ reports.Renderer = Renderer{}

// Format is "text".
func (Renderer) Format() string { return "text" }

// File is "report.txt".
func (Renderer) File() string { return "report.txt" }

// Render writes the report. No line is longer than the width, and nothing that the run says can control the terminal.
func (t Renderer) Render(w io.Writer, r *reports.Run) error {
	p := &page{width: t.columns(), colour: t.Colour}
	verdict(p, r)
	timeline(p, r)
	checks(p, r)
	gates(p, r)
	phases(p, r)
	faults(p, r)
	drains(p, r)
	harness(p, r)
	guarantee(p, r)
	again(p, r)
	text := p.out.String()
	if t.ASCII {
		text = ascii(text)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write text report of run %q: %w", r.ID, err)
	}
	return nil
}

func (t Renderer) columns() int {
	if t.Width == 0 {
		return 100
	}
	return min(max(t.Width, 80), 120)
}

// verdict is the first thing to read: what came out, in one sentence, why, and of what.
func verdict(p *page, r *reports.Run) {
	word := r.Verdict.Mark() + " " + r.Verdict.Word()
	st := tone(r.Verdict)
	exit := fmt.Sprintf("exit %d", r.Exit)
	if r.Interrupted {
		exit = "interrupted · " + exit
	}
	p.line(p.paint(st, word) + strings.Repeat(" ", max(p.width-width(word)-width(exit), 1)) + p.paint(soft, exit))
	if r.Headline != "" {
		p.para("  ", 2, bold, r.Headline)
	}
	for _, reason := range r.Reasons {
		p.para("  "+p.paint(st, "·")+" ", 4, plain, reason)
	}
	p.line("")
	p.para("  ", 2, soft, subject(r))
}

// subject says what was run on what, in a line.
func subject(r *reports.Run) string {
	on := r.Scenario.Name + " on " + r.Target.Name
	if r.Target.Version != "" {
		on += " (" + r.Target.Version + ")"
	}
	parts := []string{on}
	if r.Target.Guarantee != "" {
		parts = append(parts, "guarantee "+r.Target.Guarantee+", "+r.Target.Audited())
	}
	parts = append(parts, fmt.Sprintf("seed %d", r.Seed), reports.Date(r.Started))
	if r.Elapsed() > 0 {
		parts = append(parts, reports.Duration(r.Elapsed()))
	}
	return strings.Join(parts, " · ")
}

// again tells where everything is, how to repeat it, and what to do next.
func again(p *page, r *reports.Run) {
	p.line("")
	if r.Folder != "" {
		p.para(left("Folder", 8), 8, plain, r.Folder)
	}
	for i, c := range r.Again() {
		word := ""
		switch {
		case i == 0 && r.Command != "":
			word = "Repeat"
		case i <= 1:
			word = "Next"
		}
		p.command(word, c)
	}
}

// command writes a line for a shell unbroken, however long, so that it can be copied, and what it does behind it where there is room.
func (p *page) command(word string, c reports.Command) {
	const lead = 8
	line := left(word, lead) + c.Line
	if about := "  # " + c.About; width(line)+width(about) <= p.width {
		p.line(line + p.paint(soft, about))
		return
	}
	p.line(line)
}

// ascii puts one character for another, so that columns stay where they are; what it does not know becomes a question mark.
func ascii(s string) string {
	const known, instead = "✓✗–·→…µ▁▂▃▄▅▆▇█│└┘─", "+x-->~u_.-==*##|`'-"
	return strings.Map(func(c rune) rune {
		if c < 0x80 {
			return c
		}
		if i := strings.IndexRune(known, c); i >= 0 {
			return rune(instead[utf8.RuneCountInString(known[:i])])
		}
		return '?'
	}, s)
}
