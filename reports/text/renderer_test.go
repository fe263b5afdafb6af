package text_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"ordeal/reports/reporttest"
	"ordeal/reports/text"
)

func TestGolden(t *testing.T) {
	for _, c := range reporttest.Cases() {
		for _, width := range []int{80, 120} {
			name := fmt.Sprintf("%s-%d.txt", c.Name, width)
			t.Run(name, func(t *testing.T) {
				reporttest.Golden(t, "testdata/"+name, render(t, text.Renderer{Width: width}, c))
			})
		}
	}
}

func TestGoldenASCII(t *testing.T) {
	for _, c := range reporttest.Cases()[:2] {
		reporttest.Golden(t, "testdata/"+c.Name+"-ascii.txt", render(t, text.Renderer{ASCII: true}, c))
	}
}

func TestGoldenColour(t *testing.T) {
	reporttest.Golden(t, "testdata/lost-colour.txt", render(t, text.Renderer{Colour: true}, reporttest.Cases()[1]))
}

func TestEveryRendering(t *testing.T) {
	command := regexp.MustCompile("^(Repeat|Next  |      )  ordeal ") // unbroken, so that it can be copied
	escape := regexp.MustCompile("\x1b\\[[0-9]+m")
	for _, c := range reporttest.Cases() {
		for _, r := range []text.Renderer{
			{}, {Width: 1}, {Width: 81}, {Width: 80, ASCII: true}, {Width: 100, Colour: true}, {Width: 1000, Colour: true, ASCII: true},
		} {
			t.Run(fmt.Sprintf("%s-%+v", c.Name, r), func(t *testing.T) {
				got := string(render(t, r, c))
				limit := min(max(r.Width, 80), 120)
				if r.Width == 0 {
					limit = 100
				}
				bare := got
				if r.Colour {
					bare = escape.ReplaceAllString(got, "")
				}
				for line := range strings.Lines(bare) {
					line = strings.TrimSuffix(line, "\n")
					if n := utf8.RuneCountInString(line); n > limit && !command.MatchString(line) {
						t.Errorf("%d columns, more than %d: %q", n, limit, line)
					}
					if i := strings.IndexFunc(line, func(c rune) bool { return c < ' ' || c == 0x7f || r.ASCII && c > 0x7e }); i >= 0 {
						t.Errorf("stray character %q in %q", line[i], line)
					}
				}
				for _, bad := range []string{"NaN", "Inf", "%!", "<nil>"} {
					if strings.Contains(bare, bad) {
						t.Errorf("%q in the report", bad)
					}
				}
			})
		}
	}
}

func TestVerdictComesFirst(t *testing.T) {
	for _, c := range reporttest.Cases() {
		first, _, _ := strings.Cut(string(render(t, text.Renderer{}, c)), "\n")
		if want := c.Run.Verdict.Mark() + " " + c.Run.Verdict.Word(); !strings.HasPrefix(first, want) {
			t.Errorf("%s begins with %q, want %q", c.Name, first, want)
		}
		if want := fmt.Sprintf("exit %d", c.Run.Exit); !strings.HasSuffix(first, want) {
			t.Errorf("%s: the first line %q does not end with %q", c.Name, first, want)
		}
	}
}

func TestNamesTheLost(t *testing.T) {
	run := reporttest.Lost()
	got := string(render(t, text.Renderer{}, reporttest.Case{Run: run}))
	for _, e := range run.Checks[0].Examples {
		if !strings.Contains(got, e.Message+" lost in group audit") {
			t.Errorf("message %s is not named", e.Message)
		}
	}
}

func render(t *testing.T, r text.Renderer, c reporttest.Case) []byte {
	t.Helper()
	var got bytes.Buffer
	if err := r.Render(&got, c.Run); err != nil {
		t.Fatal(err)
	}
	return got.Bytes()
}
