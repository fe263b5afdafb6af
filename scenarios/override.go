package scenarios

import (
	"slices"
	"strings"

	"ordeal/scenarios/hint"
)

// override sets one value of the tree, as --set PATH=VALUE says. Items of a list are called by their name (see itemName), or by their
// number in brackets. Settings that are not there yet are made; producers, phases and other things with a name are not.
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
	if comparison.MatchString(text) { // a gate's limit; YAML would take a > for a folded text
		value, errs = &node{text: strings.TrimSpace(text)}, nil
	}
	if len(errs) > 0 {
		return newMistake(at, path, "", "%q is not a value: %s", text, errs[0].msg), false
	}
	relocateAll(value, at)
	return replace(root, split(path), value, at)
}

// replace follows the parts of a path from root and puts value where the last one leads.
func replace(root *node, parts []string, value *node, at place) (mistake, bool) {
	n := root
	for i := 0; i < len(parts); {
		used := 1
		if n.kind == listNode {
			found, taken, problem, question := item(n, parts[i:])
			if problem != "" {
				return newMistake(at, strings.Join(parts[:i+taken], "."), question, "%s", problem), false
			}
			used = taken
			if i+used == len(parts) {
				if !strings.HasPrefix(parts[i], "[") {
					value = renewed(n.items[found], value)
				}
				n.items[found] = value
				return mistake{}, true
			}
			n = inside(n.items[found], at)
			i += used
			continue
		}
		if i+used == len(parts) {
			n.put(&node{text: parts[i], place: at}, value)
			return mistake{}, true
		}
		next := n.get(parts[i])
		if next == nil && i == 1 && holdsNames(parts[0]) {
			names := keysIn(n)
			return newMistake(at, strings.Join(parts[:i+1], "."), hint.DidYouMean(parts[i], names),
				"there is no %q%s", parts[i], listed(names)), false
		}
		if next == nil {
			next = &node{kind: mappingNode, place: at}
			n.put(&node{text: parts[i], place: at}, next)
		}
		if next.kind == scalarNode || next.kind == nullNode { // such as ack: after, of which ack.batch makes a mapping
			next.kind, next.text = mappingNode, ""
		}
		n = next
		i += used
	}
	return mistake{}, true
}

func keysIn(n *node) (names []string) {
	for _, e := range n.entries {
		names = append(names, e.key.text)
	}
	return names
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
