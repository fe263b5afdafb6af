package engine

import (
	"fmt"
	"strings"
	"time"

	"ordeal/reports"
)

// Rehearse says what Run would do, and refuses what it would refuse before starting anything. Nothing is started or written.
func Rehearse(o Options) (string, error) {
	p, err := newPlan(&o, 0)
	if err != nil {
		return "", err
	}
	x := &execution{Options: o, plan: p}
	if err := x.possible(); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s, guarantee %s, seed %d\n", o.Scenario.Name, o.Target, p.guarantee, o.Seed)
	fmt.Fprintf(&b, "promise: %s\n", p.promise(o.Driver))
	for _, s := range p.shortfalls {
		fmt.Fprintf(&b, "note: %s\n", s)
	}
	for i, ph := range o.Scenario.Phases {
		note := ""
		if !ph.Record {
			note = ", not recorded"
		}
		fmt.Fprintf(&b, "%8s  %s, %s%s\n", time.Duration(p.spans[i].Start), ph.Name, ph.For, note)
		for _, f := range ph.Faults {
			fmt.Fprintf(&b, "%8s    %s on %s for %s\n", time.Duration(p.spans[i].Start)+f.At, f.Kind, f.Target, f.For)
		}
	}
	messages, bytes := p.volume()
	if messages < 0 {
		fmt.Fprintf(&b, "messages: as many as the windows allow, for %s\n", o.Scenario.Length())
	} else {
		fmt.Fprintf(&b, "messages: about %s, %s of bodies; history.bin: about %s\n",
			reports.Count(messages), reports.Bytes(bytes), reports.Bytes(messages*historyBytes*int64(2+len(p.worker.Groups))))
	}
	fmt.Fprintf(&b, "clients: %d producers, %d consumers in %d groups\n",
		len(p.worker.Producers), len(p.worker.Consumers), len(p.worker.Groups))
	for _, c := range o.Scenario.Checks {
		fmt.Fprintf(&b, "check: %s\n", c.Name)
	}
	for _, g := range o.Scenario.Gates {
		fmt.Fprintf(&b, "gate: %s\n", g)
	}
	fmt.Fprintf(&b, "writes into %s\n", o.Out)
	return b.String(), nil
}

// historyBytes is about what one event takes in history.bin.
const historyBytes = 6

// volume is how many messages the schedules ask for, and the bytes of their bodies; -1 with a closed loop.
func (p *plan) volume() (messages, bytes int64) {
	for i, s := range p.offered {
		if s == nil {
			return -1, 0
		}
		n := int64(s.Count(p.worker.Until))
		size := p.scenario.Producers[i].Size
		messages += n
		bytes += n * int64(size.Min+size.Max) / 2
	}
	return messages, bytes
}
