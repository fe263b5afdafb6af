package cluster

import (
	"fmt"
	"os"

	"ordeal/faults"
)

func send(p *os.Process, s faults.Signal) error {
	if s == faults.Kill {
		return p.Kill()
	}
	return fmt.Errorf("pausing a process is not possible on Windows; use process.kill")
}

// terminate has no signal to send: it ends the child's lifeline.
func terminate(l *life) error { return l.lifeline.Close() }
