package engine

import (
	"os"
	"runtime"
	"sync"
	"time"

	"ordeal/internal/measure"
)

const (
	// governPause lies between two looks at how much of its processors a closed loop uses.
	governPause = 100 * time.Millisecond
	// busy is the part of its processors from which it gets more, idle that of one less to which it has to fall, for idleFor, to lose one.
	// Below half of a processor there is room for what comes all at once.
	busy, idle = 0.5, 0.35
	idleFor    = 500 * time.Millisecond
)

// Govern gives the process, until restore, so many processors as it makes use of, of those that it has: with more, Go's scheduler wakes a
// thread for each arrival to look for work that is not there. That doubles what a loop costs that waits for a broker most of the time,
// and takes the time from a broker on the same machine. A run of a closed loop does so; the benchmarks do it for what a run is compared
// with. GOMAXPROCS in the environment is the user's word. Mostly tells how many there were for most of the time.
func Govern() (mostly func() int, restore func()) {
	have := runtime.GOMAXPROCS(0)
	if _, set := os.LookupEnv("GOMAXPROCS"); set {
		return func() int { return have }, func() {}
	}
	g := &governor{have: have, now: have, spent: make([]time.Duration, have+1)}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		g.govern(stop)
	}()
	return g.mostly, func() {
		close(stop)
		<-stopped
		runtime.GOMAXPROCS(have)
	}
}

// governor decides how many processors there are.
type governor struct {
	have, now int
	// quiet is for how long one less would have done.
	quiet time.Duration

	mu sync.Mutex
	// spent is for how long there were so many.
	spent []time.Duration
}

func (g *governor) govern(stop <-chan struct{}) {
	tick := time.NewTicker(governPause)
	defer tick.Stop()
	for last := measure.ReadUsage(); ; {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		usage := measure.ReadUsage()
		passed := usage.At.Sub(last.At)
		g.mu.Lock()
		g.spent[g.now] += passed
		g.mu.Unlock()
		// Setting it stops all goroutines for a moment.
		if now := g.now; g.look((usage.CPU-last.CPU).Seconds()/passed.Seconds(), passed) != now {
			runtime.GOMAXPROCS(g.now)
		}
		last = usage
	}
}

func (g *governor) mostly() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	most := g.have
	for n, spent := range g.spent {
		if spent > g.spent[most] {
			most = n
		}
	}
	return most
}

// look takes how many processors were in use for how long, and tells how many there are to be.
func (g *governor) look(used float64, passed time.Duration) int {
	switch {
	case used > busy*float64(g.now):
		g.now, g.quiet = min(2*g.now, g.have), 0
	case used > idle*float64(g.now-1) || g.now == 1:
		g.quiet = 0
	default:
		if g.quiet += passed; g.quiet >= idleFor {
			g.now, g.quiet = max(1, 1+int(used/idle)), 0
		}
	}
	return g.now
}
