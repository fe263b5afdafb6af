package gate_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ordeal/internal/gate"
)

func parse(t interface {
	Helper()
	Fatal(...any)
}, expr string,
) *gate.Gate {
	t.Helper()
	g, err := gate.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestEval(t *testing.T) {
	const ms = 1e6
	figures := map[string]gate.Reading{
		"steady.end_to_end.p99":    {Value: 18 * ms},
		"late.end_to_end.p99":      {Value: 21 * ms, Doubt: 3 * ms, Why: "ordeal was up to 3ms late"},
		"very-late.end_to_end.p99": {Value: 31 * ms, Doubt: 3 * ms, Why: "ordeal was up to 3ms late"},
		"steady.received_rate":     {Value: 20_000},
		"recovery.received_rate":   {Value: 18_500.5},
		"fault.gap.max":            {Value: 3.2e9},
		"fault.rejected":           {Value: 0},
		"nan.ack.mean":             {Value: math.NaN()},
		"harness.cpu_share":        {Value: 0.4567},
		"harness.rss_max":          {Value: 300 << 20},
	}
	measured := func(name string) (gate.Reading, bool) {
		r, ok := figures[name]
		return r, ok
	}
	for _, c := range []struct {
		expr, value, limit string
		verdict            gate.Verdict
		why                string
	}{
		{"steady.end_to_end.p99 < 20ms", "18ms", "20ms", gate.Pass, ""},
		{"steady.end_to_end.p99 < 18ms", "18ms", "18ms", gate.Fail, "steady.end_to_end.p99 is 18ms, which is not < 18ms."},
		{"steady.end_to_end.p99 <= 18ms", "18ms", "18ms", gate.Pass, ""},
		{"recovery.received_rate >= 95% of steady.received_rate", "18500/s", "19000/s", gate.Fail, "not >= 19000/s"},
		{"recovery.received_rate >= 90% of steady.received_rate", "18500/s", "18000/s", gate.Pass, ""},
		{"recovery.received_rate > 1k/s", "18500/s", "1k/s", gate.Pass, ""},
		{"fault.gap.max < 15s", "3.2s", "15s", gate.Pass, ""},
		{"fault.rejected == 0", "0", "0", gate.Pass, ""},
		{"fault.rejected > 0", "0", "0", gate.Fail, "which is not > 0"},
		{"harness.cpu_share < 80%", "45.7%", "80%", gate.Pass, ""},
		{"harness.rss_max < 256MiB", "300MiB", "256MiB", gate.Fail, "which is not < 256MiB"},
		// Nothing was measured: never met, never missed.
		{"gone.gap.max < 15s", "", "15s", gate.Inconclusive, "gone.gap.max was not measured"},
		{"nan.ack.mean < 15s", "", "15s", gate.Inconclusive, "nan.ack.mean was not measured"},
		{"fault.gap.max < 50% of gone.gap.max", "3.2s", "50% of gone.gap.max", gate.Inconclusive, "gone.gap.max was not measured"},
		// The doubt decides: 21 ms of which 3 may be ordeal's own.
		{"late.end_to_end.p99 < 20ms", "21ms", "20ms", gate.Inconclusive, "ordeal was up to 3ms late"},
		{"late.end_to_end.p99 < 18ms", "21ms", "18ms", gate.Fail, "which is not < 18ms"},
		{"late.end_to_end.p99 < 22ms", "21ms", "22ms", gate.Pass, ""},
		{"late.end_to_end.p99 > 20ms", "21ms", "20ms", gate.Inconclusive, "ordeal was up to 3ms late"},
		{"steady.end_to_end.p99 < 60% of very-late.end_to_end.p99", "18ms", "18.6ms", gate.Inconclusive, "ordeal was up to 3ms late"},
	} {
		r := parse(t, c.expr).Eval(measured)
		if r.Value != c.value || r.Limit != c.limit || r.Verdict != c.verdict || r.Met != (c.verdict == gate.Pass) ||
			!strings.Contains(r.Why, c.why) || (r.Why == "") != (c.why == "") || r.Expr != c.expr {
			t.Errorf("%s\ngot  %+v\nwant %+v", c.expr, r, c)
		}
	}
}

// More doubt never turns a failure into a pass, and a figure beyond doubt is never inconclusive.
func TestEvalDoubt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		op := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "=="}).Draw(t, "operator")
		g := parse(t, "a.gap.max "+op+" 20ms")
		value := float64(rapid.IntRange(0, 40).Draw(t, "value")) * 1e6
		doubt := float64(rapid.IntRange(0, 40).Draw(t, "doubt")) * 1e6
		eval := func(doubt float64) gate.Verdict {
			return g.Eval(func(string) (gate.Reading, bool) { return gate.Reading{Value: value, Doubt: doubt}, true }).Verdict
		}
		sure, unsure := eval(0), eval(doubt)
		if sure == gate.Inconclusive {
			t.Fatalf("%v without doubt is inconclusive", value)
		}
		if unsure != sure && unsure != gate.Inconclusive {
			t.Fatalf("%v with doubt %v is %s, without %s", value, doubt, unsure, sure)
		}
	})
}
