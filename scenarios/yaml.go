package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// This is the one file that knows the YAML library. It turns text into nodes with places, and nodes into text.

// maxNodes bounds a file after its aliases were resolved, which can make a small text very large.
const maxNodes = 100_000

// parse reads the one document of src. With mistakes there is no node: what a broken tree means is anybody's guess.
func parse(src *source, text []byte) (*node, []mistake) {
	if e, ok := unreadable(src, text); ok {
		return nil, []mistake{e}
	}
	var documents []yaml.Node
	if err := yaml.Load(text, &documents, yaml.WithAllDocuments()); err != nil {
		return nil, []mistake{syntaxError(src, err)}
	}
	if len(documents) == 0 || len(documents[0].Content) == 0 {
		hint := ""
		if src.what == "" {
			hint = "`ordeal scenario new` writes one to start from"
		}
		return nil, []mistake{newMistake(place{src, 1, 1}, "", hint, "empty, expected %s", src.expected())}
	}
	if len(documents) > 1 {
		at := place{src, documents[1].Line, documents[1].Column}
		return nil, []mistake{newMistake(at, "", "", "a second document begins here, expected one %s in a file",
			strings.TrimPrefix(src.expected(), "a "))}
	}
	c := converter{source: src, open: map[*yaml.Node]bool{}}
	root := c.convert(documents[0].Content[0])
	if len(c.mistakes) > 0 {
		return nil, c.mistakes
	}
	return root, nil
}

// unreadable looks for what no YAML may contain, because the library does not say where it stands.
func unreadable(src *source, text []byte) (mistake, bool) {
	line, column := 1, 1
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return newMistake(place{src, line, column}, "", "", "not text: byte 0x%02x is not UTF-8", text[i]), true
		case r == '\n':
			line, column = line+1, 0
		case r < ' ' && r != '\t' && r != '\r' || r == 0x7f:
			return newMistake(place{src, line, column}, "", "", "not text: control character 0x%02x", r), true
		}
		i, column = i+size, column+1
	}
	return mistake{}, false
}

// syntaxError says where the text stops being YAML.
func syntaxError(src *source, err error) mistake {
	var one *yaml.LoadError
	if many := (*yaml.LoadErrors)(nil); errors.As(err, &many) && len(many.Errors) > 0 {
		one = many.Errors[0]
	} else if !errors.As(err, &one) {
		return newMistake(place{src, 1, 1}, "", "", "not YAML: %s", src.veil(err.Error()))
	}
	at := place{src, one.Mark.Line, one.Mark.Column}
	if at.line >= 1 && at.line <= len(src.lines) {
		line := src.lines[at.line-1]
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; strings.Contains(indent, "\t") {
			return newMistake(place{src, at.line, 1 + strings.Index(indent, "\t")}, "", "", "a tab indents this line, expected spaces")
		}
	}
	began := ""
	if one.ContextMsg != "" && one.ContextMark.Line > 0 {
		began = fmt.Sprintf(", %s that begins at line %d", one.ContextMsg, one.ContextMark.Line)
	}
	return newMistake(at, "", "", "not YAML: %s%s", src.veil(one.Message), began)
}

// veil takes out of a message of the library what it quotes from a discreet source.
func (s *source) veil(message string) string {
	if !s.discreet {
		return message
	}
	return regexp.MustCompile("'.*'|\".*\"|`.*`").ReplaceAllString(message, "…")
}

// converter turns the library's nodes into ordeal's.
type converter struct {
	source   *source
	mistakes []mistake
	count    int
	// open holds the anchors that are being resolved, to find those that contain themselves.
	open map[*yaml.Node]bool
}

func (c *converter) fail(n *yaml.Node, format string, args ...any) *node {
	at := place{c.source, n.Line, n.Column}
	for i, arg := range args {
		if _, text := arg.(string); text && c.source.discreet {
			args[i] = "…"
		}
	}
	c.mistakes = append(c.mistakes, newMistake(at, "", "", format, args...))
	return &node{kind: nullNode, place: at}
}

