package measure

// Span is a phase of a run: from Start to just before End, both in ns since the clock's epoch. Spans follow one another without a hole.
type Span struct {
	Name       string
	Start, End int64
	// Recorded tells whether its figures count; this package measures it all the same.
	Recorded bool
}

// PhaseAt is the index of the span that at lies in; before the first it is the first, after the last the last.
func PhaseAt(phases []Span, at int64) int {
	for i := range phases {
		if at < phases[i].End {
			return i
		}
	}
	return max(len(phases)-1, 0)
}
