package engine

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The garbage collector's pace during a run. What is alive is a few MiB, and at Go's default of as much garbage again it would be collected
// hundreds of times a second under full load, which costs up to a quarter of the client's CPU time and shows in its tail. A fixed multiple
// would make a run with many clients large. So there is a fixed allowance of garbage, whatever is alive.
const (
	garbageAllowance = 16 << 20
	// leastPercent is for a run with so much alive that the allowance would be collected all the time. mostPercent makes the smallest heap
	// that is collected as large as the allowance, for Go's is 4 MiB at 100 % (runtime/mgcpacer.go).
	leastPercent, mostPercent = 100, 100 * garbageAllowance / (4 << 20)
	// memoryLimit makes the collector work harder when that is not enough.
	memoryLimit = 1 << 30
	// garbagePause lies between two looks at what is alive.
	garbagePause = time.Second
)

// tune sets that pace, keeps it while what is alive changes, and returns what undoes it.
func tune() (restore func()) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	read := func() uint64 {
		metrics.Read(live)
		return live[0].Value.Uint64()
	}
	percent := garbagePercent(read())
	before := debug.SetGCPercent(percent)
	limit := debug.SetMemoryLimit(memoryLimit)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(garbagePause)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			// Setting it stops all goroutines for a moment, so it is not done for a little.
			if now := garbagePercent(read()); 4*now < 3*percent || 3*now > 4*percent {
				percent = now
				debug.SetGCPercent(percent)
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
		debug.SetGCPercent(before)
		debug.SetMemoryLimit(limit)
	}
}

// garbagePercent is what debug.SetGCPercent makes of the allowance while live bytes are alive.
func garbagePercent(live uint64) int {
	return int(min(max(100*garbageAllowance/max(live, 1), leastPercent), mostPercent))
}
