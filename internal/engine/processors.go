package engine

import (
	"math"
	"os"
	"runtime"
)

// How much one processor carries: an event is a message sent or a delivery, and costs about 2 µs under load and 8 µs at a moderate rate,
// most of which is waking up.
const (
	eventsPerProcessor = 50_000
	bytesPerProcessor  = 32 << 20
)

// processors is how many a run needs, of those there are. A runtime with a processor to spare wakes a second thread for each message that
// comes, to look for more work, and it finds none: at a moderate rate that is a tenth of ordeal's CPU time, and as many interruptions of a
// broker on the same machine. So a run that one processor carries with ease gets one. What a closed loop needs is not known before it runs:
// 0, for Govern to see.
func (p *plan) processors(have int) int {
	events, bytes := 0.0, 0.0
	for i, e := range p.scenario.Producers {
		if p.offered[i] == nil {
			return 0
		}
		rate := 0.0
		for _, g := range e.Rate.Segments {
			rate = max(rate, g.From, g.To)
		}
		copies := 1.0
		for _, c := range p.scenario.Consumers {
			if c.From == e.To {
				copies++
			}
		}
		events += rate * copies
		bytes += rate * copies * float64(e.Size.Max)
	}
	need := math.Ceil(max(events/eventsPerProcessor, bytes/bytesPerProcessor))
	return int(min(max(need, 1), float64(have)))
}

// narrow gives the load the processors that it needs and returns what undoes it. GOMAXPROCS in the environment is the user's word, and a
// broker inside ordeal wants them all.
func (x *execution) narrow() (restore func()) {
	have := runtime.GOMAXPROCS(0)
	need := x.plan.processors(have)
	_, set := os.LookupEnv("GOMAXPROCS")
	switch {
	case x.inProcess(), set:
		need = have
	case need == 0:
		x.processors, restore = Govern()
		return restore
	}
	x.processors = func() int { return need }
	runtime.GOMAXPROCS(need)
	return func() { runtime.GOMAXPROCS(have) }
}
