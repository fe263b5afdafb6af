package scenarios

import (
	"time"

	"ordeal/drivers"
)

// Phase is a named stretch of the run.
type Phase struct {
	Name   string        `key:"name" takes:"a name"`
	For    time.Duration `key:"for"`
	Record bool          `key:"record" default:"true"`
	Faults []Fault       `key:"faults" default:"[]"`
}

// Fault is something done to the broker, the network or a client during the run.
type Fault struct {
	Kind   string        `key:"kind" takes:"a fault such as process.kill"`
	Target string        `key:"target" takes:"what it acts on, such as any or producers"`
	At     time.Duration `key:"at" default:"0s"`
	For    time.Duration `key:"for"`
	// Options are the kind's own, complete with defaults.
	Options drivers.Options
}
