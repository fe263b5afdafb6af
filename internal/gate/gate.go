package gate

// Gate is a parsed threshold. Make one with Parse; the zero value is of no use. It may be evaluated any number of times, from any
// goroutine.
type Gate struct {
	expr  string
	left  reference
	op    operator
	limit limit
}

// limit is what the figure is held against: a value, or share × other.
type limit struct {
	value float64
	// other is set where the limit is a share of another figure.
	other *reference
	share float64
	// text is as the gate says it.
	text string
}

// operator compares a figure with its limit.
type operator string

// operators lists all; those of two letters come first, so that < does not hide <=.
func operators() []operator { return []operator{"<=", ">=", "==", "<", ">"} }

func (o operator) holds(a, b float64) bool {
	switch o {
	case "<=":
		return a <= b
	case ">=":
		return a >= b
	case "==":
		return a == b
	case "<":
		return a < b
	default:
		return a > b
	}
}

// String is the expression as it was written.
func (g *Gate) String() string { return g.expr }

// Figures names every figure that the gate asks for, such as "steady.gap.max"; the first is the one that is held against the limit.
func (g *Gate) Figures() []string {
	var names []string
	for _, m := range g.Mentions() {
		names = append(names, m.Figure)
	}
	return names
}

// Mention is a place in a gate that asks for a figure.
type Mention struct {
	// Figure is the whole name, such as "steady.gap.max", and Phase what stands before its first dot; Harness is not a phase.
	Figure, Phase string
	// Column is where it begins in the expression, in bytes, from 1.
	Column int
}

// Mentions are the figures that the gate asks for, in their order.
func (g *Gate) Mentions() []Mention {
	out := []Mention{g.left.mention()}
	if g.limit.other != nil {
		out = append(out, g.limit.other.mention())
	}
	return out
}