func (c *converter) convert(n *yaml.Node) *node {
	if c.count++; c.count > maxNodes {
		if c.count == maxNodes+1 {
			return c.fail(n, "more than %d values once aliases are resolved", maxNodes)
		}
		return &node{kind: nullNode, place: place{c.source, n.Line, n.Column}}
	}
	if n.Style&yaml.TaggedStyle != 0 {
		return c.fail(n, "tag %s has no meaning here, expected a plain value", n.Tag)
	}
	out := &node{text: n.Value, place: place{c.source, n.Line, n.Column}}
	switch n.Kind {
	case yaml.AliasNode:
		if c.open[n.Alias] {
			return c.fail(n, "alias *%s contains itself", n.Value)
		}
		c.open[n.Alias] = true
		defer delete(c.open, n.Alias)
		return c.convert(n.Alias)
	case yaml.SequenceNode:
		out.kind = listNode
		for _, item := range n.Content {
			out.items = append(out.items, c.convert(item))
		}
	case yaml.MappingNode:
		c.mapping(n, out)
	default:
		if n.ShortTag() == "!!null" {
			out.kind = nullNode
		}
	}
	return out
}

// mapping converts keys and values. Keys of a merge (<<) follow the mapping's own and give way to them.
func (c *converter) mapping(n *yaml.Node, out *node) {
	out.kind = mappingNode
	var merged []*node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := c.convert(n.Content[i]), c.convert(n.Content[i+1])
		switch {
		case n.Content[i].ShortTag() == "!!merge":
			parts := []*node{value}
			if value.kind == listNode {
				parts = value.items
			}
			for _, part := range parts {
				if part.kind != mappingNode {
					c.fail(n.Content[i+1], "<< merges a mapping, such as *base, and this is %s", part.kind)
				}
			}
			merged = append(merged, parts...)
		case key.kind != scalarNode:
			c.fail(n.Content[i], "a key is %s, expected a word", key.kind)
		default:
			value.key = key
			out.entries = append(out.entries, entry{key, value})
		}
	}
	if len(merged) == 0 {
		return
	}
	own := map[string]bool{}
	for _, e := range out.entries {
		own[e.key.text] = true
	}
	for _, m := range merged {
		for _, e := range m.entries {
			if !own[e.key.text] {
				own[e.key.text] = true
				out.entries = append(out.entries, e)
			}
		}
	}
}

// write is the inverse of parse: mappings that hold only single values stand in one line where they fit.
func write(n *node) ([]byte, error) {
	var out bytes.Buffer
	dumper, err := yaml.NewDumper(&out, yaml.WithIndent(2), yaml.WithLineWidth(-1), yaml.WithFlowSimpleCollections(true))
	if err != nil {
		return nil, fmt.Errorf("write scenario: %w", err)
	}
	if err := dumper.Dump(library(n)); err != nil {
		return nil, fmt.Errorf("write scenario: %w", err)
	}
	if err := dumper.Close(); err != nil {
		return nil, fmt.Errorf("write scenario: %w", err)
	}
	return out.Bytes(), nil
}

// library turns a node into the library's.
func library(n *node) *yaml.Node {
	out := &yaml.Node{Kind: yaml.ScalarNode, Value: n.text}
	switch n.kind {
	case mappingNode:
		out.Kind = yaml.MappingNode
		for _, e := range n.entries {
			out.Content = append(out.Content, library(e.key), library(e.value))
		}
	case listNode:
		out.Kind = yaml.SequenceNode
		for _, item := range n.items {
			out.Content = append(out.Content, library(item))
		}
	default:
		if !n.plain {
			out.Tag = "!!str"
		}
		// The library's writer breaks a line at these two, which its reader does not always join again
		// (YAML 1.2, 5.4: they are no line breaks); between double quotes they are escaped.
		if strings.ContainsAny(n.text, "\u2028\u2029") {
			out.Style = yaml.DoubleQuotedStyle
		}
	}
	return out
}
