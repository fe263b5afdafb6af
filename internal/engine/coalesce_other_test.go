//go:build !linux

package engine

import "time"

// sleepInKernel is not needed where nothing can be held.
func sleepInKernel(d time.Duration) { time.Sleep(d) }
