package html

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"ordeal/reports"
	"ordeal/reports/plot"
)

// page is what the layout shows. Texts in it are as the run has them: the layout escapes them.
type page struct {
	Run    *reports.Run
	Style  template.CSS
	Script template.JS
	Policy string
	Data   figures

	Audited     string
	Muted       bool // some phase is not recorded
	Tiles       []tile
	Checks      []check
	Explained   []explained
	Gates       []reports.Gate
	GatesMet    string
	Faults      []fault
	Generator   []tile
	Warnings    []string
	Environment []pair
	Messages    []pair
	Again       []reports.Command
	// OverTime and ByPercentile are drawings for readers without JavaScript.
	OverTime, ByPercentile []template.HTML
}

// pair is a name and what is said of it.
type pair struct{ Name, Value string }

// tile is one figure in large letters. Tone is "", good, bad or unsure.
type tile struct{ Name, Value, Note, Tone string }

// check is a row of the table of checks.
type check struct {
	reports.Check
	Word, Found string
	Others      []string
}

// explained is a check that has something to say beyond its row.
type explained struct {
	Name, Why string
	Open      bool
	Examples  []example
	More      int64
}

type example struct {
	reports.Example
	Life []step
}

// step is a point on the line of a message's life; At counts from its first step, Moment from the run's start.
type step struct{ What, Note, At, Moment, Tone string }

type fault struct {
	reports.Fault
	Word  string
	Proof []pair
}

// maxExamples are drawn for each check; run.json has the others.
const maxExamples = 20

func newPage(r *reports.Run) (*page, error) {
	style, script, policy, err := ownAssets(runScripts())
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	p := &page{Run: r, Style: style, Script: script, Policy: policy, Data: newFigures(r), Again: r.Again()}
	p.Audited = r.Target.Audited()
	p.Tiles = tiles(r)
	p.Generator, p.Warnings = generator(r), r.Warnings()
	p.Environment, p.Messages = environment(r), messages(r)
	p.Muted = slices.ContainsFunc(r.Phases, func(ph reports.Phase) bool { return !ph.Recorded && ph.End > ph.Start })
	p.checks(r)
	p.gates(r)
	p.faults(r)
	if err := p.drawings(r); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *page) checks(r *reports.Run) {
	for _, c := range reports.WorstFirst(r.Checks) {
		row := check{Check: c, Word: word(c.Verdict), Found: reports.None, Others: c.OtherCounts()}
		if kind, n := c.Finding(); kind != "" && c.Comparisons > 0 {
			row.Found = reports.Count(n)
			if kind == "unseen" {
				row.Found += " unseen"
			}
		}
		p.Checks = append(p.Checks, row)
		if c.Verdict == reports.Pass && len(c.Examples) == 0 || c.Why == "" && len(c.Examples) == 0 {
			continue
		}
		more := explained{Name: c.Name, Why: c.Why, Open: c.Verdict != reports.Pass, More: int64(max(len(c.Examples)-maxExamples, 0))}
		for _, e := range c.Examples[:min(len(c.Examples), maxExamples)] {
			more.Examples = append(more.Examples, example{e, life(e.Life)})
		}
		p.Explained = append(p.Explained, more)
	}
}

// life places the steps of a message on a line. The first is told by the run's clock and the others by how long after it they were, for
// that is what one wants to know of a message; the run's clock is in the title.
func life(steps []reports.Step) []step {
	list := make([]step, 0, len(steps))
	first := int64(-1)
	for _, s := range steps {
		out := step{What: s.What, Note: s.Note}
		if s.Tone == "good" || s.Tone == "bad" {
			out.Tone = s.Tone
		}
		switch {
		case s.At < 0:
		case first < 0:
			first = s.At
			out.At, out.Moment = reports.Offset(s.At), reports.Offset(s.At)
		default:
			out.At, out.Moment = "+"+reports.Duration(s.At-first), reports.Offset(s.At)
			if s.At < first {
				out.At = reports.Duration(s.At - first)
			}
		}
		list = append(list, out)
	}
	return list
}

func (p *page) gates(r *reports.Run) {
	met := 0
	for _, g := range r.Gates {
		if g.Met {
			met++
		}
	}
	p.Gates, p.GatesMet = reports.GatesWorstFirst(r.Gates), fmt.Sprintf("%d of %d met", met, len(r.Gates))
}

func (p *page) faults(r *reports.Run) {
	for _, f := range r.Faults {
		row := fault{Fault: f, Word: word(f.Verdict)}
		for _, name := range f.Facts() {
			row.Proof = append(row.Proof, pair{name, f.Evidence[name]})
		}
		p.Faults = append(p.Faults, row)
	}
}

// drawings takes the SVGs in without the XML declaration, which is only for files.
func (p *page) drawings(r *reports.Run) error {
	files, err := plot.Render(r)
	if err != nil {
		return err
	}
	p.OverTime, p.ByPercentile, err = drawings(files, "percentiles")
	return err
}

// drawings makes elements of the page of SVGs; apart are those whose name begins with that word.
func drawings(files []plot.File, word string) (others, apart []template.HTML, err error) {
	for _, f := range files {
		_, svg, found := bytes.Cut(f.SVG, []byte("<svg"))
		if !found {
			return nil, nil, fmt.Errorf("%s is no SVG", f.Name)
		}
		label := template.HTMLEscapeString(f.Title)
		drawing := template.HTML("<svg role=\"img\" aria-label=\"" + label + "\"" + string(svg)) //nolint:gosec // escaped by plot
		if strings.HasPrefix(f.Name, word) {
			apart = append(apart, drawing)
		} else {
			others = append(others, drawing)
		}
	}
	return others, apart, nil
}

func word(v reports.Verdict) string {
	switch v {
	case reports.Pass, reports.Fail:
		return string(v)
	default:
		return "inconclusive"
	}
}
