package judge

import "fmt"

// order demands that first deliveries come in the order of sending.
type order struct{}

// mostLate is the part of the compared, one in so many, that may be left uncompared by a check that passes, and says so.
const mostLate = 100

func (order) Name() string { return "order" }

func (order) Guarantee(p Params) string {
	unit := "key"
	if p.Scope == PerShard {
		unit = "shard"
	}
	return "The messages of one producer and " + unit + " come in the order in which they were sent, when they come for the first time."
}

func (order) Judge(f *Findings, p Params) Verdict {
	v := Verdict{Status: Pass, Promised: true}
	var reordered, displaced, unjudged, late int64
	var distance uint64
	var sentences []string
	broken, keyed := false, false
	for i := range f.Groups {
		g := &f.Groups[i]
		keyed = keyed || g.keyed
		n := g.Reordered[p.Scope]
		v.Comparisons += g.Judged[p.Scope]
		reordered += n
		displaced += g.Displaced
		unjudged += g.Unjudged
		late += g.Late
		distance = max(distance, g.MaxDistance[p.Scope])
		if n > 0 {
			sentences = append(sentences, fmt.Sprintf("%s of %s came to group %s after a younger one, at most %s behind.",
				grouped(n), plural(g.Judged[p.Scope], "message"), g.Group.Name, grouped(g.MaxDistance[p.Scope])))
		}
		broken = v.promise(g, n > 0, broken, g.Group.keepsOrder(p.Scope))
	}
	switch {
	case reordered > 0:
		v.Status, v.Why = Fail, paragraph(sentences)
	case p.Scope == Unordered:
		v.Status, v.Why = Inconclusive, "No scope of order was asked for."
	case p.Scope == PerKey && !keyed:
		v.Status, v.Why = Inconclusive, "No message had a key."
	case v.Comparisons == 0:
		v.Status, v.Why = Inconclusive, "No message came whose order could be compared."
	case late > 0:
		if late > v.Comparisons/mostLate {
			v.Status = Inconclusive
		}
		v.Why = fmt.Sprintf("%s came in order, but %s came too long after their neighbours in the log to be compared.",
			plural(v.Comparisons, "message"), plural(late, "other"))
	default:
		v.Why = fmt.Sprintf("%s came in order.", plural(v.Comparisons, "message"))
	}
	v.Counts = map[string]int64{
		"reordered": reordered, "displaced": displaced, "unjudged": unjudged, "max_distance": int64(distance),
	}
	v.Examples = examples(f, func(_ *GroupFindings, n *Note) string {
		return fmt.Sprintf("came from %s after a message that is %s younger", place(n.Shard, n.Position), grouped(n.Distance))
	}, func(g *GroupFindings) [][]Note { return [][]Note{inScope(g.Notes[Reordered], p.Scope)} })
	return v
}

// inScope picks the notes of one scope.
func inScope(notes []Note, scope Scope) []Note {
	out := make([]Note, 0, min(len(notes), maxExamples))
	for _, n := range notes {
		if n.scope == scope && len(out) < maxExamples {
			out = append(out, n)
		}
	}
	return out
}
