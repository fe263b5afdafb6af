package judge

import (
	"fmt"
	"strings"
)

// noPhantom demands that nothing is delivered that was not sent.
type noPhantom struct{}

func (noPhantom) Name() string { return "no-phantom" }

func (noPhantom) Guarantee(Params) string {
	return "Nothing is delivered that was not sent, and nothing that was rejected."
}

func (noPhantom) Judge(f *Findings, _ Params) Verdict {
	v := Verdict{Promised: true, Promise: "Any broker: a message that was never sent, or definitely not taken, cannot arrive."}
	sum := v.evidence(f, []Kind{Foreign, Stranger, Beyond, Resurrected}, func(g *GroupFindings) string {
		var parts []string
		for _, p := range []struct {
			kind Kind
			what string
		}{
			{Foreign, "without a stamp of this run"},
			{Stranger, "of a producer, lane or topic that it does not read"},
			{Beyond, "with a sequence number that was never sent"},
			{Resurrected, "that had been rejected"},
		} {
			if n := g.Counts[p.kind]; n > 0 {
				parts = append(parts, grouped(n)+" "+p.what)
			}
		}
		return fmt.Sprintf("Group %s received what nobody sent: %s.", g.Group.Name, strings.Join(parts, ", "))
	}, "All %s were of messages that this run sent.")
	v.Counts = map[string]int64{
		"phantom": sum[Foreign] + sum[Stranger] + sum[Beyond] + sum[Resurrected], "foreign": sum[Foreign], "stranger": sum[Stranger],
		"beyond": sum[Beyond], "rejected_delivered": sum[Resurrected],
	}
	v.Examples = examples(f, func(g *GroupFindings, n *Note) string {
		switch n.Kind {
		case Resurrected:
			return "a try was rejected, and what it had sent was delivered to group " + g.Group.Name
		case Beyond:
			return "never sent, and delivered to group " + g.Group.Name
		case Stranger:
			return "from " + place(n.Shard, n.Position) + ", of a producer, lane or topic that the group does not read"
		default:
			return "from " + place(n.Shard, n.Position) + ", without a stamp of this run"
		}
	}, func(g *GroupFindings) [][]Note {
		return [][]Note{g.Notes[Resurrected], g.Notes[Beyond], g.Notes[Stranger], g.Notes[Foreign]}
	})
	return v
}

// noCorruption demands that bodies arrive as they were sent.
type noCorruption struct{}

func (noCorruption) Name() string { return "no-corruption" }

func (noCorruption) Guarantee(Params) string { return "Every body arrives bit for bit as it was sent." }

func (noCorruption) Judge(f *Findings, _ Params) Verdict {
	v := Verdict{Promised: true, Promise: "Any broker: it must not change a body."}
	sum := v.evidence(f, []Kind{Corrupted}, func(g *GroupFindings) string {
		return fmt.Sprintf("%s of %s to group %s did not match the checksum.",
			grouped(g.Counts[Corrupted]), deliveriesOf(g.Delivered), g.Group.Name)
	}, "All %s matched their checksum.")
	v.Counts = map[string]int64{"corrupted": sum[Corrupted]}
	v.Examples = examples(f, func(_ *GroupFindings, n *Note) string {
		return "damaged body from " + place(n.Shard, n.Position) + "; the name is what is left of its stamp"
	}, func(g *GroupFindings) [][]Note { return [][]Note{g.Notes[Corrupted]} })
	return v
}

// evidence fills a verdict on oddities that are seen, not missed: they fail it whatever else is known of the run. It returns their sums.
func (v *Verdict) evidence(f *Findings, of []Kind, bad func(*GroupFindings) string, good string) [kinds]int64 {
	var sum [kinds]int64
	var sentences []string
	v.Status = Pass
	for i := range f.Groups {
		g := &f.Groups[i]
		v.Comparisons += g.Delivered
		odd := int64(0)
		for _, k := range of {
			sum[k] += g.Counts[k]
			odd += g.Counts[k]
		}
		if odd > 0 {
			v.Status = Fail
			sentences = append(sentences, bad(g))
		}
	}
	switch {
	case v.Status == Fail:
		v.Why = paragraph(sentences)
	case v.Comparisons == 0:
		v.Status, v.Why = Inconclusive, "Nothing was delivered."
	default:
		v.Why = fmt.Sprintf(good, deliveriesOf(v.Comparisons))
	}
	return sum
}

func deliveriesOf(n int64) string { return plural(n, "delivery") }
