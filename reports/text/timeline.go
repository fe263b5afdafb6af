package text

import (
	"math"
	"strings"

	"ordeal/reports"
)

// blocks are eight heights of a sparkline; a space is no sample.
const blocks = "▁▂▃▄▅▆▇█"

// timeline draws the run as a few lines: what was received, how long it took, and under them phases and faults.
func timeline(p *page, r *reports.Run) {
	const label, scale = 11, 11 // columns left of the lines and right of them
	room := p.width - label - scale
	t := r.Timeline(room)
	if len(t.Points) < 4 || t.End <= 0 {
		return
	}
	// Every point gets the same whole number of columns, as many as there is room for.
	each := min(room/len(t.Points), 6)
	span := int64(len(t.Points)) * t.Step
	columns := each * len(t.Points)
	place := func(ns int64) int { return min(int(ns*int64(columns)/span), columns-1) }

	rates, tails := make([]float64, columns), make([]float64, columns)
	var topRate, topTail float64
	for i, s := range t.Points {
		for j := range each {
			rates[i*each+j], tails[i*each+j] = number(s.Received), logarithm(s.P99)
		}
		topRate, topTail = max(topRate, number(s.Received)), max(topTail, logarithm(s.P99))
	}
	p.line("")
	p.line(p.paint(soft, left("  received", label)) + p.paint(blue, spark(rates, 0, topRate)) + p.paint(soft, " "+reports.Rate(topRate)))
	if topTail > 0 {
		worst := reports.Duration(int64(math.Round(math.Pow(10, topTail))))
		p.line(p.paint(soft, left("  e2e p99", label)) + p.paint(blue, spark(tails, 5, topTail)) + p.paint(soft, " "+worst))
	}
	p.line(p.paint(soft, left("  phase", label)) + p.paint(soft, phaseBar(r, columns, place)))
	if bar := faultBar(r, t.End, columns, place); bar != "" {
		p.line(p.paint(soft, left("  fault", label)) + p.paint(red, bar))
	}
}

// spark draws values between low and high; what is not above low and not a sample is a space.
func spark(values []float64, low, high float64) string {
	heights := []rune(blocks)
	var out strings.Builder
	for _, v := range values {
		if v <= 0 {
			out.WriteByte(' ')
			continue
		}
		h := 0
		if high > low {
			h = int(math.Round((v - low) / (high - low) * float64(len(heights)-1)))
		}
		out.WriteRune(heights[min(max(h, 0), len(heights)-1)])
	}
	return out.String()
}

// phaseBar writes each phase's name where it begins, as far as there is room.
func phaseBar(r *reports.Run, columns int, place func(int64) int) string {
	bar := []rune(strings.Repeat(" ", columns))
	for _, ph := range r.Phases {
		if ph.End <= ph.Start || ph.Start < 0 {
			continue
		}
		from, to := place(ph.Start), place(ph.End-1)
		name := []rune("│" + reports.OneLine(ph.Name))
		copy(bar[from:to+1], name[:min(len(name), to+1-from)])
	}
	return string(bar)
}

// faultBar draws each fault from its effect to when the cluster was healthy again.
func faultBar(r *reports.Run, end int64, columns int, place func(int64) int) string {
	bar := []rune(strings.Repeat(" ", columns))
	drawn := false
	for i := range r.Faults {
		f := &r.Faults[i]
		start, stop, ok := f.Band(end)
		if !ok {
			continue
		}
		drawn = true
		from, to := place(start), place(max(stop-1, start))
		for j := from; j <= to; j++ {
			bar[j] = '─'
		}
		bar[from] = '└'
		if to > from {
			bar[to] = '┘'
		}
		name, room := []rune(reports.OneLine(f.Kind)), to-from-1
		if len(name)+2 <= room {
			name = []rune(" " + string(name) + " ")
		}
		if len(name) <= room {
			copy(bar[from+1+(room-len(name))/2:], name)
		}
	}
	if !drawn {
		return ""
	}
	return string(bar)
}

func number(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// logarithm of ns, at least that of the 100 µs at which the scale begins, so that a fast second is low and not empty; 0 without samples.
func logarithm(ns int64) float64 {
	if ns <= 0 {
		return 0
	}
	return math.Log10(float64(max(ns, 100_000)))
}
