package kafka

import (
	"os/exec"
	"syscall"
)

// tie lets the kernel end cmd when the test ends in any way.
func tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
