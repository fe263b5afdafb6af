package judge

import (
	"fmt"
	"strings"
)

// duplicates demands that messages are delivered once per group, or nearly so.
type duplicates struct{}

func (duplicates) Name() string { return "duplicates" }

func (duplicates) Guarantee(p Params) string {
	if p.Max == 0 {
		return "No group gets a message twice."
	}
	return fmt.Sprintf("Groups get no more than %s of messages they had before.", plural(p.Max, "delivery"))
}

func (duplicates) Judge(f *Findings, p Params) Verdict {
	v := Verdict{Status: Pass, Promised: true}
	var sum [kinds]int64
	var messages, extra int64
	var sentences []string
	broken := false
	for i := range f.Groups {
		g := &f.Groups[i]
		v.Comparisons += g.Whole
		again := g.Whole - g.Unique
		extra += again
		messages += g.DuplicatedMessages
		for _, k := range []Kind{Redelivered, InLog, Unexplained} {
			sum[k] += g.Counts[k]
		}
		if again > 0 {
			sentences = append(sentences, repeated(g, again))
		}
		broken = v.promise(g, again > 0, broken, g.Group.keepsOnce())
	}
	switch {
	case extra > p.Max:
		v.Status, v.Why = Fail, paragraph(sentences)
	case v.Comparisons == 0:
		v.Status, v.Why = Inconclusive, "Nothing was delivered."
	case extra > 0:
		v.Why = paragraph(sentences) + fmt.Sprintf(" Up to %s were allowed.", grouped(p.Max))
	default:
		v.Why = fmt.Sprintf("All %s were of different messages.", plural(v.Comparisons, "delivery"))
	}
	v.Counts = map[string]int64{
		"duplicated": extra, "duplicated_messages": messages, "redelivered": sum[Redelivered], "in_log": sum[InLog],
		"unexplained": sum[Unexplained],
	}
	v.Examples = examples(f, func(g *GroupFindings, n *Note) string {
		switch n.Kind {
		case InLog:
			return "delivered again from another place, " + place(n.Shard, n.Position) + ": it is in the log twice"
		case Unexplained:
			return "delivered again without being flagged as redelivered"
		default:
			return "delivered to group " + g.Group.Name + " again, as a redelivery from " + place(n.Shard, n.Position)
		}
	}, func(g *GroupFindings) [][]Note {
		return [][]Note{g.Notes[InLog], g.Notes[Unexplained], g.Notes[Redelivered]}
	})
	return v
}

// repeated says what was delivered again to one group, and how.
func repeated(g *GroupFindings, again int64) string {
	var how []string
	for _, p := range []struct {
		kind Kind
		what string
	}{
		{Redelivered, "redelivered"}, {InLog, "in the log twice"}, {Unexplained, "unexplained"},
	} {
		if n := g.Counts[p.kind]; n > 0 {
			how = append(how, grouped(n)+" "+p.what)
		}
	}
	return fmt.Sprintf("Group %s got %s it had before, of %s: %s.", g.Group.Name, plural(again, "delivery")+" of messages",
		plural(g.DuplicatedMessages, "different message"), strings.Join(how, ", "))
}
