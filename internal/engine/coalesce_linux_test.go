package engine

import (
	"syscall"
	"time"
)

// sleepInKernel sleeps as no goroutine does: its thread waits, which counts as one wake-up of the process.
func sleepInKernel(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // a shorter one does as well
}
