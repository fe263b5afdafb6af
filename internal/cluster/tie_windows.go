package cluster

import (
	"os/exec"
	"syscall"
)

// tie keeps Ctrl-C from the child. There is no death signal here: a child ends with ordeal when its lifeline does.
func tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
