package markdown

import (
	"fmt"
	"io"
	"strings"

	"ordeal/reports"
	"ordeal/reports/compare"
)

var _ compare.Renderer = Renderer{}

// The most items of each kind in a comparison, again for less than 60 lines.
const (
	mostNotes   = 5
	mostTargets = 9
	mostFigures = 22
)

// Comparison writes what several runs say together.
func (Renderer) Comparison(w io.Writer, c *compare.Comparison) error {
	p := &page{}
	icon := map[reports.Verdict]string{reports.Pass: "✅", reports.Fail: "❌"}[c.Verdict]
	if icon == "" {
		icon = "⚠️"
	}
	p.line("## %s %s: %d runs", icon, escape(c.Scenario.Name), runs(c))
	p.line("")
	p.line("**%s** (exit %d)", escape(c.Headline), c.Exit)
	if len(c.Notes) > 0 {
		p.line("")
	}
	for _, note := range c.Notes[:min(len(c.Notes), mostNotes)] {
		p.line("- %s", escape(note))
	}
	targets(p, c)
	compared(p, c)
	p.line("")
	p.line("%s", c.Method()) // our own words, longer than escape lets through
	if c.Command != "" {
		p.line("")
		p.line("%s", code(c.Command))
	}
	p.line("")
	p.line("Everything else is in %s.", code(c.Folder))
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("write comparison %q: %w", c.ID, err)
	}
	return nil
}

func runs(c *compare.Comparison) int {
	n := 0
	for _, t := range c.Targets {
		n += len(t.Runs)
	}
	return n
}

func targets(p *page, c *compare.Comparison) {
	p.line("")
	p.row("", "target", "version", "guarantee", "runs", "ranked?")
	p.row("---", "---", "---", "---", "---", "---")
	for _, t := range c.Targets[:min(len(c.Targets), mostTargets)] {
		ranked := "yes"
		if !t.Ranked {
			ranked = "**no**: " + escape(t.Why)
		}
		var links []string
		for _, r := range t.Runs {
			links = append(links, "["+r.Verdict.Mark()+"](<"+target(r.Path)+"/report.html>)")
		}
		p.row(t.Verdict.Mark()+" "+t.Label, escape(t.Name), escape(reports.Or(t.Version)), escape(reports.Or(t.Guarantee)+", "+t.Audited),
			strings.Join(links, " "), ranked)
	}
	p.more(len(c.Targets), mostTargets, 6)
}

// target is a path between <>, where only a few characters mean anything.
func target(path string) string {
	return strings.NewReplacer("<", "%3C", ">", "%3E", `\`, "%5C", "|", "%7C", "`", "%60").Replace(reports.OneLine(path))
}

// compared has a row for each figure, and beside the values what they mean.
func compared(p *page, c *compare.Comparison) {
	head, rule := []string{"median of runs"}, []string{"---"}
	for _, t := range c.Targets[:min(len(c.Targets), mostTargets)] {
		head, rule = append(head, t.Label), append(rule, "--:")
	}
	last := "difference"
	if len(c.Targets) == 1 {
		last = "range"
	}
	p.line("")
	p.row(append(head, last)...)
	p.row(append(rule, "---")...)
	for i := range c.Figures[:min(len(c.Figures), mostFigures)] {
		f := &c.Figures[i]
		cells := []string{escape(f.Title())}
		for _, v := range f.Values[:min(len(f.Values), mostTargets)] {
			text := f.Typical(v)
			if v.Rank > 0 {
				text += fmt.Sprintf(" (%d.)", v.Rank)
			}
			cells = append(cells, text)
		}
		said := f.Range(f.Values[0])
		if len(c.Targets) > 1 {
			var list []string
			for _, g := range c.Rankings() {
				if s := c.Sentence(f, g.Targets); s != "" {
					list = append(list, s)
				}
			}
			said = strings.Join(list, " · ")
		}
		p.row(append(cells, escape(said))...)
	}
	p.more(len(c.Figures), mostFigures, len(head)+1)
}
