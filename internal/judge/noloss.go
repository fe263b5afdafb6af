package judge

import "fmt"

// noLoss demands that every acked message reaches every group of its topic.
type noLoss struct{}

func (noLoss) Name() string { return "no-loss" }

func (noLoss) Guarantee(Params) string {
	return "Every acknowledged message reaches every group of its topic."
}

func (noLoss) Judge(f *Findings, _ Params) Verdict {
	v := Verdict{Status: Pass, Promised: true}
	var lost, unseen, damaged, unacked int64
	var holdings [Unclear + 1]int64
	var bad, open, good []string
	broken := false
	for i := range f.Groups {
		g := &f.Groups[i]
		v.Comparisons += g.Owed
		lost += g.Counts[Lost]
		unseen += g.Counts[Unseen]
		damaged += g.Damaged
		unacked += g.Unacked
		for h, n := range g.Holdings {
			holdings[h] += n
		}
		switch {
		case g.Counts[Lost] > 0:
			bad = append(bad, fmt.Sprintf("%s never reached group %s.%s",
				ofAcked(g.Counts[Lost], g.Owed), g.Group.Name, g.whereLost(&f.Evidence)))
		case g.Counts[Unseen] > 0:
			open = append(open, fmt.Sprintf("%s had not reached group %s, and they may still be on their way: %s.",
				ofAcked(g.Counts[Unseen], g.Owed), g.Group.Name, incomplete(f, g)))
		case g.Owed == 0 && g.Producers > 0:
			open = append(open, fmt.Sprintf("No message was acked that group %s had to get.", g.Group.Name))
		case g.Owed > 0:
			good = append(good, fmt.Sprintf("Group %s got all %s.", g.Group.Name, plural(g.Owed, "acknowledged message")))
		}
		broken = v.promise(g, g.Counts[Lost] > 0, broken, g.Group.keepsAll())
	}
	switch {
	case lost > 0:
		v.Status, v.Why = Fail, paragraph(append(bad, open...))
	case len(f.Groups) == 0:
		v.Status, v.Why = Inconclusive, "No group read anything."
	case f.Totals.Acked == 0:
		v.Status, v.Why = Inconclusive, "No message was acked."
	case len(open) > 0:
		v.Status, v.Why = Inconclusive, paragraph(open)
	default:
		v.Why = paragraph(good)
	}
	v.Counts = map[string]int64{"lost": lost, "unseen": unseen, "damaged": damaged, "delivered_unacked": unacked}
	if len(f.Evidence.Replays) > 0 {
		for h := Held; h <= Unclear; h++ {
			v.Counts[h.String()] = holdings[h]
		}
	}
	v.Examples = examples(f, func(g *GroupFindings, n *Note) string {
		if n.Kind == Lost {
			return "acked, and never delivered to group " + g.Group.Name + n.Holding.clause()
		}
		return "acked, and not yet delivered to group " + g.Group.Name + " when the drain ended"
	}, func(g *GroupFindings) [][]Note { return [][]Note{g.Notes[Lost], g.Notes[Unseen]} })
	return v
}

// ofAcked says how many of how many.
func ofAcked(n, owed int64) string {
	return grouped(n) + " of " + plural(owed, "acknowledged message")
}

// incomplete says why an absence proves nothing.
func incomplete(f *Findings, g *GroupFindings) string {
	if f.Evidence.HistoryCut != "" {
		return "the history is cut: " + f.Evidence.HistoryCut
	}
	return "the drain is incomplete: " + g.Drain.Why
}

// promise enters what group g was promised: before anything is broken, all groups count; then only those that were failed.
func (v *Verdict) promise(g *GroupFindings, failed, broken, promised bool) bool {
	switch {
	case failed && !broken:
		v.Promised, v.Promise = promised, g.Group.Why
	case failed && promised && !v.Promised:
		v.Promised, v.Promise = true, g.Group.Why
	case !broken && !failed:
		v.Promised = v.Promised && promised
		if v.Promise == "" {
			v.Promise = g.Group.Why
		}
	}
	return broken || failed
}
