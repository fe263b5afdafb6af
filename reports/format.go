package reports

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// None stands for a figure that was not measured. A report says it rather than 0.
const None = "–"

// Mark is the sign of a verdict: ✓, ✗ or ?.
func (v Verdict) Mark() string {
	switch v {
	case Pass:
		return "✓"
	case Fail:
		return "✗"
	default:
		return "?"
	}
}

// Word is the verdict as a heading: PASS, FAIL or INCONCLUSIVE, which is also what an unknown verdict amounts to.
func (v Verdict) Word() string {
	switch v {
	case Pass:
		return "PASS"
	case Fail:
		return "FAIL"
	default:
		return "INCONCLUSIVE"
	}
}

// Duration writes ns for people, with three significant digits and the unit that suits: 640 ns, 210 µs, 1.9 ms, 6.2 s, 2 min 5 s, 3 h 20
// min.
func Duration(ns int64) string {
	if ns < 0 {
		if ns == math.MinInt64 {
			ns++
		}
		return "-" + Duration(-ns)
	}
	if ns == 0 {
		return "0 s"
	}
	v := float64(ns)
	for _, unit := range [...]string{" ns", " µs", " ms"} {
		if v < 999.5 {
			return digits(v) + unit
		}
		v /= 1000
	}
	whole := int64(math.Round(v))
	switch {
	case v < 119.5:
		return digits(v) + " s"
	case whole < 3600:
		return pair(whole/60, " min", whole%60, " s")
	default:
		minutes := (whole + 30) / 60
		return pair(minutes/60, " h", minutes%60, " min")
	}
}

// Seconds is Duration for a length in seconds.
func Seconds(s float64) string {
	if !finite(s) || math.Abs(s) > math.MaxInt64/1e9 {
		return None
	}
	return Duration(int64(s * 1e9))
}

// Offset writes a moment of the run, ns since its start, to the millisecond: 30.004 s. Moments are compared with one another, so they
// share one unit, however long the run.
func Offset(ns int64) string {
	ms := (ns + 500_000) / 1_000_000
	if ns < 0 {
		return None
	}
	frac := strconv.FormatInt(1000+ms%1000, 10)[1:]
	return Count(ms/1000) + "." + frac + " s"
}

// Moment is Offset for a time that is 0 where it never came, as those of a fault.
func Moment(ns int64) string {
	if ns <= 0 {
		return None
	}
	return Offset(ns)
}

// Latency is Duration for a figure of p, and None where p has no samples.
func (p Percentiles) Latency(ns int64) string {
	if p.Count <= 0 {
		return None
	}
	return Duration(ns)
}

// Count writes n with separators between thousands: 1,268,440.
func Count(n int64) string {
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	var out strings.Builder
	for i, c := range text {
		if i > 0 && (len(text)-i)%3 == 0 {
			out.WriteByte(',')
		}
		out.WriteRune(c)
	}
	return sign + out.String()
}

// Rate writes messages per second: 20,000/s, 2.5/s. A negative one is the closed loop's, "max".
func Rate(perSecond float64) string {
	switch {
	case !finite(perSecond):
		return None
	case perSecond < 0:
		return "max"
	case perSecond >= 99.95:
		return Count(int64(math.Round(perSecond))) + "/s"
	default:
		return digits(perSecond) + "/s"
	}
}

// Bytes writes n in binary units: 48 B, 1.5 KiB, 31 MiB.
func Bytes(n int64) string {
	if n < 0 {
		return None
	}
	v := float64(n)
	for _, unit := range [...]string{" B", " KiB", " MiB", " GiB"} {
		if v < 999.5 {
			return digits(v) + unit
		}
		v /= 1024
	}
	return digits(v) + " TiB"
}

// Share writes a part of 1 in per cent: 0.113 is 11.3 %.
func Share(part float64) string {
	v := part * 100
	switch {
	case !finite(v):
		return None
	case v != 0 && math.Abs(v) < 0.01:
		return "< 0.01 %"
	case math.Abs(v) < 1:
		return trim(strconv.FormatFloat(v, 'f', 2, 64)) + " %"
	default:
		return trim(strconv.FormatFloat(v, 'f', 1, 64)) + " %"
	}
}

// Times writes a ratio with three significant digits: 1.83×, 0.042×.
func Times(ratio float64) string {
	switch {
	case !finite(ratio) || ratio < 0:
		return None
	case ratio > 0 && ratio < 0.995:
		return strconv.FormatFloat(ratio, 'g', 2, 64) + "×"
	default:
		return digits(ratio) + "×"
	}
}

// Date writes a moment of the calendar in UTC: 21 Nov 2026 10:42 UTC.
func Date(t time.Time) string {
	if t.IsZero() {
		return None
	}
	return t.UTC().Format("2 Jan 2006 15:04 UTC")
}

// OneLine makes one line of a text from outside, such as a broker's version or an error: line breaks and what else controls a terminal
// become spaces, so that nobody's words can move the cursor, colour the page or break a table.
func OneLine(s string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(clean), " ")
}

// Or is s, or None where s is empty.
func Or(s string) string {
	if s == "" {
		return None
	}
	return s
}

// digits writes v with three significant digits and without zeros at the end. v is not negative and below a few thousand.
func digits(v float64) string {
	switch {
	case v >= 99.95:
		return Count(int64(math.Round(v)))
	case v >= 9.995:
		return trim(strconv.FormatFloat(v, 'f', 1, 64))
	default:
		return trim(strconv.FormatFloat(v, 'f', 2, 64))
	}
}

func trim(s string) string {
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func pair(a int64, unitA string, b int64, unitB string) string {
	if b == 0 {
		return Count(a) + unitA
	}
	return Count(a) + unitA + " " + strconv.FormatInt(b, 10) + unitB
}

func finite(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0)
}
