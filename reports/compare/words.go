package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"ordeal/reports"
	"ordeal/reports/compare/stats"
)

// Text writes a value of the figure for people.
func (f *Figure) Text(v float64) string {
	switch f.Unit {
	case Nanoseconds:
		return reports.Duration(int64(math.Round(v)))
	case PerSecond:
		return reports.Rate(v)
	case Memory:
		return reports.Bytes(int64(v))
	default:
		return reports.Count(int64(math.Round(v)))
	}
}

// Typical is the median of v, or None.
func (f *Figure) Typical(v Value) string {
	if len(v.Runs) == 0 {
		return reports.None
	}
	return f.Text(v.Median)
}

// Range is the smallest and the largest of several runs; empty where they are one, or all alike.
func (f *Figure) Range(v Value) string {
	low, high := f.Text(v.Min), f.Text(v.Max)
	if len(v.Runs) < 2 || low == high {
		return ""
	}
	return low + " to " + high
}

// Say tells the difference, and whether it is one, in a few words: "1.8× (1.5× to 2.2×)", "no significant difference (0.9× to 1.2×)".
func (f *Figure) Say(p Pair) string {
	text := f.amount(p, p.Estimate)
	within := ""
	if p.Low != nil && p.High != nil {
		if *p.High-*p.Low == 0 && !p.Significant && !p.Tiny { // so it holds the point where both are alike, and no other
			return "the same" + unequal(p)
		}
		within = f.amount(p, *p.Low) + " to " + f.amount(p, *p.High)
	}
	switch {
	case p.Anecdotal:
		text += ", anecdotal"
	case p.Tiny:
		text = "alike within 1 %"
	case !p.Significant:
		text = "no significant difference"
	}
	if within != "" && !p.Tiny {
		text += " (" + within + ")"
	}
	return text + unequal(p)
}

func unequal(p Pair) string {
	if p.Unequal {
		return ", unequal guarantees"
	}
	return ""
}

func (f *Figure) amount(p Pair, v float64) string {
	switch {
	case p.Scale == scaleRatio:
		return reports.Times(v)
	case v < 0:
		return "−" + f.Text(-v)
	default:
		return "+" + f.Text(v)
	}
}

// Title is the figure's name with its phase.
func (f *Figure) Title() string {
	if f.Phase == "" {
		return f.Name
	}
	return f.Name + ", " + f.Phase
}

// Standing is the best target of a ranking in f, and how the others stand to it; there are no pairs where fewer than two can be compared.
func (c *Comparison) Standing(f *Figure, among []string) (best *Value, pairs []Pair) {
	best = c.Best(f, among)
	if best == nil {
		return nil, nil
	}
	for _, v := range f.Values {
		if p, ok := f.Against(best.Target, v.Target); ok && slices.Contains(among, v.Target) {
			pairs = append(pairs, p)
		}
	}
	return best, pairs
}

// Sentence says a standing in a line: "A 3.4 s; B 1.7× (1.6× to 2×); C no significant difference (0.9× to 1.1×)". It is empty where there
// is none.
func (c *Comparison) Sentence(f *Figure, among []string) string {
	best, pairs := c.Standing(f, among)
	if len(pairs) == 0 {
		return ""
	}
	text := best.Target + " " + f.Typical(*best)
	for _, p := range pairs {
		text += "; " + p.B + " " + f.Say(p)
	}
	return text
}

// Title names the targets of the group and what they have in common.
func (g Group) Title() string {
	text := strings.Join(g.Targets, ", ") + ": " + reports.Or(g.Guarantee)
	if g.Audited != "" {
		text += ", " + g.Audited
	}
	return text
}

// Method says in three sentences what the differences rest on.
func (c *Comparison) Method() string {
	return fmt.Sprintf("One figure for each run that passed; values are medians of runs. Differences are ratios of medians (of counts, "+
		"differences) with %s intervals that hold for all pairs of a figure together: those of the exact rank test, and from 13 runs a side "+
		"on a bootstrap. Each figure is a question of its own, so among twenty figures one may seem to differ without doing so.",
		reports.Share(c.Level))
}

// needed is how many runs a side has to have for a difference to be told: the more pairs there are, the more. It is 0 where nothing is
// compared with anything.
func (c *Comparison) needed() int {
	pairs := 0
	for _, f := range c.Figures {
		pairs = max(pairs, len(f.Pairs))
	}
	if pairs == 0 {
		return 0
	}
	return stats.Needed(stats.Family(c.Level, pairs))
}

// compared are the labels of the targets that are compared with another.
func (c *Comparison) compared() map[string]bool {
	labels := map[string]bool{}
	for _, f := range c.Figures {
		for _, p := range f.Pairs {
			labels[p.A], labels[p.B] = true, true
		}
	}
	return labels
}

