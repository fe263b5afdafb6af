package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"ordeal/faults"
	"ordeal/internal/measure"
	"ordeal/internal/worker"
	"ordeal/scenarios"
)

// course is one fault of the scenario and how it went.
type course struct {
	phase  string
	fault  scenarios.Fault
	at     int64 // requested by the scenario, ns since the beginning
	record faults.Record
	// ackedBefore is how many messages were acked in the second before the fault.
	ackedBefore int64
}

// timeline lets faults happen when the scenario wants them.
type timeline struct {
	x       *execution
	courses []*course
	running sync.WaitGroup

	mu     sync.Mutex
	active map[*course]bool
}

func newTimeline(x *execution) *timeline {
	t := &timeline{x: x, active: map[*course]bool{}}
	for i, ph := range x.Scenario.Phases {
		for _, f := range ph.Faults {
			t.courses = append(t.courses, &course{phase: ph.Name, fault: f, at: x.plan.spans[i].Start + int64(f.At)})
		}
	}
	return t
}

// start begins the course of every fault; each waits for its time.
func (t *timeline) start(ctx context.Context) {
	for _, c := range t.courses {
		t.running.Go(func() { t.follow(ctx, c) })
	}
}

func (t *timeline) follow(ctx context.Context, c *course) {
	if pause(ctx, time.Duration(c.at-t.x.now())) != nil {
		return // interrupted before its time
	}
	t.x.nodes.look()       // what the fault may be about to end
	t.x.collector.Rotate() // else the second before would end at the last border of one
	c.ackedBefore = int64(t.x.collector.Snapshot().Rates[worker.AckedCounter])
	guard := faults.NewGuard(t.x.ledger, t.x.Logger, t.x.now)
	guard.Changed = func(r faults.Record) { t.changed(c, r) }
	c.record = guard.Run(ctx, faultSpec(c.fault), t.x.fault(c.fault), t.x.arena)
	if c.record.Err != nil {
		t.x.events.add("fault", "%s on %s: %v", c.fault.Kind, c.fault.Target, c.record.Err)
	}
}

func (t *timeline) changed(c *course, r faults.Record) {
	name := r.Resolved
	if name == "" {
		name = c.fault.Target
	}
	t.mu.Lock()
	t.active[c] = r.State == faults.Active
	t.mu.Unlock()
	t.x.events.add("fault", "%s on %s: %s", c.fault.Kind, name, stateText(r.State))
}

// stateText says what a fault has come to.
func stateText(s faults.State) string {
	switch s {
	case faults.Idle:
		return "requested"
	case faults.Active:
		return "in effect"
	case faults.Recovering:
		return "undone"
	case faults.Settled:
		return "healthy again"
	default:
		return "broken"
	}
}

// names lists the faults in effect.
func (t *timeline) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for c, active := range t.active {
		if active {
			out = append(out, c.fault.Kind+" "+c.fault.Target)
		}
	}
	slices.Sort(out)
	return out
}

// begin lets time run and the load with it. The function it returns stops the watching.
func (x *execution) begin(ctx context.Context) (stopWatching func()) {
	x.usage = measure.ReadUsage()
	x.nodes = newNodesUse(x.cluster.Nodes(), processTree)
	x.hiccups = measure.NewHiccups()
	x.timeline = newTimeline(x)
	clock := measure.NewClock(time.Now())
	x.collector = measure.NewCollector(clock, x.plan.spans)
	x.collector.LogTo(x.latency)
	x.clock.Store(&clock)
	x.run.Started = clock.Epoch()
	x.worker.Start(clock, x.collector, x.plan.spans)

	watching, stop := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { x.hiccups.Run(watching) })
	background.Go(func() { x.beat(watching) })
	background.Go(func() { x.announce(watching) })
	x.timeline.start(ctx)
	return func() {
		stop()
		background.Wait()
	}
}

// load waits for the last receipt, or for as long as a drain may take after the last phase, and for every fault's end.
func (x *execution) load(ctx context.Context) {
	patience, cancel := context.WithTimeout(ctx, time.Duration(x.plan.worker.Until)+x.Scenario.Drain.Timeout)
	defer cancel()
	select {
	case <-x.worker.Sent():
	case <-patience.Done():
		if ctx.Err() == nil {
			x.events.add("warning", "not every message that was due was sent and settled within %s after the last phase", x.Scenario.Drain.Timeout)
		}
	}
	x.worker.StopSending()
	<-x.worker.Sent()
	x.timeline.running.Wait()
}

// announce notes the beginning of every phase. The counters are read at every border: between two readings they are a straight line,
// and a phase that ends in the middle of a second would be given what happened, or did not happen, after it.
func (x *execution) announce(ctx context.Context) {
	for _, s := range x.plan.spans {
		if pause(ctx, time.Duration(s.Start-x.now())) != nil {
			return
		}
		x.collector.Rotate()
		x.events.add("phase", "%s begins, for %s", s.Name, time.Duration(s.End-s.Start))
	}
	if pause(ctx, time.Duration(x.plan.worker.Until-x.now())) == nil {
		x.collector.Rotate()
	}
}

// beat closes a second at each of its borders and tells the watcher. It goes on while messages are read after the last phase.
func (x *execution) beat(ctx context.Context) {
	for second := int64(1); ; second++ {
		if pause(ctx, time.Duration(second*1e9-x.now())) != nil {
			return
		}
		x.collector.Rotate()
		x.nodes.look()
		x.Watch.Beat(x.progress())
	}
}

// drainPhase stands for the time after the last phase.
const drainPhase = "drain"

func (x *execution) progress() Progress {
	s, b := x.collector.Snapshot(), x.worker.Beat()
	phase := drainPhase
	if s.At < x.plan.worker.Until {
		phase = x.plan.spans[measure.PhaseAt(x.plan.spans, s.At)].Name
	}
	p := Progress{
		At: time.Duration(s.At), Total: x.Scenario.Length(), Phase: phase, Offered: x.plan.offeredRate(s.At-1e9, s.At),
		Sent: s.Rates[worker.SentCounter], Acked: s.Rates[worker.AckedCounter],
		Attempted: s.Totals[worker.SentCounter], Unknown: s.Totals[worker.UnknownCounter], Rejected: s.Totals[worker.RejectedCounter],
		InFlight: b.InFlight, Connected: b.Connected, Clients: b.Clients, EndToEnd: s.EndToEnd, Faults: x.timeline.names(),
	}
	for _, g := range x.plan.worker.Groups {
		p.Received += fresh(s.Rates, g.ID)
	}
	return p
}
