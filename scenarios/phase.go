package scenarios

import (
	"time"

	"ordeal/drivers"
)

// Phase is a named stretch of the run.
type Phase struct {
	Name   string        `key:"name" about:"Names it in reports and gates. Letters, digits, - and _."`
	For    time.Duration `key:"for" about:"How long it takes."`
	Record bool          `key:"record" default:"true" about:"Whether it is measured. Checks hold in every phase."`
	Faults []Fault       `key:"faults" default:"[]" about:"What goes wrong in it."`
}

// Fault is something done to the broker, the network or a client during the run.
type Fault struct {
	Kind   string        `key:"kind" about:"What is done; see docs/faults.md for the kinds and their own options, which stand beside these keys."`
	Target string        `key:"target" about:"For nodes: a name, any, all, leader(topic), follower(topic). For connections: all, producers, consumers, an entry or one of it (checkout-2), node(n1)."`
	At     time.Duration `key:"at" default:"0s" about:"When it begins, from the start of its phase."`
	For    time.Duration `key:"for" about:"How long it lasts. It may reach into later phases, but not beyond the last."`
	// Options are the kind's own, complete with defaults.
	Options drivers.Options
}
