package measure

import (
	"runtime/debug"
	"time"
)

// Usage is what the process has used so far. Two readings and Since give what a run used.
type Usage struct {
	// At is when it was read, with a monotonic reading.
	At time.Time
	// CPU time of all threads, user and system; 0 where the system does not tell.
	CPU time.Duration
	// RSSMax is the largest memory the process ever had, in bytes; 0 where the system does not tell.
	RSSMax int64
	// Waits is how often a thread gave up its processor to wait for something: its voluntary context switches; 0 where the system does not
	// tell.
	Waits int64
	// GCCycles and GCPause are the garbage collections, and the time for which they stopped everything.
	GCCycles int64
	GCPause  time.Duration
	// ClockStep is 0 in a reading; in a difference, how far the wall clock moved against the monotonic one.
	ClockStep time.Duration
}

// ReadUsage reads the process's usage. It does not stop the world.
func ReadUsage() Usage {
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	u := Usage{At: time.Now(), GCCycles: gc.NumGC, GCPause: gc.PauseTotal}
	u.CPU, u.RSSMax, u.Waits = processUsage()
	return u
}

// Since is what was used from an earlier reading to this one; RSSMax is that of the whole process.
func (u Usage) Since(earlier Usage) Usage {
	wall := u.At.Round(0).Sub(earlier.At.Round(0)) // Round(0) strips the monotonic reading
	return Usage{
		At:        u.At,
		CPU:       u.CPU - earlier.CPU,
		RSSMax:    u.RSSMax,
		Waits:     u.Waits - earlier.Waits,
		GCCycles:  u.GCCycles - earlier.GCCycles,
		GCPause:   u.GCPause - earlier.GCPause,
		ClockStep: wall - u.At.Sub(earlier.At),
	}
}
