//go:build unix

package nats

import (
	"syscall"
	"time"
)

// measureCPU returns a function that tells how much processor time this process took since it was last called.
func measureCPU() func() time.Duration {
	var last time.Duration
	return func() time.Duration {
		var u syscall.Rusage
		if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
			return 0
		}
		now := time.Duration(u.Utime.Nano() + u.Stime.Nano())
		took := now - last
		last = now
		return took
	}
}
