//go:build !linux

package schedule

import "time"

// cpuTime is measured on Linux only, the system that the figures are wanted for.
func cpuTime() time.Duration { return 0 }
