//go:build unix

package nats

import "syscall"

func (k *node) pause() { k.signal(syscall.SIGSTOP) }

func (k *node) resume() { k.signal(syscall.SIGCONT) }
