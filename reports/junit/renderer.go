package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"ordeal/reports"
)

// Renderer writes the XML. The zero value is ready.
type Renderer struct{}

var _ reports.Renderer = Renderer{}

// Format is "junit".
func (Renderer) Format() string { return "junit" }

// File is "junit.xml".
func (Renderer) File() string { return "junit.xml" }

// Render writes the XML.
func (Renderer) Render(w io.Writer, r *reports.Run) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit report of run %q: %w", r.ID, err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(suites{Suites: []suite{newSuite(r)}}); err != nil {
		return fmt.Errorf("write JUnit report of run %q: %w", r.ID, err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit report of run %q: %w", r.ID, err)
	}
	return nil
}

func newSuite(r *reports.Run) suite {
	name := reports.OneLine(r.Scenario.Name)
	s := suite{
		Package: "ordeal", Name: "ordeal " + name, Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05"), Hostname: "localhost",
		Time: seconds(time.Duration(r.Elapsed()).Seconds()), Cases: cases(r), Properties: properties(r),
		SystemOut: lines([]string{r.Headline, r.Command, r.Folder}) + drains(r),
		SystemErr: lines(r.Reasons),
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		c.Classname = "ordeal." + name + "." + c.Classname
		s.Tests++
		if c.Failure != nil {
			s.Failures++
		}
		if c.Error != nil {
			s.Errors++
		}
	}
	return s
}

func properties(r *reports.Run) []property {
	var list []property
	for _, p := range []property{
		{"run", r.ID},
		{"seed", strconv.FormatUint(r.Seed, 10)},
		{"scenario", r.Scenario.Name},
		{"scenario.sha256", r.Scenario.SHA256},
		{"target", r.Target.Name},
		{"driver", r.Target.Driver},
		{"broker", r.Target.Version},
		{"guarantee", r.Target.Guarantee},
		{"guarantee.audit", audit(r)},
		{"verdict", string(r.Verdict)},
		{"exit", strconv.Itoa(r.Exit)},
		{"command", r.Command},
		{"folder", r.Folder},
		{"ordeal", r.Environment.Ordeal},
	} {
		if p.Value != "" {
			list = append(list, property{p.Name, reports.OneLine(p.Value)})
		}
	}
	return list
}

// audit is a property and not a test case: where the broker contradicts the guarantee, the run's own verdict says so.
func audit(r *reports.Run) string {
	if r.Target.Guarantee == "" {
		return ""
	}
	return r.Target.Audited()
}

// cases has the classname as the kind of case; newSuite puts the scenario before it.
func cases(r *reports.Run) []testcase {
	var list []testcase
	for i := range r.Checks {
		c := &r.Checks[i]
		list = append(list, newCase("check", c.Name, c.Verdict, c.Why, checkText(c), 0))
	}
	for _, g := range r.Gates {
		why := g.Why
		if why == "" {
			why = "measured " + reports.Or(g.Value) + ", the limit is " + reports.Or(g.Limit)
		}
		list = append(list, newCase("gate", g.Expr, g.Verdict, why, "measured "+reports.Or(g.Value)+"\nlimit "+reports.Or(g.Limit)+"\n", 0))
	}
	for i := range r.Faults {
		f := &r.Faults[i]
		var held int64
		if from, to, ok := f.Band(f.Effective); ok {
			held = to - from
		}
		list = append(list, newCase("fault", f.Kind+" "+f.Target+" in "+f.Phase, f.Verdict, f.Why, faultText(f), float64(held)/1e9))
	}
	if r.Harness.Verdict != "" {
		list = append(list, newCase("harness", "load generator", r.Harness.Verdict, r.Harness.Why, lines(r.Warnings()), 0))
	}
	defects := slices.ContainsFunc(list, func(c testcase) bool { return c.Failure != nil || c.Error != nil })
	if r.Interrupted || r.Verdict != reports.Pass && !defects {
		// What no check, gate or fault speaks of must not look like a suite without defects.
		list = append(list, newCase("run", "complete", reports.Worst(r.Verdict, reports.Inconclusive), r.Headline, lines(r.Reasons), 0))
	}
	return list
}

func newCase(kind, name string, v reports.Verdict, why, text string, took float64) testcase {
	c := testcase{Name: reports.OneLine(name), Classname: kind, Time: seconds(took)}
	d := &defect{Message: reports.Or(reports.OneLine(why)), Type: kind, Text: text}
	switch v {
	case reports.Pass:
	case reports.Fail:
		c.Failure = d
	default:
		d.Type = "inconclusive"
		c.Error = d
	}
	return c
}

// checkText is what a person needs who sees nothing but the CI's page.
func checkText(c *reports.Check) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n%s compared\n", c.Guarantee, c.PromiseText(), reports.Count(c.Comparisons))
	if kind, n := c.Finding(); kind != "" {
		fmt.Fprintf(&text, "%s %s\n", reports.Count(n), kind)
	}
	for _, e := range c.Examples {
		fmt.Fprintf(&text, "%s %s %s: %s\n", e.Message, e.Kind, e.Group, e.Detail)
	}
	return text.String()
}

func faultText(f *reports.Fault) string {
	var text strings.Builder
	fmt.Fprintf(&text, "asked %s\neffective %s\nrecovered %s\nsettled %s\n", reports.Moment(f.Requested), reports.Moment(f.Effective),
		reports.Moment(f.Recovered), reports.Moment(f.Settled))
	for _, name := range f.Facts() {
		fmt.Fprintf(&text, "%s: %s\n", name, f.Evidence[name])
	}
	return text.String()
}

// drains are told and not judged: no-loss has drawn the conclusion.
func drains(r *reports.Run) string {
	var list []string
	for _, d := range r.Drains {
		word := "complete"
		if !d.Complete {
			word = "not complete"
		}
		list = append(list, "drain of group "+d.Group+" of "+d.Topic+" "+word+" after "+reports.Seconds(d.Seconds)+": "+d.Why)
	}
	return lines(list)
}

// lines are the texts that are not empty, each on a line.
func lines(list []string) string {
	var text strings.Builder
	for _, s := range list {
		if s = reports.OneLine(s); s != "" {
			text.WriteString(s + "\n")
		}
	}
	return text.String()
}

// seconds is an xs:decimal, which knows no exponent, no NaN and, here, no negative time.
func seconds(s float64) string {
	if !(s > 0 && s < 1e9) {
		s = 0
	}
	return strconv.FormatFloat(s, 'f', 3, 64)
}
