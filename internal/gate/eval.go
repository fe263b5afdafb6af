package gate

import "math"

// Verdict of a gate, in the words of reports.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "pass"
	Inconclusive Verdict = "inconclusive"
	Fail         Verdict = "fail"
)

// Reading is a figure as it was measured, in the base unit of its kind: nanoseconds, messages per second, bytes, a share from 0 to 1, a
// count.
type Reading struct {
	Value float64
	// Doubt is how much of Value may be ordeal's own doing, such as its own lateness in a latency: the truth lies between Value-Doubt
	// and Value. The zero value is a figure beyond doubt.
	Doubt float64
	// Why names the reason of a doubt in a few words, such as "ordeal was up to 3ms late"; it is empty without one.
	Why string
}

// Result of a gate.
type Result struct {
	Expr string
	// Value is what was measured and Limit what it was held against, both as they would stand in a gate; "" where unknown.
	Value, Limit string
	// Met is true for Pass only.
	Met     bool
	Verdict Verdict
	// Why is one sentence for Fail and Inconclusive.
	Why string
}

// Eval holds the measured figure against the limit. measured is asked for each of g.Figures; ok tells whether there were samples.
func (g *Gate) Eval(measured func(name string) (r Reading, ok bool)) Result {
	result := Result{Expr: g.expr, Limit: g.limit.text, Verdict: Inconclusive}
	left, ok := take(g.left.name, measured)
	if !ok {
		result.Why = g.left.name + " was not measured: there is nothing to hold against the limit."
		return result
	}
	result.Value = g.left.unit.Format(left.Value)
	bound := Reading{Value: g.limit.value}
	if g.limit.other != nil {
		other, ok := take(g.limit.other.name, measured)
		if !ok {
			result.Why = g.limit.other.name + " was not measured: there is no limit to hold " + g.left.name + " against."
			return result
		}
		bound = Reading{Value: g.limit.share * other.Value, Doubt: g.limit.share * other.Doubt, Why: other.Why}
		result.Limit = g.left.unit.Format(bound.Value)
	}
	met := g.op.holds(left.Value, bound.Value)
	if g.doubtful(met, left, bound) {
		result.Why = g.left.name + " is " + result.Value + ", but " + reason(left, bound) + ": without that the answer could be the other."
		return result
	}
	if !met {
		result.Verdict = Fail
		result.Why = g.left.name + " is " + result.Value + ", which is not " + string(g.op) + " " + result.Limit + "."
		return result
	}
	result.Met, result.Verdict = true, Pass
	return result
}

func take(name string, measured func(string) (Reading, bool)) (Reading, bool) {
	r, ok := measured(name)
	if math.IsNaN(r.Value) || math.IsNaN(r.Doubt) {
		return Reading{}, false
	}
	return r, ok
}

// doubtful tells whether the answer changes when the doubt is taken off either side.
func (g *Gate) doubtful(met bool, left, bound Reading) bool {
	low, limitLow := left.Value-left.Doubt, bound.Value-bound.Doubt
	for _, other := range []bool{g.op.holds(low, bound.Value), g.op.holds(left.Value, limitLow), g.op.holds(low, limitLow)} {
		if other != met {
			return true
		}
	}
	return false
}

func reason(left, bound Reading) string {
	switch {
	case left.Doubt > 0 && left.Why != "":
		return left.Why
	case bound.Doubt > 0 && bound.Why != "":
		return bound.Why
	default:
		return "part of it may be ordeal's own doing"
	}
}
