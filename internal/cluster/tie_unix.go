//go:build unix && !linux

package cluster

import (
	"os/exec"
	"syscall"
)

// tie keeps the terminal's Ctrl-C from the child. There is no death signal here: a child ends with ordeal when its lifeline does, once it
// is no longer paused.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
