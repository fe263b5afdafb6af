package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ordeal/scenarios/hint"
)

// Items of the format's lists have names, by which --set finds them: a phase its name, a fault its kind, a check its own, a gate the
// figure that it is about. All others have a number only.

// comparison is what follows the figure in a gate.
var comparison = regexp.MustCompile(`^\s*(<=|>=|==|!=|<|>|=)`)

// itemName is the name of an item of a list; empty where it has none.
func itemName(n *node) string {
	switch {
	case n.kind == scalarNode: // a check, or a gate
		figure := strings.IndexFunc(n.text, func(r rune) bool { return strings.ContainsRune(" \t<>=!", r) })
		if figure < 0 {
			return n.text
		}
		return n.text[:figure]
	case n.kind != mappingNode:
		return ""
	}
	for _, key := range []string{"name", "kind"} {
		if v := n.get(key); v != nil && v.kind == scalarNode {
			return v.text
		}
	}
	if len(n.entries) == 1 { // a check with parameters
		return n.entries[0].key.text
	}
	return ""
}

// item finds the item of a list that the first parts of a path name, and says how many parts that took: names may have dots. A problem
// says that there is none, or that there are several.
func item(list *node, parts []string) (index, used int, problem, question string) {
	if digits, ok := strings.CutPrefix(parts[0], "["); ok {
		i, err := strconv.Atoi(strings.TrimSuffix(digits, "]"))
		if err == nil && i >= 0 && i < len(list.items) {
			return i, 1, "", ""
		}
		return 0, 1, noItem(list, parts[0]), ""
	}
	for used = len(parts); used > 0; used-- { // the longest name first: one may begin with another
		name := strings.Join(parts[:used], ".")
		var found []int
		for i, n := range list.items {
			if itemName(n) == name {
				found = append(found, i)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], used, "", ""
		default:
			return 0, used, fmt.Sprintf("%d items are called %q; say which by its number, from [%d]", len(found), name, found[0]), ""
		}
	}
	names := itemNames(list)
	for n := 1; n <= len(parts) && question == ""; n++ {
		question = hint.DidYouMean(strings.Join(parts[:n], "."), names)
	}
	return 0, 1, noItem(list, parts[0]), question
}

func noItem(list *node, part string) string {
	return "there is no item " + strconv.Quote(part) + " in the list" + listed(itemNames(list))
}

// itemNames are what the items of a list can be called by: names, and numbers where there is none or it is not one item's alone.
func itemNames(list *node) []string {
	var names []string
	for i, n := range list.items {
		name := itemName(n)
		alike := func(other *node) bool { return itemName(other) == name }
		if name == "" || slices.ContainsFunc(list.items[:i], alike) || slices.ContainsFunc(list.items[i+1:], alike) {
			name = "[" + strconv.Itoa(i) + "]"
		}
		names = append(names, name)
	}
	return names
}

// inside is where the parameters of an item stand: of a check behind its name.
func inside(n *node, at place) *node {
	if n.kind == scalarNode {
		name := n.text
		*n = node{kind: mappingNode, key: n.key, place: n.place}
		n.put(&node{text: name, place: at}, &node{kind: mappingNode, place: at})
	}
	if n.kind != mappingNode || len(n.entries) != 1 || n.get("name") != nil || n.get("kind") != nil {
		return n
	}
	inner := n.entries[0].value
	if inner.kind != mappingNode {
		*inner = node{kind: mappingNode, key: inner.key, place: at}
	}
	return inner
}

// renewed is the item with a new value: a check keeps its name and gets new parameters, a gate keeps its figure and gets a new limit;
// anything else, and what brings its own name, is replaced as a whole.
func renewed(old, value *node) *node {
	name := itemName(old)
	switch {
	case name == "" || itemName(value) == name && value.kind != listNode:
		return value
	case old.kind == scalarNode && value.kind == scalarNode && comparison.MatchString(value.text):
		return &node{text: name + " " + strings.TrimSpace(value.text), place: value.place}
	case old.kind == scalarNode && strings.ContainsAny(old.text, "<>="):
		return value // a gate, for better or worse
	case old.kind == scalarNode || old.kind == mappingNode && len(old.entries) == 1 && old.get("name") == nil && old.get("kind") == nil:
		out := &node{kind: mappingNode, place: value.place}
		out.put(&node{text: name, place: value.place}, value)
		return out
	default:
		return value
	}
}
