package text

import "strings"

// cell is a word in its style.
type cell struct {
	text string
	st   style
}

// table has a first column of names, and figures aligned to the right. Its texts are single lines.
type table struct {
	head []string
	rows [][]cell
}

func figures(texts ...string) []cell {
	cells := make([]cell, len(texts))
	for i, text := range texts {
		cells[i].text = text
	}
	return cells
}

func (t *table) add(cells []cell) { t.rows = append(t.rows, cells) }

const (
	margin  = 3 // where the text of a list begins, right of the verdict's sign
	between = 2
)

// write draws t. Where it does not fit, a name that is too long stands on a line of its own, above its figures.
func (t *table) write(p *page) {
	names, columns := t.widths()
	total := margin + names
	for _, w := range columns {
		total += between + w
	}
	names = max(names-max(total-p.width, 0), 0)
	head := figures(t.head...)
	for i := range head {
		head[i].st = soft
	}
	for _, cells := range append([][]cell{head}, t.rows...) {
		writeRow(p, cells, names, columns)
	}
}

func writeRow(p *page, cells []cell, names int, columns []int) {
	indent := strings.Repeat(" ", margin)
	name, st := clip(cells[0].text, p.width-margin), cells[0].st
	if width(name) > names {
		p.line(indent + p.paint(st, name))
		name = ""
	}
	var line strings.Builder
	line.WriteString(indent + p.paint(st, left(name, names)))
	for i, c := range cells[1:] {
		line.WriteString(strings.Repeat(" ", between) + p.paint(c.st, right(c.text, columns[i])))
	}
	p.line(line.String())
}

// widths are those of the names and of each column of figures.
func (t *table) widths() (names int, columns []int) {
	columns = make([]int, len(t.head)-1)
	for _, cells := range append([][]cell{figures(t.head...)}, t.rows...) {
		names = max(names, width(cells[0].text))
		for i, c := range cells[1:] {
			columns[i] = max(columns[i], width(c.text))
		}
	}
	return names, columns
}
