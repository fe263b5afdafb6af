package scenarios

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"ordeal/internal/gate"
	"ordeal/scenarios/hint"
	"ordeal/scenarios/unit"
)

// decoder fills structs from nodes by the tags of their fields. It goes on after an error, so that all are found.
type decoder struct {
	vocabulary Vocabulary
	mistakes   []mistake
	// wrong are the paths of mistakes, and troubled these paths and all above them.
	wrong, troubled map[string]bool
	// nodes holds what stands at each path, for the checks that come after decoding.
	nodes map[string]*node
	// gatePaths are the paths of the gates that could be parsed.
	gatePaths []string
}

// form is a type that is written in a way of its own. It is implemented by pointers.
type form interface {
	// decode fills the value. It is never given nothing (a null).
	decode(d *decoder, path string, n *node)
	// encode is the inverse of decode.
	encode() *node
	// expected says in words how it is written.
	expected() string
}

func newDecoder(v Vocabulary) *decoder {
	return &decoder{vocabulary: v, wrong: map[string]bool{}, troubled: map[string]bool{}, nodes: map[string]*node{}}
}

// add notes a mistake.
func (d *decoder) add(m mistake) {
	d.mistakes = append(d.mistakes, m)
	d.distrust(m.path)
}

// distrust remembers that the value at a path, and what contains it, is not as it should be.
func (d *decoder) distrust(path string) {
	d.wrong[path] = true
	for ; path != ""; path = above(path) {
		d.troubled[path] = true
	}
}

// sound tells whether nothing is wrong at a path, below it, or with something above it as a whole.
func (d *decoder) sound(path string) bool {
	if d.troubled[path] {
		return false
	}
	for ; path != ""; path = above(path) {
		if d.wrong[path] {
			return false
		}
	}
	return true
}

