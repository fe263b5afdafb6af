// Package pid looks at operating system processes by number without ever mistaking a recycled number for the process it belonged to:
// a process is its number and the moment it was started.
//
//	p, err := pid.Of(4711)        // remember it
//	state, err := p.State()       // Gone once 4711 has ended, also when another process has the number now
//	err = p.Resume()              // ErrGone rather than a signal to a stranger
package pid

import (
	"errors"
	"fmt"
	"os"
)

// ErrGone says that the process has ended, or that its number belongs to another process now.
var ErrGone = errors.New("process is gone")

// ErrUnsupported says that this platform cannot tell.
var ErrUnsupported = errors.New("not possible on this platform")

// Process is one process of this machine, past or present. The zero value is none, and Gone.
type Process struct {
	PID int `json:"pid"`
	// Started is when it was started, in the platform's own words; two processes with one number differ in it.
	Started string `json:"started"`
}

// State of a process. The zero value is Gone.
type State uint8

const (
	// Gone processes have ended, though their parent may not have been told yet.
	Gone State = iota
	// Running processes run or wait.
	Running
	// Stopped processes were stopped by SIGSTOP, and do nothing until SIGCONT.
	Stopped
)

// String gives the state in words.
func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Stopped:
		return "stopped"
	default:
		return "gone"
	}
}

// Of is the process that has number n now; ErrGone where there is none.
func Of(n int) (Process, error) {
	if n <= 0 {
		return Process{}, fmt.Errorf("process %d: %w", n, ErrGone)
	}
	_, started, err := look(n)
	if err != nil {
		return Process{}, fmt.Errorf("process %d: %w", n, err)
	}
	return Process{PID: n, Started: started}, nil
}

// State is what p does now. A number that belongs to another process now gives Gone.
func (p Process) State() (State, error) {
	if p.PID <= 0 {
		return Gone, nil
	}
	state, started, err := look(p.PID)
	switch {
	case errors.Is(err, ErrGone):
		return Gone, nil
	case err != nil:
		return Gone, fmt.Errorf("process %d: %w", p.PID, err)
	case started != p.Started:
		return Gone, nil
	}
	return state, nil
}

// Resume sends SIGCONT, if p is still itself, else ErrGone. On Linux the number cannot be recycled between the look and the signal,
// because os.FindProcess holds a descriptor of the process from before the look.
func (p Process) Resume() error {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return fmt.Errorf("process %d: %w", p.PID, err)
	}
	defer func() { _ = handle.Release() }()
	state, err := p.State()
	if err != nil {
		return err
	}
	if state == Gone {
		return fmt.Errorf("process %d: %w", p.PID, ErrGone)
	}
	if err := resume(handle); err != nil {
		if errors.Is(err, os.ErrProcessDone) {
			err = ErrGone
		}
		return fmt.Errorf("resume process %d: %w", p.PID, err)
	}
	return nil
}
