package gate

import (
	"fmt"
	"strings"

	"ordeal/scenarios/hint"
)

// SyntaxError is an expression that is no gate.
type SyntaxError struct {
	// Column is where the trouble begins in the expression, in bytes, from 1.
	Column int
	// Msg says what is wrong and what was expected.
	Msg string
	// Hint is a question such as: did you mean "p99"? It is empty where nothing is near.
	Hint string
}

// Error gives column, message and hint in one line.
func (e *SyntaxError) Error() string {
	text := fmt.Sprintf("column %d: %s", e.Column, e.Msg)
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// syntax makes an error at an offset from 0.
func syntax(offset int, hint, format string, args ...any) *SyntaxError {
	return &SyntaxError{Column: offset + 1, Msg: fmt.Sprintf(format, args...), Hint: hint}
}

func unknownFigure(name string, offset int, known []string) *SyntaxError {
	question := hint.DidYouMean(name, known)
	if question == "" {
		question = "there are " + abridged(known)
	}
	return syntax(offset, question, "there is no figure %q", name)
}

// abridged lists the figures without repeating the percentiles of each latency.
func abridged(known []string) string {
	var words []string
	for _, name := range known {
		kind, statistic, ok := strings.Cut(name, ".")
		switch {
		case !ok || kind == "gap":
			words = append(words, name)
		case statistic == "p50":
			words = append(words, kind+".{p50,p90,p99,p999,max,mean}")
		}
	}
	return strings.Join(words, ", ")
}

// maxLength bounds an expression, so that errors stay readable.
const maxLength = 500

// Parse reads an expression. Errors are *SyntaxError.
func Parse(expr string) (*Gate, error) {
	if len(expr) > maxLength {
		return nil, syntax(maxLength, "", "longer than %d letters", maxLength)
	}
	at := strings.IndexAny(expr, "<>=!")
	if at < 0 {
		return nil, syntax(len(strings.TrimRight(expr, " ")), "", "expected one of < <= > >= == and a limit, as in steady.end_to_end.p99 < 20ms")
	}
	op, err := parseOperator(expr, at)
	if err != nil {
		return nil, err
	}
	name, offset := trim(expr[:at], 0)
	if name == "" {
		return nil, syntax(at, "", "expected a figure such as steady.end_to_end.p99 before %s", op)
	}
	left, err := find(name, offset)
	if err != nil {
		return nil, err
	}
	text, offset := trim(expr[at+len(op):], at+len(op))
	limit, err := parseLimit(text, offset, left)
	if err != nil {
		return nil, err
	}
	return &Gate{expr: expr, left: left, op: op, limit: limit}, nil
}

func parseOperator(expr string, at int) (operator, error) {
	for _, op := range operators() {
		if strings.HasPrefix(expr[at:], string(op)) {
			return op, nil
		}
	}
	question := ""
	if strings.HasPrefix(expr[at:], "=") {
		question = `did you mean "=="?`
	}
	return "", syntax(at, question, "%q is none of < <= > >= ==", expr[at:at+1])
}

// parseLimit reads a value of the figure's unit, or "N% of" another figure of that unit.
func parseLimit(text string, offset int, left reference) (limit, error) {
	if text == "" {
		return limit{}, syntax(offset, "", "expected a limit: %s, or N%% of another figure", left.unit)
	}
	first, rest, _ := strings.Cut(text, " ")
	share, err := Share.parse(first)
	if after, ok := strings.CutPrefix(strings.TrimLeft(rest, " "), "of "); ok && err == nil {
		start := offset + len(text) - len(after)
		name, start := trim(after, start)
		other, err := find(name, start)
		if err != nil {
			return limit{}, err
		}
		if other.unit != left.unit {
			return limit{}, syntax(start, "", "%s is %s, and %s is %s: they cannot be compared",
				other.name, plain(other.unit), left.name, plain(left.unit))
		}
		return limit{other: &other, share: share, text: text}, nil
	}
	value, err := left.unit.parse(text)
	if err == nil {
		return limit{value: value, text: text}, nil
	}
	if other, problem := find(text, offset); problem == nil {
		return limit{}, syntax(offset, `did you mean "100% of `+other.name+`"?`, "expected %s, or N%% of another figure", left.unit)
	}
	for _, u := range marked() {
		if _, mismatch := u.parse(text); mismatch == nil && u != left.unit {
			return limit{}, syntax(offset, "", "%s is %s, and %s is not: expected %s, or N%% of another figure",
				left.name, plain(left.unit), text, left.unit)
		}
	}
	return limit{}, syntax(offset, "", "%v; expected %s, or N%% of another figure", err, left.unit)
}

// plain is the unit without its example.
func plain(u Unit) string {
	name, _, _ := strings.Cut(u.String(), " such")
	return name
}

// trim cuts blanks off both ends and moves the offset along.
func trim(text string, offset int) (trimmed string, at int) {
	cut := strings.TrimLeft(text, " \t")
	return strings.TrimRight(cut, " \t"), offset + len(text) - len(cut)
}
