package compare

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ordeal/reports"
)

// Options of a comparison.
type Options struct {
	// ID and Folder are the comparison's own; the links to the runs are relative to the folder.
	ID, Folder string
	// Command repeats all of it, and Exit is what it ends with.
	Command string
	Exit    int
	// Unequal ranks targets with unequal guarantees together, and marks where it did.
	Unequal bool
	// Refused are runs that never began, in their order; New puts those of one target and reason together.
	Refused []Refusal
}

// LateAfter is the end-to-end latency above which a message counts as late: the same for all, so that it can be compared.
const LateAfter = time.Second

// level of confidence of everything that is said of one figure.
const level = 0.95

// New compares runs of one scenario, in the order in which they were made; which targets there are follows from them. An error says that
// they cannot be compared at all.
func New(runs []*reports.Run, o Options) (*Comparison, error) {
	if len(runs) == 0 {
		return nil, errors.New("compare: there are no runs")
	}
	for _, r := range runs {
		if r.Scenario.Name != runs[0].Scenario.Name {
			return nil, fmt.Errorf("compare: runs of the scenarios %q and %q have nothing in common", runs[0].Scenario.Name, r.Scenario.Name)
		}
	}
	c := &Comparison{
		Schema: Schema, ID: o.ID, Exit: o.Exit, Command: o.Command, Folder: o.Folder, Scenario: runs[0].Scenario, Level: level,
		Unequal: o.Unequal, LateAfter: int64(LateAfter), Started: runs[0].Started, Ended: runs[len(runs)-1].Ended,
	}
	c.Calm, c.Rough = phases(runs)
	var verdicts []reports.Verdict
	var sides []side
	for _, r := range runs {
		verdicts, c.Closed = append(verdicts, r.Verdict), c.Closed || r.Closed()
		i := slices.IndexFunc(sides, func(s side) bool { return s.name == r.Target.Name })
		if i < 0 {
			i = len(sides)
			sides = append(sides, side{name: r.Target.Name})
		}
		sides[i].runs = append(sides[i].runs, r)
	}
	c.Verdict = reports.Worst(verdicts...)
	for i := range sides {
		c.Targets = append(c.Targets, sides[i].target(label(i), o.Folder))
	}
	c.group()
	c.figures(sides, runs[0].Seed)
	c.curves(sides)
	c.overTime(sides, runs[0])
	c.refused(o.Refused)
	c.notes(runs)
	c.headline()
	return c, nil
}

// side is a target with its runs.
type side struct {
	name string
	runs []*reports.Run
}

// counted are the runs that passed; where none did, all of them, so that there is something to show.
func (s *side) counted() []*reports.Run {
	var passed []*reports.Run
	for _, r := range s.runs {
		if r.Verdict == reports.Pass {
			passed = append(passed, r)
		}
	}
	if passed == nil {
		return s.runs
	}
	return passed
}

// target describes the side. One run that failed, whose backlog the target did not hand over in time, in which it did not come back from a
// fault, or that missed a gate with a doubt, is enough to lose the ranking: the runs that passed would be a choice of the best.
func (s *side) target(label, folder string) Target {
	last := s.runs[len(s.runs)-1]
	t := Target{
		Label: label, Name: s.name, Driver: last.Target.Driver, Version: version(s.runs),
		Guarantee: last.Target.Guarantee, Promise: last.Target.Promise,
	}
	var verdicts, audits []reports.Verdict
	failed, passed, undrained, away, doubtful := 0, 0, 0, 0, 0
	for _, r := range s.runs {
		verdicts, audits = append(verdicts, r.Verdict), append(audits, r.Target.GuaranteeVerdict)
		switch r.Verdict {
		case reports.Fail:
			failed++
		case reports.Pass:
			passed++
		case reports.Inconclusive:
			switch {
			case r.Interrupted:
			case slices.ContainsFunc(r.Faults, func(f reports.Fault) bool { return f.Verdict == reports.Fail }):
				away++
			case slices.ContainsFunc(r.Drains, func(d reports.Drain) bool { return !d.Complete }):
				undrained++
			case slices.ContainsFunc(r.Gates, func(g reports.Gate) bool { return g.Verdict == reports.Inconclusive && !g.Met }):
				doubtful++
			}
		}
	}
	for _, r := range s.runs {
		t.Runs = append(t.Runs, Run{
			ID: r.ID, Path: link(folder, r.Folder), Verdict: r.Verdict, Exit: r.Exit, Headline: r.Headline,
			Counted: r.Verdict == reports.Pass || passed == 0,
		})
	}
	t.Verdict, t.GuaranteeVerdict = reports.Worst(verdicts...), reports.Worst(audits...)
	t.Audited = reports.Target{GuaranteeVerdict: t.GuaranteeVerdict}.Audited()
	switch {
	case failed > 0:
		t.Why = fmt.Sprintf("%d of %d runs failed", failed, len(s.runs))
	case passed == 0:
		t.Why = "no run was conclusive"
	case away > 0:
		t.Why = fmt.Sprintf("in %d of %d runs it did not come back from a fault", away, len(s.runs))
	case doubtful > 0:
		t.Why = fmt.Sprintf("%d of %d runs missed a gate, by what may have been ordeal's own doing", doubtful, len(s.runs))
	case undrained > 0:
		t.Why = fmt.Sprintf("%d of %d runs were not drained", undrained, len(s.runs))
	default:
		t.Ranked = true
	}
	return t
}

