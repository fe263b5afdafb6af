package scenarios

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ordeal/drivers"
	"ordeal/internal/gate"
	"ordeal/scenarios/hint"
	"ordeal/scenarios/unit"
)

// validation asks whether the parts of a scenario fit together. What could not be decoded is left out, so that one mistake is told once.
type validation struct {
	*decoder
	s *Scenario
}

func (v validation) run() {
	v.names()
	v.references()
	v.rates()
	v.phases()
	v.drain()
	v.acks()
	v.checks()
	v.gates()
}

const longestName = 64

// nameRule tells whether a name may stand in paths, on brokers and in file names.
func nameRule(name string) bool {
	return len(name) <= longestName && regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`).MatchString(name)
}

func (v validation) badName(path, name string) {
	v.failAt(path, "", "%q is not a name: expected up to %d letters, digits, - and _, with a letter or digit first", name, longestName)
}

// clientWords mean something of their own where a fault chooses clients.
func clientWords() []string { return []string{"all", "producers", "consumers", "any"} }

func (v validation) names() {
	type name struct{ path, text string }
	var all, clients []name
	if v.sound("name") {
		all = append(all, name{"name", v.s.Name})
		if v.s.Name == "latest" || v.s.Name == "compare" {
			v.failAt("name", "", "runs/%s is something else: expected another name", v.s.Name)
		}
	}
	for _, t := range v.s.Topics {
		all = append(all, name{join("topics", t.Name), t.Name})
	}
	for _, p := range v.s.Producers {
		clients = append(clients, name{join("producers", p.Name), p.Name})
	}
	for _, c := range v.s.Consumers {
		clients = append(clients, name{join("consumers", c.Name), c.Name})
	}
	for _, n := range append(all, clients...) {
		if !nameRule(n.text) {
			v.badName(n.path, n.text)
		}
	}
	seen := map[string]string{}
	for _, n := range clients {
		if other, ok := seen[n.text]; ok {
			v.failAt(n.path, "", "there is %s already, and faults call clients by their name: expected another one", other)
		} else if slices.Contains(clientWords(), n.text) {
			v.failAt(n.path, "", "%q means other clients where a fault chooses its target: expected another name", n.text)
		}
		for _, other := range clients {
			number, of := strings.CutPrefix(n.text, other.text+"-")
			if _, err := strconv.ParseUint(number, 10, 64); of && err == nil {
				v.failAt(n.path, "", "%q is what faults and reports call a client of %s: expected another name", n.text, other.path)
			}
		}
		seen[n.text] = n.path
	}
}

func topicNames(s *Scenario) []string {
	var names []string
	for _, t := range s.Topics {
		names = append(names, t.Name)
	}
	return names
}

// references checks that producers, consumers and topics belong together.
func (v validation) references() {
	for _, section := range []struct {
		path string
		size int
	}{{"topics", len(v.s.Topics)}, {"producers", len(v.s.Producers)}} {
		if section.size == 0 && v.sound(section.path) {
			v.failAt(section.path, "", "is empty, expected at least one")
		}
	}
	known := v.sound("producers") && v.sound("consumers")
	sends, groups := map[string]bool{}, map[string][]string{}
	for _, p := range v.s.Producers {
		v.topic(join("producers", p.Name)+".to", p.To)
		sends[p.To] = true
	}
	for _, c := range v.s.Consumers {
		path := join("consumers", c.Name) + ".from"
		if !v.topic(path, c.From) {
			continue
		}
		if !sends[c.From] && v.sound("producers") {
			v.failAt(path, "", "no producer sends to topic %s, so nothing would ever come", c.From)
		}
		groups[c.From] = append(groups[c.From], c.Name)
		if t, _ := v.s.Topic(c.From); t.Model == drivers.Queue && len(groups[c.From]) == 2 {
			v.failAt(path, "", "topic %s is a queue, which has one copy of each message, and %s reads it already: "+
				"give one entry a higher count, or make the topic a log", c.From, groups[c.From][0])
		}
	}
	for _, t := range v.s.Topics {
		if !sends[t.Name] && len(groups[t.Name]) == 0 && known {
			v.failAt(join("topics", t.Name), "", "no producer sends to it and no consumer reads it, expected either")
		}
	}
}

// topic checks that a name is one of the topics.
func (v validation) topic(path, name string) bool {
	names := topicNames(v.s)
	if !v.sound(path) || len(names) == 0 {
		return false
	}
	if !slices.Contains(names, name) {
		v.failAt(path, hint.DidYouMean(name, names), "there is no topic %q, expected one of %s", name, strings.Join(names, ", "))
		return false
	}
	return true
}

// MaxTick is the coarsest tick: what a producer sends at once should not look like a burst to the broker.
const MaxTick = 100 * time.Millisecond

func (v validation) rates() {
	for _, p := range v.s.Producers {
		if tick := join("producers", p.Name) + ".tick"; v.sound(tick) && p.Tick > MaxTick {
			v.failAt(tick, "", "%s is longer than %s, expected less: messages would come in bursts", unit.FormatDuration(p.Tick),
				unit.FormatDuration(MaxTick))
		}
		path := join("producers", p.Name) + ".rate"
		if !v.sound(path) || p.Rate.Max {
			continue
		}
		sends := false
		for i, g := range p.Rate.Segments {
			sends = sends || g.From > 0 || g.To > 0
			if g.For <= 0 && (len(p.Rate.Segments) > 1 || g.From != g.To) {
				v.failAt(path, "", "part %d takes no time, expected a duration above 0s", i+1)
			}
		}
		if !sends {
			v.failAt(path, "", "%s sends nothing, expected a rate above 0", describeRate(p.Rate))
		}
		if p.Rate.Segments != nil && v.sound(path) && v.sound("phases") {
			if begins := firstMessage(p.Rate); begins >= v.s.Length() && v.s.Length() > 0 {
				v.failAt(path, "", "the first message would come after the last phase: the rate is 0 for %s, the phases take %s",
					unit.FormatDuration(begins), unit.FormatDuration(v.s.Length()))
			}
		}
	}
}

func describeRate(r Rate) string {
	if len(r.Segments) == 1 && r.Segments[0].For == 0 {
		return unit.FormatRate(r.Segments[0].To)
	}
	return "a rate that is always 0"
}

// firstMessage is how long the rate is 0 at the beginning.
func firstMessage(r Rate) time.Duration {
	var sum time.Duration
	for _, g := range r.Segments {
		if g.From > 0 || g.To > 0 {
			break
		}
		sum += g.For
	}
	return sum
}

func (v validation) drain() {
	d := v.s.Drain
	if v.sound("drain") && d.Timeout <= 0 {
		v.failAt("drain.timeout", "", "is 0s, expected time to read what is left")
	}
	if v.sound("drain") && d.Idle > d.Timeout {
		v.failAt("drain.idle", "", "%s is longer than the whole drain may take (timeout %s), expected less",
			unit.FormatDuration(d.Idle), unit.FormatDuration(d.Timeout))
	}
}

// acks asks whether a batch of acks can ever be full.
func (v validation) acks() {
	for _, c := range v.s.Consumers {
		path := join("consumers", c.Name)
		if v.sound(path+".ack") && v.sound(path+".prefetch") && c.Ack.Batch > c.Prefetch {
			v.failAt(path+".ack", "", "a batch of %d is more than the prefetch of %d, so it would never be full: expected no more than that, "+
				"or a higher prefetch", c.Ack.Batch, c.Prefetch)
		}
	}
}

// checks asks whether the checks have something to compare, and whether one is there twice.
func (v validation) checks() {
	if len(v.s.Checks) > 0 && len(v.s.Consumers) == 0 && v.sound("consumers") && v.sound("checks") {
		v.failAt("checks", "", "nobody receives, so there is nothing to check: expected an entry under consumers, or checks: []")
	}
	keyed := slices.ContainsFunc(v.s.Producers, func(p Producer) bool { return p.Keys.Count > 0 })
	for i, c := range v.s.Checks {
		path := "checks[" + strconv.Itoa(i) + "]"
		if !v.sound(path) {
			continue
		}
		for _, other := range v.s.Checks[:i] {
			if other.Name == c.Name && maps.Equal(other.Params, c.Params) {
				v.failAt(path, "", "%s stands here a second time", c.Name)
				break
			}
		}
		perKey := slices.Contains(slices.Collect(maps.Values(c.Params)), drivers.PerKey.String())
		if perKey && !keyed && v.sound("producers") {
			v.failAt(path, "", "%s asks about keys, and no producer has any: expected keys: {count: …} under producers", c.Name)
		}
	}
}

// received tells whether a gate's figure, such as steady.gap.max, is of what consumers receive.
func received(figure string) bool {
	_, rest, _ := strings.Cut(figure, ".")
	return rest == "received_rate" || rest == "gap.max" || strings.HasPrefix(rest, "end_to_end.")
}

// gates asks whether the phases of gates exist and are measured.
func (v validation) gates() {
	closed := slices.ContainsFunc(v.s.Producers, func(p Producer) bool { return p.Rate.Max })
	deaf := len(v.s.Consumers) == 0 && len(v.mistakes) == 0 // else that has been told already, or follows from what has
	var names []string
	recorded := map[string]bool{}
	for i, p := range v.s.Phases {
		path := phasePath(i, p)
		if !v.sound(path+".name") || !v.sound(path+".record") {
			return // who knows what it was to be called
		}
		names = append(names, p.Name)
		recorded[p.Name] = p.Record
	}
	for i, path := range v.gatePaths {
		for _, m := range v.s.Gates[i].Mentions() {
			fail := func(hint, format string, args ...any) {
				v.add(newMistake(v.nodes[path].inside(m.Column-1), path, hint, format, args...))
			}
			known, exists := recorded[m.Phase]
			switch {
			case m.Phase == gate.Harness:
			case !exists && len(names) > 0:
				fail(hint.DidYouMean(m.Phase, append(slices.Clone(names), gate.Harness)),
					"there is no phase %q, expected one of %s", m.Phase, strings.Join(names, ", "))
			case exists && !known:
				fail("", "phase %s has record: false, so nothing of it is measured", m.Phase)
			case exists && closed && strings.HasSuffix(m.Figure, ".offered_rate"):
				fail("", "a producer has rate: max, which offers no rate to compare with")
			case exists && deaf && received(m.Figure):
				fail("", "nobody receives, so it is never measured: expected an entry under consumers")
			}
		}
	}
}
