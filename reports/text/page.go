package text

import (
	"strings"
	"unicode/utf8"

	"ordeal/reports"
)

// style is how a word looks on a terminal that knows colours; the empty one is plain.
type style string

const (
	plain  style = ""
	bold   style = "1"
	soft   style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	blue   style = "34"
)

// page collects lines. Widths are counted before styles are put on, so that colours never move a column.
type page struct {
	out    strings.Builder
	width  int
	colour bool
}

// paint gives s its style where colours were asked for.
func (p *page) paint(st style, s string) string {
	if !p.colour || st == plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

// line writes one line as it is.
func (p *page) line(s string) {
	p.out.WriteString(strings.TrimRight(s, " "))
	p.out.WriteByte('\n')
}

// heading begins a section; note is said beside it.
func (p *page) heading(title, note string) {
	p.line("")
	if note == "" {
		p.line(p.paint(bold, title))
		return
	}
	lines := wrap(note, p.width-width(title)-2)
	p.line(p.paint(bold, title) + "  " + p.paint(soft, lines[0]))
	for _, more := range lines[1:] {
		p.line(strings.Repeat(" ", width(title)+2) + p.paint(soft, more))
	}
}

// para writes s behind a prefix, wrapped, later lines indented to where the first began. lead is the prefix's width.
func (p *page) para(prefix string, lead int, st style, s string) {
	for i, text := range wrap(s, p.width-lead) {
		if i > 0 {
			prefix = strings.Repeat(" ", lead)
		}
		p.line(prefix + p.paint(st, text))
	}
}

// tone is the colour of a verdict.
func tone(v reports.Verdict) style {
	switch v {
	case reports.Pass:
		return green
	case reports.Fail:
		return red
	default:
		return yellow
	}
}

// mark is a verdict's sign in its colour, with the margin of every list.
func (p *page) mark(v reports.Verdict) string {
	return " " + p.paint(tone(v), v.Mark()) + " "
}

// wrap breaks s at spaces into lines of at most limit runes, but not between a figure and its unit; a longer word is cut. There is always
// one line.
func wrap(s string, limit int) []string {
	limit = max(limit, 20)
	var lines []string
	line := ""
	words := strings.Fields(reports.OneLine(s))
	for i := 0; i < len(words); i++ {
		word := words[i]
		if i+1 < len(words) && isUnit(words[i+1]) && strings.ContainsAny(word[len(word)-1:], "0123456789") {
			word += " " + words[i+1]
			i++
		}
		for width(word) > limit {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			head, rest := cut(word, limit)
			lines, word = append(lines, head), rest
		}
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) <= limit:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// isUnit tells whether a word can follow a figure only, whatever punctuation is behind it.
func isUnit(word string) bool {
	switch strings.TrimRight(word, ".,;:)") {
	case "ns", "µs", "ms", "s", "min", "h", "%", "B", "KiB", "MiB", "GiB", "TiB":
		return true
	default:
		return false
	}
}

// cut splits s after n runes.
func cut(s string, n int) (head, rest string) {
	for i := range s {
		if n == 0 {
			return s[:i], s[i:]
		}
		n--
	}
	return s, ""
}

// short makes one line of s, of at most n runes.
func short(s string, n int) string { return clip(reports.OneLine(s), n) }

// clip cuts s to at most n runes, the last one an ellipsis.
func clip(s string, n int) string {
	if width(s) <= n {
		return s
	}
	head, _ := cut(s, max(n-1, 0))
	return head + "…"
}

func width(s string) int { return utf8.RuneCountInString(s) }

// left and right put s into a column of n runes.
func left(s string, n int) string  { return s + strings.Repeat(" ", max(n-width(s), 0)) }
func right(s string, n int) string { return strings.Repeat(" ", max(n-width(s), 0)) + s }
