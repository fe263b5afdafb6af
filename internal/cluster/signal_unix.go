//go:build unix

package cluster

import (
	"fmt"
	"os"
	"syscall"

	"ordeal/faults"
)

func send(p *os.Process, s faults.Signal) error {
	switch s {
	case faults.Kill:
		return p.Signal(syscall.SIGKILL)
	case faults.Pause:
		return p.Signal(syscall.SIGSTOP)
	case faults.Resume:
		return p.Signal(syscall.SIGCONT)
	default:
		return fmt.Errorf("signal %d is unknown", s)
	}
}

// terminate asks for a polite end. SIGCONT comes after it because a paused process hears nothing.
func terminate(l *life) error {
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return l.cmd.Process.Signal(syscall.SIGCONT)
}
