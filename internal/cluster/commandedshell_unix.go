//go:build unix

package cluster

import (
	"os/exec"
	"syscall"
)

// group gives a command a process group of its own, so that Ctrl-C on ordeal does not reach it, and the end of its time all of it.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
