package worker

import (
	"sync"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/measure"
	"ordeal/internal/message"
)

// group is what the members of one group share: its lock is taken once per received batch, which also fixes the order in which the judge
// and the history see the group's deliveries.
type group struct {
	plan Group
	run  *running

	mu       sync.Mutex
	log      *history.GroupLog
	gaps     *measure.Gaps
	received *measure.Counter
	repeated *measure.Counter // those of them that the group had received before
	total    int64
	// high is the highest position delivered, by shard.
	high []drivers.Position
	last int64 // time of the latest delivery, or of the end of the latest work on one
	// working is how many members work on what they received.
	working int
	// early holds what arrived before the beginning: probes.
	early  []history.Delivery
	probes map[uint32]bool
}

func newGroup(plan Group, run *running) *group {
	return &group{
		plan: plan, run: run, high: make([]drivers.Position, plan.Topic.Shards), probes: map[uint32]bool{},
		log: run.groupLog(plan.ID),
	}
}

// begin lets the load's time run: what arrived early is noted first, at time zero.
func (g *group) begin(spans []measure.Span, received, repeated *measure.Counter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gaps, g.received, g.repeated = measure.NewGaps(spans), received, repeated
	for i := range g.early {
		g.early[i].At = 0
	}
	g.note(g.early, nil)
	g.early = nil
}

// observe notes a batch of n deliveries that one member received, and appends to repeats the places in it of what the group had received
// before.
func (g *group) observe(ds []history.Delivery, n, now int64, repeats []int) []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range ds {
		if shard := int(ds[i].Shard); shard >= 0 && shard < len(g.high) {
			last := drivers.Position(ds[i].Position)
			if last.Known {
				last.Minor += uint64(ds[i].Following)
			}
			if high := &g.high[shard]; !high.Known || high.Before(last) {
				*high = last
			}
		}
	}
	g.total += n
	g.last = now
	if g.gaps == nil {
		g.early = append(g.early, ds...)
		for i := range ds {
			if ds[i].Status == message.Whole {
				g.probes[ds[i].Producer] = true
			}
		}
		return repeats
	}
	g.received.Add(n)
	repeats = g.note(ds, repeats)
	// When nothing is sent any more, what comes once more says nothing of how long the broker was away.
	if now < g.run.plan.Until || int64(len(repeats)) < n {
		g.gaps.Observe(now)
	}
	if len(repeats) > 0 {
		g.repeated.Add(int64(len(repeats)))
	}
	return repeats
}

// begins and ends are told of a member's work: what the broker has given to a busy client may still wait there.
func (g *group) begins() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.working++
}

func (g *group) ends() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.working--
	if g.gaps != nil {
		g.last = g.run.clock.Now()
	}
}

func (g *group) note(ds []history.Delivery, repeats []int) []int {
	if len(ds) == 0 {
		return repeats
	}
	repeats = g.run.deps.Book.Receive(g.plan.ID, ds, repeats)
	if g.log != nil {
		g.log.Deliveries(ds)
	}
	return repeats
}

// probed tells whether a probe of producer id has arrived.
func (g *group) probed(id uint32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.probes[id]
}

// Reached is how far a group has come.
type Reached struct {
	// High is the highest position delivered, by shard; unknown where nothing arrived.
	High []drivers.Position
	// Deliveries so far, repeated ones included.
	Deliveries int64
	// Last is when the latest arrived, or when the latest work on one ended, in ns since the beginning.
	Last int64
	// Working is how many members work on what they received: more may wait in their clients.
	Working int
	// Connected members at the moment.
	Connected, Members int
}

func (g *group) reached() Reached {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Reached{
		High: append([]drivers.Position(nil), g.high...), Deliveries: g.total, Last: g.last, Working: g.working, Members: g.plan.Spec.Members,
	}
}
