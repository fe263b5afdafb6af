//go:build unix

package redis

import "syscall"

func (k *node) pause()  { k.signal(syscall.SIGSTOP) }
func (k *node) resume() { k.signal(syscall.SIGCONT) }

func (k *node) signal(s syscall.Signal) {
	k.Helper()
	if err := k.process.Process.Signal(s); err != nil {
		k.Fatal(err)
	}
}
