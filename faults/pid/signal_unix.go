//go:build unix

package pid

import (
	"os"
	"syscall"
)

func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
