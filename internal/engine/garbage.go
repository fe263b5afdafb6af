package engine

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The garbage collector's pace during a run. What is alive is a few MiB, and at Go's default of as much garbage again it would be collected
// hundreds of times a second under full load, which costs up to a quarter of the client's CPU time and shows in its tail. A fixed multiple
// would make a run with many clients large. So there is an allowance of garbage, whatever is alive: what a quarter of a second makes, but
// never less than at a moderate rate, nor more than a process may grow by under full load.
const (
	leastAllowance, mostAllowance = 16 << 20, 64 << 20
	// perSecond is how often garbage is collected while the allowance follows it.
	perSecond = 4
	// leastPercent is for a run with so much alive that the allowance would be collected all the time.
	leastPercent = 100
	// smallestHeap is collected at 100 % whatever is alive (runtime/mgcpacer.go), and grows with the percentage.
	smallestHeap = 4 << 20
	// memoryLimit makes the collector work harder when that is not enough.
	memoryLimit = 1 << 30
	// garbagePause lies between two looks at what is alive and at what was made.
	garbagePause = 250 * time.Millisecond
)

// Tune sets that pace, keeps it while what is alive changes and garbage comes faster or slower, and returns what undoes it. A run does so;
// the benchmarks do it for what a run is compared with.
func Tune() (restore func()) {
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	read := func() (live, made uint64) {
		metrics.Read(heap)
		return heap[0].Value.Uint64(), heap[1].Value.Uint64()
	}
	live, made := read()
	percent := garbagePercent(live, leastAllowance)
	before := debug.SetGCPercent(percent)
	limit := debug.SetMemoryLimit(memoryLimit)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(garbagePause)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			alive, sum := read()
			now := time.Now()
			next := garbagePercent(alive, allowance(sum-made, now.Sub(last)))
			last, made = now, sum
			// Setting it stops all goroutines for a moment, so it is not done for a little.
			if 4*next < 3*percent || 3*next > 4*percent {
				percent = next
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

// allowance is how much garbage there may be where so many bytes were made in a time.
func allowance(made uint64, in time.Duration) uint64 {
	return uint64(min(max(float64(made)/in.Seconds()/perSecond, leastAllowance), mostAllowance))
}

// garbagePercent is what debug.SetGCPercent makes of the allowance while live bytes are alive.
func garbagePercent(live, allowance uint64) int {
	return int(min(max(100*allowance/max(live, 1), leastPercent), 100*allowance/smallestHeap))
}
