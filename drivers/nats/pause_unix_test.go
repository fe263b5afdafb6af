//go:build unix

package nats

import "syscall"

// pause returns once the server stands still, which is a moment after the signal.
func (k *node) pause() {
	k.Helper()
	k.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(k.process.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		k.Fatalf("%s does not stop: %v, %v", k.name, status, err)
	}
}

func (k *node) resume() {
	k.Helper()
	k.signal(syscall.SIGCONT)
}
