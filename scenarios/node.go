package scenarios

import (
	"strings"
	"unicode/utf8"
)

// node is a value of a scenario file with the place where it stands. Aliases are resolved: each is a copy of what it stands for.
type node struct {
	kind nodeKind
	// text is a scalar's, without quotes.
	text string
	// plain tells that a written scalar may stand without quotes whatever it looks like.
	plain bool
	// key is the node before the colon; nil outside mappings.
	key     *node
	entries []entry
	items   []*node
	place   place
}

// entry is one key and value of a mapping.
type entry struct{ key, value *node }

type nodeKind uint8

const (
	scalarNode nodeKind = iota
	mappingNode
	listNode
	nullNode
)

// String names the kind as error messages do.
func (k nodeKind) String() string {
	switch k {
	case mappingNode:
		return "a mapping"
	case listNode:
		return "a list"
	case nullNode:
		return "nothing"
	default:
		return "a single value"
	}
}

// place is a position in a source. Lines and columns count from 1, columns in letters.
type place struct {
	source       *source
	line, column int
}

// source is a text that nodes were read from.
type source struct {
	// name of the file, or the whole --set argument.
	name  string
	lines []string
	// override tells that it is a --set argument, which has no lines to point at.
	override bool
	// what it should be, as in "a target file"; empty for a scenario.
	what string
	// discreet tells that it may hold a secret by mistake, so that nothing of it is repeated but keys and what was understood.
	discreet bool
}

// expected says what a file should be.
func (s *source) expected() string {
	if s.what == "" {
		return "a scenario"
	}
	return s.what
}

func newSource(name, text string) *source {
	return &source{name: name, lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
}

// where is the place to point at when something is missing from n: its key if it has one.
func (n *node) where() place {
	if n.key != nil && n.kind != scalarNode {
		return n.key.place
	}
	return n.place
}

// inside is the place of a scalar's text from offset on, in bytes, where the text stands in the file as it is; else of the scalar.
func (n *node) inside(offset int) place {
	p := n.place
	if p.source == nil || p.source.override || p.line < 1 || p.line > len(p.source.lines) {
		return p
	}
	line := []rune(p.source.lines[p.line-1])
	for quote := range 2 {
		if start := p.column - 1 + quote; start <= len(line) && strings.HasPrefix(string(line[start:]), n.text) {
			p.column += quote + utf8.RuneCountInString(n.text[:min(offset, len(n.text))])
			return p
		}
	}
	return p
}

// get returns the value of a key, nil where there is none.
func (n *node) get(key string) *node {
	for _, e := range n.entries {
		if e.key.text == key {
			return e.value
		}
	}
	return nil
}

// put sets the value of a key, in the place of an old one or at the end.
func (n *node) put(key, value *node) {
	value.key = key
	for i, e := range n.entries {
		if e.key.text == key.text {
			n.entries[i] = entry{key, value}
			return
		}
	}
	n.entries = append(n.entries, entry{key, value})
}

// scalar makes a node to be written, quoted where its text asks for it.
func scalar(text string) *node { return &node{text: text} }

// bare makes a node to be written without quotes: a number, a word of the format, a quantity.
func bare(text string) *node { return &node{text: text, plain: true} }

// mapping makes a node to be written.
func mapping() *node { return &node{kind: mappingNode} }

// add appends a key and value to be written.
func (n *node) add(key string, value *node) { n.entries = append(n.entries, entry{scalar(key), value}) }