// notes tells what stands in the way of believing a difference.
func (c *Comparison) notes(runs []*reports.Run) {
	note := func(format string, args ...any) { c.Notes = append(c.Notes, fmt.Sprintf(format, args...)) }
	fewest, compared := 0, c.compared()
	for _, t := range c.Targets {
		if !t.Ranked {
			note("%s (%s) is shown and not ranked: %s.", t.Label, t.Name, t.Why)
		} else if n := passed(t); compared[t.Label] && (fewest == 0 || n < fewest) {
			fewest = n
		}
	}
	for _, t := range c.Targets {
		if n := len(t.Runs) - passed(t); t.Ranked && n > 0 {
			note("%s (%s): %s inconclusive and not counted. If the target had a part in that, its figures are better than it is.",
				t.Label, t.Name, map[bool]string{true: "1 run was", false: fmt.Sprintf("%d runs were", n)}[n == 1])
		}
	}
	if needed := c.needed(); fewest > 0 && fewest < needed {
		note("Anecdotal: with %s a side no difference can be told from noise; use --repeat %d or more.", plural(fewest, "run"), needed)
	}
	if c.Closed {
		note("The load is a closed loop, whose latencies are %s. They follow from its window and the rate, and are not ranked.",
			reports.ClosedNote)
	}
	if len(c.Groups) > 1 {
		var list []string
		for _, g := range c.Groups {
			list = append(list, strings.Join(g.Targets, ", ")+" "+reports.Or(g.Guarantee)+", "+g.Audited)
		}
		text := "are not ranked together (--unequal does so)"
		if c.Unequal {
			text = "are ranked together because --unequal was given"
		}
		note("The guarantees are unequal and %s: %s.", text, strings.Join(list, "; "))
	}
	first := runs[0]
	for _, differ := range []struct {
		what string
		of   func(r *reports.Run) string
	}{
		{"resolved scenario", func(r *reports.Run) string { return r.Scenario.SHA256 }},
		{"seed", func(r *reports.Run) string { return fmt.Sprint(r.Seed) }},
		{"machine", func(r *reports.Run) string {
			e := r.Environment
			return fmt.Sprint(e.OS, e.Arch, e.Kernel, e.CPU, e.Cores)
		}},
		{"version of ordeal", func(r *reports.Run) string { return r.Environment.Ordeal }},
	} {
		if slices.ContainsFunc(runs, func(r *reports.Run) bool { return differ.of(r) != differ.of(first) }) {
			note("Not like with like: the runs differ in their %s.", differ.what)
		}
	}
	for _, t := range c.Targets {
		if strings.Contains(t.Version, ", ") {
			note("Not like with like: %s ran on versions %s.", t.Label, t.Version)
		}
	}
}

func passed(t Target) int {
	n := 0
	for _, r := range t.Runs {
		if r.Verdict == reports.Pass {
			n++
		}
	}
	return n
}

// Passed is how many of the target's runs passed: "2 of 3 passed".
func (t Target) Passed() string { return fmt.Sprintf("%d of %d passed", passed(t), len(t.Runs)) }

// headline is what came out, in a sentence or two.
func (c *Comparison) headline() {
	var list []string
	for _, t := range c.Targets {
		list = append(list, t.Name+" passed "+strings.TrimSuffix(t.Passed(), " passed"))
	}
	text := strings.Join(list, ", ") + "."
	for _, r := range c.Refused {
		text += " " + r.Target + " was refused."
	}
	differing, held, anecdotal := 0, 0, false
	for _, f := range c.Figures {
		if len(f.Pairs) == 0 {
			continue
		}
		held++
		anecdotal = anecdotal || f.Pairs[0].Anecdotal || !slices.ContainsFunc(f.Pairs, func(p Pair) bool { return p.Low != nil })
		if slices.ContainsFunc(f.Pairs, func(p Pair) bool { return p.Significant }) {
			differing++
		}
	}
	switch {
	case len(c.Targets) < 2:
	case held == 0:
		text += " Nothing can be ranked."
	case differing > 0:
		text += fmt.Sprintf(" They differ significantly in %d of %d figures.", differing, held)
	case anecdotal:
		text += " So few runs are an anecdote: no difference is claimed."
	default:
		text += fmt.Sprintf(" There is no significant difference in any of %d figures.", held)
	}
	c.Headline = text
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// Spread is how far the runs of v lie apart: the largest over the smallest, None where that says nothing.
func (v Value) Spread() string {
	if len(v.Runs) < 2 || v.Min <= 0 {
		return reports.None
	}
	return reports.Times(v.Max / v.Min)
}
