package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error is one thing that is wrong with a scenario.
type Error struct {
	// File is the name of the file, or the whole --set argument; then Line and Column are 0.
	File         string
	Line, Column int
	// Path of the value, as --set takes it, such as "phases.steady.for"; empty for the file as a whole.
	Path string
	// Msg says what is wrong and what was expected.
	Msg string
	// Hint is a question such as: did you mean "rate"? It is empty where nothing is near.
	Hint string
	// Excerpt is the line of the file with a caret below the place; empty where there is no line.
	Excerpt string
}

// Error gives the place, the path, what is wrong and the hint in one line, and the excerpt below it.
func (e Error) Error() string {
	var out strings.Builder
	out.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&out, ":%d:%d", e.Line, e.Column)
	}
	out.WriteString(": ")
	if e.Path != "" {
		out.WriteString(e.Path + ": ")
	}
	out.WriteString(e.Msg)
	if e.Hint != "" {
		out.WriteString("; " + e.Hint)
	}
	if e.Excerpt != "" {
		out.WriteString("\n" + e.Excerpt)
	}
	return out.String()
}

// Errors is everything that is wrong with a scenario, in the order of the file; those of --set come last.
type Errors []Error

// Error gives all errors, one below the other.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// mistake is an Error in the making: it knows its place, and is given the look of the line when it is told.
type mistake struct {
	at              place
	path, msg, hint string
}

func newMistake(at place, path, hint, format string, args ...any) mistake {
	return mistake{at: at, path: path, hint: hint, msg: fmt.Sprintf(format, args...)}
}

// maxErrors bounds what is told at once: a file that is wrong throughout is most likely no scenario.
const maxErrors = 50

// inOrder makes errors of mistakes: sorted by place, without repetitions, not too many.
func inOrder(mistakes []mistake) Errors {
	slices.SortStableFunc(mistakes, func(a, b mistake) int {
		aside, beside := a.at.source.override, b.at.source.override
		switch {
		case aside && beside:
			return 0
		case aside:
			return 1
		case beside:
			return -1
		default:
			return cmp.Or(a.at.line-b.at.line, a.at.column-b.at.column)
		}
	})
	mistakes = slices.Compact(mistakes)
	var out Errors
	for i, m := range mistakes {
		if i == maxErrors {
			return append(out, Error{File: out[0].File, Msg: fmt.Sprintf("and %d more errors", len(mistakes)-maxErrors)})
		}
		out = append(out, m.tell())
	}
	return out
}

func (m mistake) tell() Error {
	e := Error{File: m.at.source.name, Path: m.path, Msg: m.msg, Hint: m.hint}
	if !m.at.source.override {
		e.Line, e.Column, e.Excerpt = max(m.at.line, 1), max(m.at.column, 1), m.at.excerpt()
	}
	return e
}

// excerptWidth is how many letters of a line are shown.
const excerptWidth = 110

// excerpt is the line with its number, and a caret below the column; "" for a line with nothing to see.
func (p place) excerpt() string {
	if p.source.discreet || p.line < 1 || p.line > len(p.source.lines) || strings.TrimSpace(p.source.lines[p.line-1]) == "" {
		return ""
	}
	line := []rune(strings.ReplaceAll(p.source.lines[p.line-1], "\t", " "))
	column := min(max(p.column, 1), len(line)+1)
	if start := column - excerptWidth*2/3; len(line) > excerptWidth && start > 0 {
		line, column = append([]rune("…"), line[start:]...), column-start+1
	}
	if len(line) > excerptWidth {
		line = append(line[:excerptWidth:excerptWidth], '…')
	}
	for i, r := range line {
		if r == utf8.RuneError || r < ' ' || r == 0x7f {
			line[i] = '?'
		}
	}
	number := fmt.Sprintf("%5d", p.line)
	return number + " | " + string(line) + "\n" + strings.Repeat(" ", len(number)) + " | " + strings.Repeat(" ", column-1) + "^"
}
