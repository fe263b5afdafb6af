package scenarios

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ordeal/internal/gate"
	"ordeal/scenarios/hint"
	"ordeal/scenarios/unit"
)

// phases checks the names and lengths of phases, and that each fault has its place and its target.
func (v validation) phases() {
	if len(v.s.Phases) == 0 && v.sound("phases") {
		v.failAt("phases", "", "is empty, expected at least one")
	}
	measured, seen := true, map[string]bool{}
	for i, p := range v.s.Phases {
		v.phase(phasePath(i, p), p, seen)
		measured = measured && v.sound(phasePath(i, p)+".for")
	}
	var start time.Duration
	for i, p := range v.s.Phases {
		path := phasePath(i, p)
		for j, f := range p.Faults {
			at := path + ".faults[" + strconv.Itoa(j) + "]"
			if measured && v.sound(at+".at") && v.sound(at+".for") {
				v.times(at, f, p, start)
			}
			v.target(at, f)
		}
		start += p.For
	}
}

// phasePath is what the decoder calls a phase.
func phasePath(i int, p Phase) string {
	return itemPath("phases", i, &node{kind: mappingNode, entries: []entry{{scalar("name"), scalar(p.Name)}}})
}

func (v validation) phase(path string, p Phase, seen map[string]bool) {
	if v.sound(path + ".name") {
		switch {
		case !nameRule(p.Name):
			v.badName(path+".name", p.Name)
		case p.Name == gate.Harness:
			v.failAt(path+".name", "", "%q is what gates call ordeal itself: expected another name", p.Name)
		case seen[p.Name]:
			v.failAt(path+".name", "", "there is a phase %q already: expected another name", p.Name)
		}
	}
	seen[p.Name] = true
	if v.sound(path+".for") && p.For <= 0 {
		v.failAt(path+".for", "", "is 0s, expected a duration above it")
	}
}

// times checks that a fault begins in its phase and is over before the last phase ends.
func (v validation) times(path string, f Fault, p Phase, start time.Duration) {
	if f.At >= p.For {
		v.failAt(path+".at", "", "%s is not within phase %s, which takes %s: expected less, or the fault in a later phase",
			unit.FormatDuration(f.At), p.Name, unit.FormatDuration(p.For))
		return
	}
	if left := v.s.Length() - start - f.At; f.For > left {
		v.failAt(path+".for", "", "%s ends %s after the last phase: expected %s at most, or a longer phase",
			unit.FormatDuration(f.For), unit.FormatDuration(f.For-left), unit.FormatDuration(left))
	}
}

// target checks the selector of a fault against what the scenario knows; which nodes there are, only a target knows.
func (v validation) target(path string, f Fault) {
	at := path + ".target"
	kind, known := v.vocabulary.fault(f.Kind)
	if !known || !v.sound(at) {
		return
	}
	word, argument, problem := splitSelector(f.Target)
	if problem != nil {
		v.failAt(at, "", "%v", problem)
		return
	}
	if kind.Acts == actsOnConnections {
		v.connectionTarget(at, f.Target, word, argument)
		return
	}
	const others = "expected a node's name, any, all, leader(topic) or follower(topic)"
	switch {
	case argument == "" && (word == "leader" || word == "follower"):
		v.failAt(at, "", "%s of which topic? expected %s(topic)", word, word)
	case argument == "":
		if slices.Contains([]string{"producers", "consumers"}, word) {
			v.failAt(at, "", "%s acts on nodes, and %q are clients: %s", f.Kind, word, others)
		}
	case word == "leader" || word == "follower":
		if names := topicNames(v.s); len(names) > 0 && !slices.Contains(names, argument) {
			v.failAt(at, hint.DidYouMean(argument, names), "there is no topic %q, expected one of %s", argument, strings.Join(names, ", "))
		}
	default:
		v.failAt(at, hint.DidYouMean(word, []string{"leader", "follower"}), "%q chooses no node, %s", f.Target, others)
	}
}

func (v validation) connectionTarget(at, target, word, argument string) {
	names := v.clients()
	switch {
	case word == "node" && argument != "":
	case argument == "" && (slices.Contains([]string{"all", "producers", "consumers"}, word) || slices.Contains(names, word)):
	case argument == "" && v.member(word):
	default:
		question := hint.DidYouMean(word, append([]string{"all", "producers", "consumers", "node(n1)"}, names...))
		v.failAt(at, question, "%q chooses no connection, expected all, producers, consumers, node(name), or one of %s",
			target, strings.Join(names, ", "))
	}
}

// clients lists the names of producers and consumers.
func (v validation) clients() []string {
	var names []string
	for _, p := range v.s.Producers {
		names = append(names, p.Name)
	}
	for _, c := range v.s.Consumers {
		names = append(names, c.Name)
	}
	return names
}

// member tells whether name is one of an entry's clients, such as checkout-2 of an entry with a count of 2 or more.
func (v validation) member(name string) bool {
	within := func(entry string, count int) bool {
		n, err := strconv.Atoi(strings.TrimPrefix(name, entry+"-"))
		return err == nil && count > 1 && name == entry+"-"+strconv.Itoa(n) && n >= 1 && n <= count
	}
	return slices.ContainsFunc(v.s.Producers, func(p Producer) bool { return within(p.Name, p.Count) }) ||
		slices.ContainsFunc(v.s.Consumers, func(c Consumer) bool { return within(c.Name, c.Count) })
}

// splitSelector cuts leader(orders) into its word and what stands in brackets.
func splitSelector(selector string) (word, argument string, err error) {
	m := regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]*)(?:\( *([A-Za-z0-9][A-Za-z0-9_.-]*) *\))?$`).FindStringSubmatch(selector)
	if m == nil {
		return "", "", fmt.Errorf("%q is not a selector such as any, n1, leader(orders) or producers", selector)
	}
	return m[1], m[2], nil
}
