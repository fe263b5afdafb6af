package html

import (
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"

	"ordeal/reports"
	"ordeal/reports/compare"
	"ordeal/reports/plot"
)

var _ compare.Renderer = Renderer{}

// Comparison writes the page of a comparison, which needs nothing else either; it links to the pages of the runs.
func (Renderer) Comparison(w io.Writer, c *compare.Comparison) error {
	style, script, policy, err := ownAssets(comparisonScripts())
	if err != nil {
		return fmt.Errorf("read assets: %w", err)
	}
	p := &comparison{Comparison: c, Style: style, Script: script, Policy: policy, Curves: overlay(c), LateAfter: reports.Duration(c.LateAfter)}
	files, err := plot.Compared(c)
	if err != nil {
		return err
	}
	if p.Drawn, p.ByPercentile, err = drawings(files, "percentiles"); err != nil {
		return fmt.Errorf("render page of comparison %q: %w", c.ID, err)
	}
	p.sides()
	p.rows()
	p.standings()
	for _, phase := range []string{c.Calm, c.Rough} {
		for _, cv := range p.Curves.Curves {
			if phase != "" && cv.Phase == reports.OneLine(phase) {
				p.Phases = append(p.Phases, cv.Phase)
				break
			}
		}
	}
	if err := fill(w, "comparison.tmpl", p); err != nil {
		return fmt.Errorf("render page of comparison %q: %w", c.ID, err)
	}
	return nil
}

// comparison is what the layout shows.
type comparison struct {
	*compare.Comparison
	Style     template.CSS
	Script    template.JS
	Policy    string
	Curves    overlaid
	Phases    []string // those with curves
	Sides     []contender
	Rows      []row
	Standings []standing
	LateAfter string
	// Drawn (over time) and ByPercentile are for readers without JavaScript.
	Drawn, ByPercentile []template.HTML
}

// contender is a target with the colour that its lines have.
type contender struct {
	compare.Target
	Colour string
	Links  []runLink
}

type runLink struct {
	compare.Run
	Page string
}

// row is a figure.
type row struct {
	Title  string
	Cells  []valueCell
	Spread string
}

// standing is how the targets of a group compare, figure by figure.
type standing struct {
	Among string
	Rows  []standingRow
}

type standingRow struct {
	Title, Best string
	Others      []said
}

// said is the difference of one target from the best; a plain one is none that could be told.
type said struct {
	Text  string
	Plain bool
}

type valueCell struct {
	Name, Value, Range string
	Rank               int
	Ranked             bool
}

// colour names a target's lines as the style sheet knows them.
func colour(i int) string {
	colours := []string{"blue", "orange", "green", "violet", "red", "grey"}
	return colours[i%len(colours)]
}

func (p *comparison) sides() {
	for i, t := range p.Targets {
		s := contender{Target: t, Colour: colour(i)}
		for _, r := range t.Runs {
			s.Links = append(s.Links, runLink{Run: r, Page: reportPage(r.Path)})
		}
		p.Sides = append(p.Sides, s)
	}
}

// reportPage is the way to the page of a run. A path may begin with anything, such as a word and a colon, which must not become a scheme.
func reportPage(path string) string {
	way := (&url.URL{Path: path + "/report.html"}).String()
	if !strings.HasPrefix(way, "/") && !strings.HasPrefix(way, ".") {
		way = "./" + way
	}
	return way
}

func (p *comparison) rows() {
	for i := range p.Figures {
		f := &p.Figures[i]
		r := row{Title: f.Title()}
		for j, v := range f.Values {
			c := valueCell{Name: p.Targets[j].Label, Value: f.Typical(v), Rank: v.Rank, Ranked: p.Targets[j].Ranked}
			if len(v.Runs) > 0 {
				c.Range = f.Range(v)
			}
			r.Cells = append(r.Cells, c)
		}
		r.Spread = f.Values[0].Spread()
		p.Rows = append(p.Rows, r)
	}
}

func (p *comparison) standings() {
	for _, g := range p.Rankings() {
		st := standing{Among: g.Title()}
		for i := range p.Figures {
			f := &p.Figures[i]
			best, pairs := p.Standing(f, g.Targets)
			if len(pairs) == 0 {
				continue
			}
			r := standingRow{Title: f.Title(), Best: best.Target + " " + f.Typical(*best)}
			for _, pair := range pairs {
				r.Others = append(r.Others, said{pair.B + " " + f.Say(pair), !pair.Significant})
			}
			st.Rows = append(st.Rows, r)
		}
		if len(st.Rows) > 0 {
			p.Standings = append(p.Standings, st)
		}
	}
}

// overlaid is what the script draws.
type overlaid struct {
	Curves []overlaidCurve `json:"curves"`
	// What follows is as in figures, with the lines of all targets.
	End    float64        `json:"end"`
	Step   float64        `json:"step"`
	Start  []float64      `json:"start"`
	Phases []span         `json:"phases"`
	Faults []band         `json:"faults"`
	Marks  []mark         `json:"marks"`
	Lines  []overlaidLine `json:"lines"`
}

// overlaidLine is how one target did over time.
type overlaidLine struct {
	Name     string     `json:"name"`
	Colour   string     `json:"color"`
	Received []*float64 `json:"received"`
	EndToEnd []*float64 `json:"endToEnd"`
	Ack      []*float64 `json:"ack"`
}

// overlaidCurve is a curve with the name and the colour of its target.
type overlaidCurve struct {
	curve
	Name   string `json:"name"`
	Colour string `json:"color"`
}

func overlay(c *compare.Comparison) overlaid {
	var f figures
	out := overlaid{Curves: []overlaidCurve{}, Start: []float64{}, Phases: []span{}, Faults: []band{}, Marks: []mark{}}
	out.overTime(c)
	for _, cv := range c.Curves {
		before := len(f.Curves)
		f.curve(reports.Curve{Phase: cv.Phase, Metric: cv.Metric, Points: cv.Points})
		if len(f.Curves) == before {
			continue // not a point that can be drawn
		}
		for i, t := range c.Targets {
			if t.Label == cv.Target {
				out.Curves = append(out.Curves, overlaidCurve{f.Curves[before], reports.OneLine(t.Label + " " + t.Name), colour(i)})
			}
		}
	}
	return out
}

// overTime takes the lines over time in.
func (o *overlaid) overTime(c *compare.Comparison) {
	t := &c.OverTime
	o.Step = float64(t.Step) / 1e9
	o.Lines = []overlaidLine{}
	for i, target := range c.Targets {
		for _, l := range t.Lines {
			if l.Target != target.Label {
				continue
			}
			line := overlaidLine{Name: reports.OneLine(target.Label + " " + target.Name), Colour: colour(i)}
			for at := range l.Received {
				line.Received = append(line.Received, rate(l.Received[at]))
				line.EndToEnd, line.Ack = append(line.EndToEnd, latency(l.EndToEnd[at])), append(line.Ack, latency(l.Ack[at]))
				if at == len(o.Start) {
					o.Start = append(o.Start, float64(at)*o.Step)
				}
			}
			o.Lines = append(o.Lines, line)
		}
	}
	o.End = float64(len(o.Start)) * o.Step
	for _, p := range t.Phases {
		o.Phases = append(o.Phases, span{reports.OneLine(p.Name), float64(p.Start) / 1e9, float64(p.End) / 1e9, p.Recorded})
	}
	for _, f := range t.Faults {
		o.Faults = append(o.Faults, band{Name: reports.OneLine(f.Name), From: float64(f.Start) / 1e9, To: float64(f.End) / 1e9})
	}
}
