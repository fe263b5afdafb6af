package scenarios

import (
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

// maxErrors bounds what is told at once: a file that is wrong throughout is most likely no scenario.
const maxErrors = 50

// inOrder sorts by place, drops repetitions and bounds the number.
func (es Errors) inOrder() Errors {
	slices.SortStableFunc(es, func(a, b Error) int {
		switch {
		case (a.Line == 0) != (b.Line == 0):
			return b.Line - a.Line
		case a.Line != b.Line:
			return a.Line - b.Line
		default:
			return a.Column - b.Column
		}
	})
	es = slices.Compact(es)
	if more := len(es) - maxErrors; more > 0 {
		es = append(es[:maxErrors:maxErrors], Error{File: es[0].File, Msg: fmt.Sprintf("and %d more errors", more)})
	}
	return es
}

// newError makes an error that points at p.
func newError(p place, path, hint, format string, args ...any) Error {
	e := Error{Path: path, Msg: fmt.Sprintf(format, args...), Hint: hint}
	if p.source == nil {
		return e
	}
	e.File = p.source.name
	if p.source.override {
		return e
	}
	e.Line, e.Column = max(p.line, 1), max(p.column, 1)
	e.Excerpt = p.excerpt()
	return e
}

// excerptWidth is how many letters of a line are shown.
const excerptWidth = 110

// excerpt is the line with its number, and a caret below the column.
func (p place) excerpt() string {
	if p.line < 1 || p.line > len(p.source.lines) {
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
