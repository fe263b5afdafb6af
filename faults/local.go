package faults

import "ordeal/faults/pid"

// Local is a Node whose process runs on this machine, under a number that faults and the undo ledger may look at themselves. It is
// found by type assertion.
type Local interface {
	// LocalProcess is the running process; the zero value when there is none.
	LocalProcess() pid.Process
}
