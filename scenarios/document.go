package scenarios

import (
	"io"
	"reflect"

	"ordeal/drivers"
)

// Document is a YAML file of another kind than a scenario, such as a target file, that is read as strictly: unknown keys and wrong values
// are mistakes, and all of them are told at once, each with its place. Because such a file may be given a secret by mistake, no mistake
// repeats a line of it. It is used by one goroutine.
type Document struct {
	root    *node
	decoder *decoder
}

// ReadDocument fills the struct that v points to, whose fields have the tags of a scenario's (see Scenario), from the text in r. name
// stands for the file in errors, and what says what it should be, as in "a target file". Mistakes are kept for Err, so that the caller can
// add those that only it can find.
func ReadDocument(r io.Reader, name, what string, v any) *Document {
	doc := &Document{decoder: newDecoder(Vocabulary{})}
	src := &source{name: name, what: what, discreet: true}
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		doc.decoder.add(newMistake(place{src, 1, 1}, "", "", "larger than 1 MiB, expected %s", what))
		return doc
	}
	if err != nil {
		doc.decoder.add(newMistake(place{src, 1, 1}, "", "", "%v", err))
		return doc
	}
	root, mistakes := parse(src, text)
	for _, m := range mistakes {
		doc.decoder.add(m)
	}
	if root == nil {
		return doc
	}
	doc.root = root
	value := reflect.ValueOf(v).Elem()
	doc.decoder.value("", root, value, field{typ: value.Type()})
	return doc
}

// Given tells whether a key stands at the top of the file.
func (doc *Document) Given(key string) bool { return doc.root != nil && doc.root.get(key) != nil }

// Sound tells whether no mistake is known at path, below it, or with what contains it. Nothing is sound in a file that is no YAML.
func (doc *Document) Sound(path string) bool { return doc.root != nil && doc.decoder.sound(path) }

// Fail adds a mistake at the value of path, such as "nodes.n1.address", or at what comes nearest to it in the file. hint may be empty.
func (doc *Document) Fail(path, hint, format string, args ...any) {
	if doc.root != nil {
		doc.decoder.failAt(path, hint, format, args...)
	}
}

// Options reads the mapping of a field of type Later by its declarations. What is not given is left out.
func (doc *Document) Options(path string, declared []drivers.Option) drivers.Options {
	n := doc.decoder.nodes[path]
	if n == nil || n.kind != mappingNode {
		return drivers.Options{} // told already, or no YAML at all
	}
	doc.decoder.unique(path, n)
	return doc.decoder.options(path, n.entries, declared, nil)
}

// Err is nil, or all mistakes as Errors in the order of the file.
func (doc *Document) Err() error {
	if len(doc.decoder.mistakes) == 0 {
		return nil
	}
	return inOrder(doc.decoder.mistakes)
}

// Later is a mapping whose keys are not known before the rest of the file is; see Document.Options.
type Later struct{}

var _ form = (*Later)(nil)

func (*Later) expected() string { return "a mapping of names to values" }

func (l *Later) decode(d *decoder, path string, n *node) {
	if n.kind != mappingNode {
		d.fail(n, path, "", "is %s, expected %s", n.kind, l.expected())
	}
}

func (*Later) encode() *node { return mapping() }
