package scenarios

import (
	"slices"
	"strconv"
	"strings"

	"ordeal/scenarios/hint"
)

// override sets one value of the tree, as --set PATH=VALUE says. Items of a list are called by their name, or by their number in brackets.
// Settings that are not there yet are made; producers, phases and other things with a name are not.
func override(root *node, set string) (mistake, bool) {
	src := newSource("--set "+set, set)
	src.override = true
	at := place{source: src, line: 1, column: 1}
	path, text, ok := strings.Cut(set, "=")
	path = strings.TrimSpace(path)
	if !ok || path == "" {
		return newMistake(at, "", "", "expected PATH=VALUE such as phases.steady.for=5s"), false
	}
	if strings.TrimSpace(text) == "" {
		return newMistake(at, path, "", `nothing stands behind the =, expected a value; an empty text is written ""`), false
	}
	value, errs := parse(src, []byte(text))
	if len(errs) > 0 {
		return newMistake(at, path, "", "%q is not a value: %s", text, errs[0].msg), false
	}
	relocateAll(value, at)
	parts := split(path)
	n := root
	for i, part := range parts[:len(parts)-1] {
		next, problem, question := descend(n, part, i == 1 && holdsNames(parts[0]))
		if problem != "" {
			return newMistake(at, strings.Join(parts[:i+1], "."), question, "%s", problem), false
		}
		if next == nil {
			next = &node{kind: mappingNode, place: at}
			n.put(&node{text: part, place: at}, next)
		}
		if next.kind == scalarNode || next.kind == nullNode { // such as ack: after, of which ack.batch makes a mapping
			next.kind, next.text = mappingNode, ""
		}
		n = next
	}
	return assign(n, path, parts[len(parts)-1], value, at)
}

// assign puts the value where the last part of the path leads.
func assign(n *node, path, last string, value *node, at place) (mistake, bool) {
	if n.kind != listNode {
		n.put(&node{text: last, place: at}, value)
		return mistake{}, true
	}
	i := item(n, last)
	if i < 0 {
		names := itemNames(n)
		return newMistake(at, path, hint.DidYouMean(last, names), "there is no item %q in the list%s", last, listed(names)), false
	}
	n.items[i] = value
	return mistake{}, true
}

// descend finds the value of one part of a path. Without a problem, nil is a key that is not there.
func descend(n *node, part string, mustExist bool) (next *node, problem, question string) {
	if n.kind == listNode {
		if i := item(n, part); i >= 0 {
			return n.items[i], "", ""
		}
		names := itemNames(n)
		return nil, "there is no item " + strconv.Quote(part) + " in the list" + listed(names), hint.DidYouMean(part, names)
	}
	next = n.get(part)
	if next == nil && mustExist {
		var names []string
		for _, e := range n.entries {
			names = append(names, e.key.text)
		}
		return nil, "there is no " + strconv.Quote(part) + listed(names), hint.DidYouMean(part, names)
	}
	return next, "", ""
}

func listed(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ", expected one of " + strings.Join(names, ", ")
}

// holdsNames tells the sections whose keys are names that the user chose.
func holdsNames(section string) bool {
	return slices.Contains([]string{"topics", "producers", "consumers"}, section)
}

// split cuts a path at its dots and brackets. What stands behind options.<driver>.server is one key, for brokers use dots in theirs.
func split(path string) []string {
	parts := strings.Split(strings.ReplaceAll(path, "[", ".["), ".")
	if len(parts) > 4 && parts[0] == "options" && parts[2] == serverKey {
		parts = append(parts[:3:3], strings.Join(parts[3:], "."))
	}
	return parts
}

// item finds an item by its name, or by [number]; -1 where there is none.
func item(list *node, part string) int {
	if digits, ok := strings.CutPrefix(part, "["); ok {
		i, err := strconv.Atoi(strings.TrimSuffix(digits, "]"))
		if err != nil || i < 0 || i >= len(list.items) {
			return -1
		}
		return i
	}
	return slices.IndexFunc(list.items, func(n *node) bool {
		name := n.get("name")
		return name != nil && name.kind == scalarNode && name.text == part
	})
}

func itemNames(list *node) []string {
	var names []string
	for i, n := range list.items {
		if name := n.get("name"); name != nil && name.kind == scalarNode {
			names = append(names, name.text)
		} else {
			names = append(names, "["+strconv.Itoa(i)+"]")
		}
	}
	return names
}

// relocateAll gives every node of a tree the same place.
func relocateAll(n *node, at place) {
	n.place = at
	for _, e := range n.entries {
		e.key.place = at
		relocateAll(e.value, at)
	}
	for _, i := range n.items {
		relocateAll(i, at)
	}
}
