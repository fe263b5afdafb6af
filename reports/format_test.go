package reports_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"ordeal/reports"
)

func TestFormats(t *testing.T) {
	const ms = int64(time.Millisecond)
	for _, c := range []struct{ got, want string }{
		{reports.Duration(0), "0 s"},
		{reports.Duration(640), "640 ns"},
		{reports.Duration(999), "999 ns"},
		{reports.Duration(4_100), "4.1 µs"},
		{reports.Duration(210_000), "210 µs"},
		{reports.Duration(999_600), "1 ms"},
		{reports.Duration(1_932_000), "1.93 ms"},
		{reports.Duration(11 * ms), "11 ms"},
		{reports.Duration(9_996_000), "10 ms"},
		{reports.Duration(99_960_000), "100 ms"},
		{reports.Duration(6200 * ms), "6.2 s"},
		{reports.Duration(65_000 * ms), "65 s"},
		{reports.Duration(119_600 * ms), "2 min"},
		{reports.Duration(125_000 * ms), "2 min 5 s"},
		{reports.Duration(12_000_000 * ms), "3 h 20 min"},
		{reports.Duration(-820 * ms), "-820 ms"},
		{reports.Duration(math.MinInt64), "-2,562,047 h 47 min"},
		{reports.Seconds(0.42), "420 ms"},
		{reports.Seconds(math.NaN()), "–"},
		{reports.Seconds(math.MaxFloat64), "–"},
		{reports.Offset(30_004 * ms), "30.004 s"},
		{reports.Offset(0), "0.000 s"},
		{reports.Offset(3_601_200 * ms), "3,601.200 s"},
		{reports.Offset(999_999), "0.001 s"},
		{reports.Offset(-1), "–"},
		{reports.Moment(0), "–"},
		{reports.Moment(1 * ms), "0.001 s"},
		{reports.Percentiles{P99: 1}.Latency(1), "–"},
		{reports.Percentiles{Count: 1}.Latency(2 * ms), "2 ms"},
		{reports.Count(0), "0"},
		{reports.Count(999), "999"},
		{reports.Count(1_268_440), "1,268,440"},
		{reports.Count(-1000), "-1,000"},
		{reports.Count(math.MinInt64), "-9,223,372,036,854,775,808"},
		{reports.Rate(20_000), "20,000/s"},
		{reports.Rate(99.96), "100/s"},
		{reports.Rate(2.5), "2.5/s"},
		{reports.Rate(0), "0/s"},
		{reports.Rate(-1), "max"},
		{reports.Rate(math.Inf(1)), "–"},
		{reports.Bytes(48), "48 B"},
		{reports.Bytes(1536), "1.5 KiB"},
		{reports.Bytes(31 << 20), "31 MiB"},
		{reports.Bytes(5 << 40), "5 TiB"},
		{reports.Bytes(-1), "–"},
		{reports.Share(0), "0 %"},
		{reports.Share(0.113), "11.3 %"},
		{reports.Share(1.001), "100.1 %"},
		{reports.Share(0.0042), "0.42 %"},
		{reports.Share(0.00001), "< 0.01 %"},
		{reports.Share(math.NaN()), "–"},
		{reports.Date(time.Date(2026, 11, 21, 10, 42, 0, 0, time.UTC)), "21 Nov 2026 10:42 UTC"},
		{reports.Date(time.Time{}), "–"},
		{reports.OneLine("a\r\n\tb \x1b[31m\u202ec"), "a b [31m c"},
		{reports.Or(""), "–"},
		{reports.Pass.Mark() + reports.Fail.Mark() + reports.Verdict("odd").Mark(), "✓✗?"},
		{reports.Verdict("").Word(), "INCONCLUSIVE"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// A longer time is never written as a shorter one, which is where rounding between units goes wrong.
func TestDurationKeepsTheOrder(t *testing.T) {
	scale := map[string]float64{"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10, "h": 3.6e12}
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64Range(1, math.MaxInt64/2).Draw(t, "ns")
		var got float64
		words := strings.Fields(strings.ReplaceAll(reports.Duration(ns), ",", ""))
		for i := 0; i < len(words); i += 2 {
			unit, known := scale[words[i+1]]
			if !known {
				t.Fatalf("unit %q", words[i+1])
			}
			got += unit * parse(t, words[i])
		}
		if off := math.Abs(got-float64(ns)) / float64(ns); off > 0.0085 {
			t.Fatalf("%d ns is written %q, which is %.2f %% off", ns, reports.Duration(ns), off*100)
		}
	})
}

func TestOneLineIsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		got := reports.OneLine(rapid.String().Draw(t, "text"))
		if i := strings.IndexFunc(got, unicode.IsControl); i >= 0 {
			t.Fatalf("control character left in %q", got)
		}
	})
}

func parse(t *rapid.T, s string) float64 {
	v := 0.0
	frac := 0.0
	for _, c := range s {
		switch {
		case c == '.':
			frac = 1
		case c < '0' || c > '9':
			t.Fatalf("%q is no figure", s)
		case frac > 0:
			frac /= 10
			v += frac * float64(c-'0')
		default:
			v = v*10 + float64(c-'0')
		}
	}
	return v
}