// refused counts the runs that never began, by target and reason.
func (c *Comparison) refused(list []Refusal) {
	for _, r := range list {
		i := slices.IndexFunc(c.Refused, func(had Refusal) bool { return had.Target == r.Target && had.Why == r.Why })
		if i < 0 {
			i, c.Refused = len(c.Refused), append(c.Refused, Refusal{Target: r.Target, Exit: r.Exit, Why: r.Why})
		}
		c.Refused[i].Times++
	}
	for _, r := range c.Refused {
		note := r.Target + " was refused"
		if r.Times > 1 {
			note += fmt.Sprintf(" %d times", r.Times)
		}
		c.Notes = append(c.Notes, fmt.Sprintf("%s (exit %d): %s.", note, r.Exit, strings.TrimSuffix(r.Why, ".")))
		c.Verdict = reports.Worst(c.Verdict, reports.Inconclusive)
	}
}

// version is what the broker said, in all runs.
func version(runs []*reports.Run) string {
	var list []string
	for _, r := range runs {
		if v := r.Target.Version; v != "" && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return strings.Join(list, ", ")
}

// link is the way from one folder to another, or the other itself where there is none.
func link(from, to string) string {
	if rel, err := filepath.Rel(from, to); err == nil && from != "" {
		to = rel
	}
	return filepath.ToSlash(to)
}

// label is A to Z, then AA.
func label(i int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	if i < len(letters) {
		return letters[i : i+1]
	}
	return label(i/len(letters)-1) + label(i%len(letters))
}

// group puts targets of equal guarantees together. One that was audited and one that was not are unequal: of the second nobody knows.
func (c *Comparison) group() {
	for _, t := range c.Targets {
		i := slices.IndexFunc(c.Groups, func(g Group) bool { return g.Guarantee == t.Guarantee && g.Audited == t.Audited })
		if i < 0 {
			i = len(c.Groups)
			c.Groups = append(c.Groups, Group{Guarantee: t.Guarantee, Audited: t.Audited})
		}
		c.Groups[i].Targets = append(c.Groups[i].Targets, t.Label)
	}
}

// equal tells that two targets, given by their places, are in one group.
func (c *Comparison) equal(i, j int) bool {
	a, b := &c.Targets[i], &c.Targets[j]
	return a.Guarantee == b.Guarantee && a.Audited == b.Audited
}

// phases are the first recorded phase without a fault, and the first one with one.
func phases(runs []*reports.Run) (calm, rough string) {
	hurt := map[string]bool{}
	for _, r := range runs {
		for _, f := range r.Faults {
			hurt[f.Phase] = true
		}
	}
	for _, p := range runs[0].Phases {
		switch {
		case !p.Recorded:
		case hurt[p.Name] && rough == "":
			rough = p.Name
		case !hurt[p.Name] && calm == "":
			calm = p.Name
		}
	}
	return calm, rough
}
