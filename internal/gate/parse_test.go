package gate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"ordeal/internal/gate"
)

func TestParse(t *testing.T) {
	for expr, figures := range map[string][]string{
		"steady.end_to_end.p99 < 20ms":                               {"steady.end_to_end.p99"},
		"  fault.gap.max<15s ":                                       {"fault.gap.max"},
		"recovery.received_rate >= 95% of steady.received_rate":      {"recovery.received_rate", "steady.received_rate"},
		"steady.sent_rate>=99.5%  of  steady.offered_rate":           {"steady.sent_rate", "steady.offered_rate"},
		"fault.rejected == 0":                                        {"fault.rejected"},
		"fault.unknown <= 2k":                                        {"fault.unknown"},
		"warm-up.ack.mean <= 1.5ms":                                  {"warm-up.ack.mean"},
		"steady.acked_rate > 1.5M/s":                                 {"steady.acked_rate"},
		"harness.cpu_share < 80%":                                    {"harness.cpu_share"},
		"harness.rss_max < 512MiB":                                   {"harness.rss_max"},
		"harness.lag_p99 <= 100% of steady.lag.p99":                  {"harness.lag_p99", "steady.lag.p99"},
		"fault.end_to_end.p50 <= 1000% of steady.end_to_end.p50    ": {"fault.end_to_end.p50", "steady.end_to_end.p50"},
	} {
		g, err := gate.Parse(expr)
		if err != nil {
			t.Errorf("Parse(%q): %v", expr, err)
			continue
		}
		if !slices.Equal(g.Figures(), figures) || g.String() != expr {
			t.Errorf("Parse(%q) asks for %q and says %q", expr, g.Figures(), g)
		}
		for _, m := range g.Mentions() {
			if !strings.HasPrefix(expr[m.Column-1:], m.Figure) || !strings.HasPrefix(m.Figure, m.Phase+".") {
				t.Errorf("Parse(%q) mentions %+v", expr, m)
			}
		}
	}
}

// Every figure that is declared can be asked for, against a value of its own unit.
func TestParseEveryFigure(t *testing.T) {
	values := map[gate.Unit]string{gate.Count: "1", gate.Duration: "1ms", gate.Rate: "1/s", gate.Share: "1%", gate.Bytes: "1KiB"}
	for _, f := range gate.Figures() {
		phase := "steady."
		if f.Own {
			phase = gate.Harness + "."
		}
		for u, value := range values {
			_, err := gate.Parse(phase + f.Name + " < " + value)
			if (err == nil) != (u == f.Unit) {
				t.Errorf("%s%s < %s: %v", phase, f.Name, value, err)
			}
		}
		if f.About == "" {
			t.Errorf("%s says nothing about itself", f.Name)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		expr   string
		column int
		msg    string
		hint   string
	}{
		{"", 1, "expected one of < <= > >= ==", ""},
		{"steady.end_to_end.p99", 22, "expected one of < <= > >= ==", ""},
		{"steady.end_to_end.p99 = 20ms", 23, `"=" is none of`, `did you mean "=="?`},
		{"steady.end_to_end.p99 != 20ms", 23, `"!" is none of`, ""},
		{"steady.end_to_end.p95 < 20ms", 8, `there is no figure "end_to_end.p95"`, `did you mean "end_to_end.p90"?`},
		{"steady.endtoend.p99 < 20ms", 8, `there is no figure "endtoend.p99"`, `did you mean "end_to_end.p99"?`},
		{"steady.throughput > 1/s", 8, `there is no figure "throughput"`, "there are offered_rate, sent_rate"},
		{"harness.load < 80%", 9, `there is no figure "load"`, "there are lag_p99, hiccup_p99, cpu_share, rss_max"},
		{"steady < 20ms", 1, `"steady" is not a figure`, ""},
		{"< 20ms", 1, "expected a figure", ""},
		{"steady.gap.max <", 17, "expected a limit: a duration such as 20ms", ""},
		{"steady.gap.max < 5", 18, "lacks its unit", ""},
		{"steady.gap.max < 5%", 18, "steady.gap.max is a duration, and 5% is not", ""},
		{"steady.gap.max < 100/s", 18, "steady.gap.max is a duration, and 100/s is not", ""},
		{"steady.sent_rate > 20ms", 20, "steady.sent_rate is a rate, and 20ms is not", ""},
		{"steady.sent_rate > 20k", 20, "write 20k/s", ""},
		{"steady.sent_rate >= 95% of steady.gap.max", 28, "steady.gap.max is a duration, and steady.sent_rate is a rate", ""},
		{"steady.sent_rate >= 95% of steady.ofered_rate", 35, `there is no figure "ofered_rate"`, `did you mean "offered_rate"?`},
		{"steady.sent_rate >= steady.offered_rate", 21, "expected a rate", `did you mean "100% of steady.offered_rate"?`},
		{"steady.sent_rate >= 95% of", 21, "expected a rate", ""},
		{"steady.gap.max < 5s < 6s", 18, "expected a duration", ""},
		{strings.Repeat("x", 501), 501, "longer than 500", ""},
	} {
		g, err := gate.Parse(c.expr)
		var e *gate.SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("Parse(%q) = %v, %v, want a syntax error", c.expr, g, err)
			continue
		}
		if e.Column != c.column || !strings.Contains(e.Msg, c.msg) || !strings.Contains(e.Hint, c.hint) || c.hint == "" && e.Hint != "" {
			t.Errorf("Parse(%q): %v\nwant column %d, %q and %q", c.expr, e, c.column, c.msg, c.hint)
		}
	}
}

// Whatever it is given, the parser answers: with a gate that says what was written, or with an error that points into it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"steady.end_to_end.p99 < 20ms", "a.received_rate >= 95% of b.received_rate", "harness.rss_max<1GiB", "= = =",
		"x.gap.max < 1%% of", "", "%of ",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		g, err := gate.Parse(expr)
		var e *gate.SyntaxError
		switch {
		case err == nil && (g.String() != expr || len(g.Figures()) == 0):
			t.Fatalf("%q became %q", expr, g)
		case err != nil && (!errors.As(err, &e) || e.Column < 1 || e.Column > len(expr)+1 || e.Msg == ""):
			t.Fatalf("%q: %#v", expr, err)
		case err != nil:
			return
		}
		none := func(string) (gate.Reading, bool) { return gate.Reading{}, false }
		if r := g.Eval(none); r.Met || r.Verdict != gate.Inconclusive {
			t.Fatalf("%q without any figure: %+v", expr, r)
		}
	})
}
