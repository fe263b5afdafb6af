package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// figure is what one side of a comparison reached.
type figure struct {
	// Rate is messages per second: acknowledged ones, or received ones where somebody receives.
	Rate float64
	// CPU is the processor time of the client for one message, in µs.
	CPU float64
}

// row is one line of the table that `make bench-peers` prints: a comparison, or one figure held against a limit.
type row struct {
	what, against string
	// unit says what values are: ratios, or figures of ordeal's own.
	unit string
	// least or most is the target; 0 for none.
	least, most float64
	// values has one entry a pair; ours and theirs have the figures that they come from, as far as there are any.
	values       []float64
	ours, theirs []figure
	// note is said below the table.
	note string
	// failed says why there is no result.
	failed string
}

// The units of values.
const (
	unitRate   = "x msg/s"
	unitCPU    = "x CPU/msg"
	unitExact  = "x exact"
	unitMiB    = "MiB"
	unitMicros = "µs/msg"
	unitWrites = "writes/msg"
)

// met tells whether the median keeps the target.
func (r *row) met() bool {
	if r.failed != "" || len(r.values) == 0 {
		return false
	}
	m := median(r.values)
	return (r.least == 0 || m >= r.least) && (r.most == 0 || m <= r.most)
}

func (r *row) target() string {
	switch {
	case r.least > 0 && r.most > 0:
		return fmt.Sprintf("%.4g to %.4g", r.least, r.most)
	case r.least > 0:
		return fmt.Sprintf(">= %.4g", r.least)
	case r.most > 0:
		return fmt.Sprintf("<= %.4g", r.most)
	default:
		return "-"
	}
}

func (r *row) verdict() string {
	switch {
	case r.failed != "":
		return "NO RESULT"
	case r.least == 0 && r.most == 0:
		return "-"
	case r.met():
		return "met"
	default:
		return "MISSED"
	}
}

// show prints the row by itself, for those who wait for the table.
func (r *row) show() { fmt.Println(strings.Join(r.cells(), " | ")) }

// cells are the columns of the table.
func (r *row) cells() []string {
	value := "-"
	switch {
	case len(r.values) == 1:
		value = fmt.Sprintf("%.3g %s", r.values[0], r.unit)
	case len(r.values) > 1:
		value = fmt.Sprintf("%.3g (%.3g to %.3g) %s", median(r.values), slices.Min(r.values), slices.Max(r.values), r.unit)
	}
	return []string{
		r.what, r.against, value, r.target(), r.verdict(),
		typical(r.ours, func(f figure) float64 { return f.Rate }) + " / " + typical(r.theirs, func(f figure) float64 { return f.Rate }),
		typical(r.ours, func(f figure) float64 { return f.CPU }) + " / " + typical(r.theirs, func(f figure) float64 { return f.CPU }),
	}
}

// typical is the median of one figure of one side.
func typical(fs []figure, of func(figure) float64) string {
	var values []float64
	for _, f := range fs {
		values = append(values, of(f))
	}
	if len(values) == 0 {
		return "-"
	}
	m := median(values)
	switch {
	case m >= 10_000:
		return fmt.Sprintf("%.0f k", m/1000)
	case m >= 1000:
		return fmt.Sprintf("%.1f k", m/1000)
	default:
		return fmt.Sprintf("%.3g", m)
	}
}

// headings of the columns.
func headings() []string {
	return []string{"what", "against", "median (range)", "target", "", "msg/s, ours / theirs", "client CPU µs/msg, ours / theirs"}
}

// write prints the rows as one table, and what there is to say about them below.
func write(to io.Writer, rows []*row) {
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(headings(), "\t"))
	missed := 0
	var notes []string
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r.cells(), "\t"))
		if r.verdict() == "MISSED" || r.failed != "" {
			missed++
		}
		if r.failed != "" {
			notes = append(notes, r.what+": "+r.failed)
		}
		if r.note != "" {
			notes = append(notes, r.what+": "+r.note)
		}
	}
	t.Flush()
	for _, n := range notes {
		fmt.Fprintln(to, "  "+strings.ReplaceAll(n, "\n", "\n    "))
	}
	fmt.Fprintf(to, "%d of %d rows do not keep their target\n", missed, len(rows))
}

func TestRowKeepsItsTarget(t *testing.T) {
	tests := []struct {
		name    string
		row     row
		verdict string
		target  string
	}{
		{"no target", row{values: []float64{1}}, "-", "-"},
		{"the median counts, not the worst", row{least: 1, values: []float64{0.5, 1, 2}}, "met", ">= 1"},
		{"too slow", row{least: 1, values: []float64{0.5, 0.9, 2}}, "MISSED", ">= 1"},
		{"too much", row{most: 80, values: []float64{80.1}}, "MISSED", "<= 80"},
		{"little enough", row{most: 80, values: []float64{80}}, "met", "<= 80"},
		{"between, low", row{least: 0.97, most: 1.03, values: []float64{0.96}}, "MISSED", "0.97 to 1.03"},
		{"between", row{least: 0.97, most: 1.03, values: []float64{1}}, "met", "0.97 to 1.03"},
		{"nothing was measured", row{least: 1}, "MISSED", ">= 1"},
		{"it broke half-way", row{least: 1, values: []float64{5}, failed: "broken"}, "NO RESULT", ">= 1"},
	}
	for _, test := range tests {
		if got := test.row.verdict(); got != test.verdict || test.row.target() != test.target {
			t.Errorf("%s: %s, %s; expected %s, %s", test.name, got, test.row.target(), test.verdict, test.target)
		}
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	write(&out, []*row{
		{
			what: "kafka produce", against: "the tool", unit: unitRate, least: 1, values: []float64{0.9, 1.2, 1.1},
			ours: []figure{{110_000, 1.5}}, theirs: []figure{{100_000, 3}}, note: "said below",
		},
		{what: "redis produce", against: "the tool", unit: unitRate, least: 1, failed: "no broker\nanywhere"},
	})
	for _, want := range []string{
		"1.1 (0.9 to 1.2) x msg/s", "110 k / 100 k", "1.5 / 3", "met", "NO RESULT", "kafka produce: said below",
		"redis produce: no broker\n    anywhere", "1 of 2 rows do not keep their target",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, out.String())
		}
	}
}
