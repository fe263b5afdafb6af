package engine

import (
	"fmt"
	"slices"

	"ordeal/internal/judge"
	"ordeal/internal/message"
	"ordeal/reports"
)

// checkAsked is a check that the scenario asks for, as it is saved in the history.
type checkAsked struct {
	Name  string `json:"name"`
	Max   int64  `json:"max"`
	Scope string `json:"scope,omitempty"`
}

func (c checkAsked) params() judge.Params {
	p := judge.Params{Max: c.Max}
	switch c.Scope {
	case judge.PerKey.String():
		p.Scope = judge.PerKey
	case judge.PerShard.String():
		p.Scope = judge.PerShard
	}
	return p
}

// label is the check's name in reports: with its parameter where it has one.
func (c checkAsked) label() string {
	if c.Scope != "" {
		return c.Name + ": " + c.Scope
	}
	return c.Name
}

// checks asks every check that the scenario wants, in its order. ids are the messages of the examples, in the same order.
func checks(known []judge.Check, asked []checkAsked, f *judge.Findings) (out []reports.Check, ids [][]message.ID) {
	for _, a := range asked {
		i := slices.IndexFunc(known, func(c judge.Check) bool { return c.Name() == a.Name })
		if i < 0 { // a history of another version of ordeal
			out = append(out, reports.Check{
				Name: a.label(), Max: a.Max, Verdict: reports.Inconclusive, Why: fmt.Sprintf("This ordeal does not know the check %q.", a.Name),
			})
			ids = append(ids, nil)
			continue
		}
		v := judge.Judge(known[i], f, a.params())
		c := reports.Check{
			Name: a.label(), Guarantee: known[i].Guarantee(a.params()), Max: a.Max, Verdict: reports.Verdict(v.Status.String()),
			Promised: v.Promised, Promise: v.Promise, Comparisons: v.Comparisons, Counts: v.Counts, Why: v.Why,
		}
		var named []message.ID
		for j := range v.Examples {
			e := &v.Examples[j]
			named = append(named, e.ID)
			c.Examples = append(c.Examples, reports.Example{
				Message: e.Message, Kind: e.Kind.String(), Group: e.GroupName, Detail: e.Detail, Broker: e.Holding.String(),
			})
		}
		out, ids = append(out, c), append(ids, named)
	}
	return out, ids
}

// counts takes the totals over; what only the worker knows is added by the caller.
func counts(f *judge.Findings) reports.Counts {
	return reports.Counts{
		Attempted: f.Totals.Attempted, Acked: f.Totals.Acked, Rejected: f.Totals.Rejected, Unknown: f.Totals.Unknown,
		Delivered: f.Totals.Delivered, Unique: f.Totals.Unique, Owed: f.Totals.Owed,
	}
}
