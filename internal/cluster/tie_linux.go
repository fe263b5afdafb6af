package cluster

import (
	"os/exec"
	"syscall"
)

// tie makes the child end with ordeal, also when ordeal is killed with SIGKILL and the child is paused, and keeps the terminal's Ctrl-C
// from it, so that faults are undone and clients closed before the broker goes.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