// above is the path of what contains the value at path; "" is the whole file.
func above(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// fail notes a mistake at the place of n.
func (d *decoder) fail(n *node, path, hint, format string, args ...any) {
	d.add(newMistake(n.where(), path, hint, format, args...))
}

// failAt notes an error at a path, or at the nearest one above it that stands in the file.
func (d *decoder) failAt(path, hint, format string, args ...any) {
	d.fail(d.nearest(path), path, hint, format, args...)
}

func (d *decoder) nearest(path string) *node {
	for ; path != ""; path = above(path) {
		if n, ok := d.nodes[path]; ok {
			return n
		}
	}
	return d.nodes[""]
}

// value decodes n into v, a field declared by f.
func (d *decoder) value(path string, n *node, v reflect.Value, f field) {
	d.nodes[path] = n
	if path == "" && n.kind != mappingNode {
		d.fail(n, path, "", "the file is %s, expected %s", n.kind, f.expected())
		return
	}
	if n.kind == nullNode {
		d.fail(n, path, "", "has no value, expected %s", f.expected())
		return
	}
	switch target := v.Addr().Interface().(type) {
	case form:
		target.decode(d, path, n)
		return
	case *[]*gate.Gate:
		d.gates(path, n, target)
		return
	case *time.Duration:
		if text, ok := d.text(path, n, f.expected()); ok {
			parsed(d, path, n, target, text, unit.ParseDuration)
		}
		return
	}
	if values := choices(v.Type()); values != nil {
		d.choice(path, n, v, values)
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		if named(v.Type().Elem()) {
			d.named(path, n, v)
		} else {
			d.list(path, n, v)
		}
	case reflect.Struct:
		d.structure(path, n, v, nil)
	default:
		if text, ok := d.text(path, n, f.expected()); ok {
			d.basic(path, n, v, f, text)
		}
	}
}

// text returns the text of a scalar.
func (d *decoder) text(path string, n *node, expected string) (string, bool) {
	if n.kind != scalarNode {
		d.fail(n, path, "", "is %s, expected %s", n.kind, expected)
		return "", false
	}
	return n.text, true
}

// parsed sets target to what parse makes of the text.
func parsed[T any](d *decoder, path string, n *node, target *T, text string, parse func(string) (T, error)) {
	value, err := parse(text)
	if err != nil {
		d.fail(n, path, "", "%v", err)
		return
	}
	*target = value
}

func (d *decoder) choice(path string, n *node, v reflect.Value, values []fmt.Stringer) {
	text, ok := d.text(path, n, strings.Join(words(values), ", "))
	if !ok {
		return
	}
	for _, c := range values {
		if c.String() == text {
			v.Set(reflect.ValueOf(c))
			return
		}
	}
	d.fail(n, path, hint.DidYouMean(text, words(values)), "%q is none of %s", text, strings.Join(words(values), ", "))
}

func (d *decoder) basic(path string, n *node, v reflect.Value, f field, text string) {
	switch v.Kind() {
	case reflect.Int:
		number, err := strconv.Atoi(text)
		if err != nil || number < f.min || number > f.max {
			d.fail(n, path, "", "%q is not %s", text, f.expected())
			return
		}
		v.SetInt(int64(number))
	case reflect.Bool:
		if text != "true" && text != "false" {
			d.fail(n, path, "", "%q is not true or false", text)
			return
		}
		v.SetBool(text == "true")
	default:
		v.SetString(text)
	}
}

// structure decodes a mapping into a struct. Keys that no field declares are offered to extra, which tells whether it took them; nil takes
// none.
func (d *decoder) structure(path string, n *node, v reflect.Value, extra func(e entry) bool) {
	declared := fields(v.Type())
	keys := keysOf(declared)
	if n.kind != mappingNode {
		d.fail(n, path, "", "is %s, expected a mapping with %s", n.kind, strings.Join(keys, ", "))
		return
	}
	given := d.unique(path, n)
	meant := map[string]bool{}
	for _, e := range n.entries {
		if given[e.key.text] != e.value || slices.Contains(keys, e.key.text) || extra != nil && extra(e) {
			continue
		}
		d.unknownKey(path, e.key, keys)
		meant[hint.Nearest(e.key.text, keys)] = true
	}
	for _, f := range declared {
		at := join(path, f.key)
		value, ok := given[f.key]
		switch {
		case ok:
			d.value(at, value, v.Field(f.index), f)
		case !f.required:
			d.value(at, defaultNode(f.def, n.where()), v.Field(f.index), f)
		case meant[f.key]:
			d.distrust(at) // it is there under a wrong name, which was told
		default:
			d.fail(n, at, "", "missing, expected %s", f.expected())
		}
	}
}

// unknownKey notes a key that has no meaning.
func (d *decoder) unknownKey(path string, key *node, known []string) {
	d.fail(key, join(path, key.text), hint.DidYouMean(key.text, known), "unknown key, expected one of %s", strings.Join(known, ", "))
}

// unique returns the values by key, and notes keys that stand twice.
func (d *decoder) unique(path string, n *node) map[string]*node {
	given := make(map[string]*node, len(n.entries))
	for _, e := range n.entries {
		if first, ok := given[e.key.text]; ok {
			d.fail(e.key, join(path, e.key.text), "", "stands here a second time, first in line %d", first.key.place.line)
			continue
		}
		given[e.key.text] = e.value
	}
	return given
}

// named decodes a mapping of names to settings into a slice, in the order of the file.
func (d *decoder) named(path string, n *node, v reflect.Value) {
	if n.kind != mappingNode {
		d.fail(n, path, "", "is %s, expected a mapping of names to settings", n.kind)
		return
	}
	if !d.bounded(path, n, len(n.entries)) {
		return
	}
	given := d.unique(path, n)
	for _, e := range n.entries {
		value := e.value
		if given[e.key.text] != value {
			continue // a repetition
		}
		element := reflect.New(v.Type().Elem()).Elem()
		element.Field(0).SetString(e.key.text)
		at := join(path, e.key.text)
		if value.kind == nullNode {
			value = &node{kind: mappingNode, key: e.key, place: e.key.place}
		}
		d.value(at, value, element, field{typ: element.Type()})
		v.Set(reflect.Append(v, element))
	}
}

// maxItems bounds lists and sections, so that the work grows with the size of a file and not with its square.
const maxItems = 1000

func (d *decoder) bounded(path string, n *node, items int) bool {
	if items > maxItems {
		d.fail(n, path, "", "holds %d, expected %d at most", items, maxItems)
	}
	return items <= maxItems
}

// list decodes a list into a slice.
func (d *decoder) list(path string, n *node, v reflect.Value) {
	if n.kind != listNode {
		d.fail(n, path, "", "is %s, expected a list", n.kind)
		return
	}
	if !d.bounded(path, n, len(n.items)) {
		return
	}
	for i, item := range n.items {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(itemPath(path, i, item), item, element, field{typ: element.Type()})
		v.Set(reflect.Append(v, element))
	}
}

func (d *decoder) gates(path string, n *node, target *[]*gate.Gate) {
	if n.kind != listNode {
		d.fail(n, path, "", "is %s, expected a list of expressions such as \"steady.end_to_end.p99 < 20ms\"", n.kind)
		return
	}
	if !d.bounded(path, n, len(n.items)) {
		return
	}
	for i, item := range n.items {
		at := itemPath(path, i, item)
		d.nodes[at] = item
		text, ok := d.text(at, item, `an expression such as "steady.end_to_end.p99 < 20ms"`)
		if !ok {
			continue
		}
		g, err := gate.Parse(text)
		var syntax *gate.SyntaxError
		if errors.As(err, &syntax) {
			d.add(newMistake(item.inside(syntax.Column-1), at, syntax.Hint, "%s", syntax.Msg))
			continue
		}
		*target = append(*target, g)
		d.gatePaths = append(d.gatePaths, at)
	}
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// itemPath is the path of a list's item: by its name where it has one, else by its number from 0.
func itemPath(path string, i int, item *node) string {
	if name := item.get("name"); item.kind == mappingNode && name != nil && name.kind == scalarNode && nameRule(name.text) {
		return join(path, name.text)
	}
	return path + "[" + strconv.Itoa(i) + "]"
}

// defaultNode is what stands for an absent key: its declared default, at the place of the mapping that lacks it.
func defaultNode(def string, at place) *node {
	n, errs := parse(newSource("default", def), []byte(def))
	if len(errs) > 0 {
		n = scalar(def)
	}
	relocateAll(n, at)
	return n
}
