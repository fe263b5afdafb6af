package text

import (
	"fmt"
	"io"
	"strings"

	"ordeal/reports"
	"ordeal/reports/compare"
)

var _ compare.Renderer = Renderer{}

// Comparison writes what several runs say together, as Render writes one.
func (t Renderer) Comparison(w io.Writer, c *compare.Comparison) error {
	p := &page{width: t.columns(), colour: t.Colour}
	compared(p, c)
	sides(p, c)
	if len(c.Targets) == 1 {
		spread(p, c)
	} else {
		sideBySide(p, c)
		standings(p, c)
	}
	p.line("")
	p.para("", 0, soft, c.Method())
	p.line("")
	p.para(left("Folder", 8), 8, plain, c.Folder)
	if c.Command != "" {
		p.command("Repeat", reports.Command{Line: reports.OneLine(c.Command), About: "all of it again"})
	}
	text := p.out.String()
	if t.ASCII {
		text = ascii(text)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write comparison %q: %w", c.ID, err)
	}
	return nil
}

// compared is the head: what came out in a sentence, and what to know before believing it.
func compared(p *page, c *compare.Comparison) {
	word, exit := "COMPARISON", fmt.Sprintf("exit %d", c.Exit)
	if len(c.Targets) == 1 {
		word = "SPREAD"
	}
	word = c.Verdict.Mark() + " " + word
	p.line(p.paint(tone(c.Verdict), word) + strings.Repeat(" ", max(p.width-width(word)-width(exit), 1)) + p.paint(soft, exit))
	p.para("  ", 2, bold, c.Headline)
	for _, note := range c.Notes {
		p.para("  "+p.paint(yellow, "·")+" ", 4, plain, note)
	}
	p.line("")
	p.para("  ", 2, soft, c.Scenario.Name+" · "+reports.Date(c.Started))
}

// sides lists the targets: their label, what an ack was worth there, how their runs ended.
func sides(p *page, c *compare.Comparison) {
	p.heading("Targets", "and what an ack is worth there")
	for _, t := range c.Targets {
		name := p.mark(t.Verdict) + p.paint(bold, t.Label) + " "
		lead := margin + width(t.Label) + 1
		text := t.Name
		if t.Version != "" {
			text += " (" + t.Version + ")"
		}
		if t.Guarantee != "" {
			text += " · " + t.Guarantee + ", " + t.Audited
		}
		text += " · " + t.Passed()
		if !t.Ranked {
			text += " · not ranked"
		}
		p.para(name, lead, plain, text)
		for _, r := range t.Runs {
			if r.Verdict != reports.Pass {
				p.para(strings.Repeat(" ", lead)+p.paint(tone(r.Verdict), r.Verdict.Mark())+" ", lead+2, soft, r.ID+": "+r.Headline)
			}
		}
	}
}

// sideBySide has a column for each target, as many as fit beside one another.
func sideBySide(p *page, c *compare.Comparison) {
	p.heading("Figures", "medians of runs; #1 is not significantly worse than any other, "+reports.None+" was not measured")
	const each = 16
	names := 0
	for i := range c.Figures {
		names = max(names, width(short(c.Figures[i].Title(), longestName+8)))
	}
	room := max((p.width-margin-names)/(each+between), 1)
	for from := 0; from < len(c.Targets); from += room {
		to := min(from+room, len(c.Targets))
		t := table{head: []string{""}}
		for _, target := range c.Targets[from:to] {
			t.head = append(t.head, short(target.Label+" "+target.Name, each))
		}
		for i := range c.Figures {
			t.add(across(c, &c.Figures[i], from, to))
		}
		if from > 0 {
			p.line("")
		}
		t.write(p)
	}
	if c.Rough != "" {
		p.para("   ", margin, soft, "late: more than "+reports.Duration(c.LateAfter)+" from the intended send to the delivery")
	}
}

func across(c *compare.Comparison, f *compare.Figure, from, to int) []cell {
	cells := []cell{{text: short(f.Title(), longestName+8)}}
	for i := from; i < to; i++ {
		v := f.Values[i]
		one := cell{text: f.Typical(v)}
		if v.Rank > 0 {
			one.text += fmt.Sprintf(" #%d", v.Rank)
		}
		if !c.Targets[i].Ranked {
			one.st = soft
		}
		cells = append(cells, one)
	}
	return cells
}

// standings says of every figure which target was best, and whether the others really differ from it.
func standings(p *page, c *compare.Comparison) {
	for _, g := range c.Rankings() {
		heading := false
		for i := range c.Figures {
			f := &c.Figures[i]
			text := c.Sentence(f, g.Targets)
			if text == "" {
				continue
			}
			if !heading {
				p.heading("Differences", g.Title()+"; the best, and how the others stand to it")
				heading = true
			}
			const names = longestName
			p.para("   "+left(short(f.Title(), names), names)+"  ", margin+names+2, plain, text)
		}
	}
}

// spread shows how far the repeats of one target lie apart.
func spread(p *page, c *compare.Comparison) {
	p.heading("Spread", fmt.Sprintf("of the counted ones of %d runs", len(c.Targets[0].Runs)))
	t := table{head: []string{"", "median", "least", "most", "most / least", "runs"}}
	for i := range c.Figures {
		f := &c.Figures[i]
		v := f.Values[0]
		t.add(figures(short(f.Title(), longestName+8), f.Typical(v), f.Text(v.Min), f.Text(v.Max), v.Spread(), reports.Count(int64(len(v.Runs)))))
	}
	t.write(p)
}
