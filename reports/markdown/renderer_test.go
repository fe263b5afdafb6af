package markdown_test

import (
	"bytes"
	"strings"
	"testing"

	"ordeal/reports"
	"ordeal/reports/markdown"
	"ordeal/reports/reporttest"
)

func TestGolden(t *testing.T) {
	for _, c := range reporttest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			reporttest.Golden(t, "testdata/"+c.Name+".md", render(t, c.Run))
		})
	}
}

// The hostile run has more of everything than fits, so that every list is at its longest.
func TestUnderSixtyLines(t *testing.T) {
	most := reporttest.Hostile()
	most.Reasons = append(most.Reasons, most.Reasons...)
	for i := range most.Phases {
		most.Phases[i].Seconds, most.Phases[i].Recorded = 1, true
	}
	for _, c := range append(reporttest.Cases(), reporttest.Case{Name: "most", Run: most}) {
		got := render(t, c.Run)
		if n := bytes.Count(got, []byte("\n")); n >= 60 {
			t.Errorf("%s: %d lines", c.Name, n)
		}
	}
}

func TestNothingFromOutsideIsMarkup(t *testing.T) {
	got := string(render(t, reporttest.Hostile()))
	for _, bad := range []string{"<script", "</", "NaN", "%!", "\x1b"} {
		outside := strings.Join(strings.FieldsFunc(withoutCode(got), func(c rune) bool { return c == '\n' }), "\n")
		if strings.Contains(outside, bad) {
			t.Errorf("%q outside of code", bad)
		}
	}
	columns := -1
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "| ") {
			columns = -1
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if columns >= 0 && n != columns {
			t.Errorf("%d columns instead of %d in %q", n, columns, line)
		}
		columns = n
	}
}

// withoutCode drops what stands between fences of backticks, in which nothing is markup.
func withoutCode(s string) string {
	s = strings.ReplaceAll(s, "\\`", "")
	var out strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '`')
		if i < 0 {
			out.WriteString(s)
			break
		}
		out.WriteString(s[:i])
		n := len(s[i:]) - len(strings.TrimLeft(s[i:], "`"))
		_, s, _ = strings.Cut(s[i+n:], s[i:i+n])
	}
	return out.String()
}

func render(t *testing.T, r *reports.Run) []byte {
	t.Helper()
	var got bytes.Buffer
	if err := (markdown.Renderer{}).Render(&got, r); err != nil {
		t.Fatal(err)
	}
	return got.Bytes()
}
