package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ordeal/faults/socket"
	"ordeal/internal/measure"
	"ordeal/internal/schedule"
)

const (
	// pauseShare is the part of the time that a message is under way for which what arrives may wait: so much longer may a message of a
	// closed loop take, or so much lower its rate be, by the waiting.
	pauseShare = 32
	// pauseLeast is too short to gather much. pauseMost is long enough: with 2 ms, the wake-ups of eight connections of RabbitMQ were a fifth
	// of what a message cost, and 8 ms save 3 % of it against 4.
	pauseLeast = 250 * time.Microsecond
	pauseMost  = 8 * time.Millisecond
	// worthwhile is how many wake-ups there must be in one pause for one to take their place.
	worthwhile = 3
	// lookLength is how long one look at the flow takes. While arrivals wait, one look in looksHeld is made without that, for only then it
	// shows how often the process wakes by itself.
	lookLength = 100 * time.Millisecond
	looksHeld  = 20
)

// Flow is what those who wait for one another tell of themselves: how many messages are under way, and how many have been settled so far.
// Of closed loops these are messages sent and their receipts; of consumers with a small prefetch, what the broker may have sent them and
// what they have received.
type Flow struct{ InFlight, Settled int64 }

// smallPrefetch is how many bytes a prefetch must have that is no bound for what a connection brings between two wake-ups: reads of half of
// it are not held (see package socket).
const smallPrefetch = 64 << 10

// frameOverhead is about what a broker adds to a message.
const frameOverhead = 64

// Coalesce has, until restore, what arrives on the connections of c wake the process in a rhythm and all together, where that saves most of
// its wake-ups and delays messages by a small part (pauseShare) of the time they take anyway: messages of closed loops, which wait for
// their window and not for a time. A run of such loops alone does so; the benchmarks do it for what a run is compared with. Longest tells
// the longest pause between two wake-ups that there was; 0 for none. The first of the flows is that of the loops.
func Coalesce(c *socket.Coalescer, clock measure.Clock, flows func() []Flow, logger *slog.Logger) (
	longest func() time.Duration, restore func(),
) {
	k := &coalescing{sockets: c, clock: clock, flows: flows}
	if !c.Able() {
		return k.longest, func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		if err := k.run(ctx); err != nil {
			logger.Warn("from now on what arrives wakes ordeal as it comes", slog.Any("error", err))
		}
	})
	return k.longest, func() {
		cancel()
		all.Wait()
	}
}

// closed tells that all producers are closed loops.
func (p *plan) closed() bool {
	for _, s := range p.offered {
		if s != nil {
			return false
		}
	}
	return len(p.offered) > 0
}

// coalesce has what arrives for closed loops wake ordeal together, and returns what undoes it. Where a producer keeps a rate, its latencies
// are what the run is for, and nothing waits.
func (x *execution) coalesce() (restore func()) {
	if !x.plan.closed() || x.inProcess() {
		return func() {}
	}
	narrow := x.plan.narrow()
	flows := func() []Flow {
		b := x.worker.Beat()
		all := []Flow{{InFlight: b.InFlight, Settled: b.Settled}}
		for _, n := range narrow {
			all = append(all, Flow{InFlight: n.most, Settled: x.worker.Reached(n.group).Deliveries})
		}
		return all
	}
	x.coalesced, restore = Coalesce(x.links.Coalescer(), *x.clock.Load(), flows, x.Logger)
	return restore
}

// narrow is a group, by its place in the plan, whose prefetch bounds what a wake-up brings it, and how much that is for all its members.
type narrow struct {
	group int
	most  int64
}

// narrow are the groups with a small prefetch, always in the same order.
func (p *plan) narrow() (out []narrow) {
	for i := range p.worker.Groups {
		g, size := &p.worker.Groups[i], 0
		for j := range p.worker.Producers {
			if to := &p.worker.Producers[j]; to.Topic.Name == g.Topic.Name {
				size = max(size, to.MaxSize)
			}
		}
		if n := g.Spec.Prefetch; n > 0 && n*(size+frameOverhead) < smallPrefetch {
			out = append(out, narrow{i, int64(n) * int64(max(1, g.Spec.Members))})
		}
	}
	return out
}

type coalescing struct {
	sockets *socket.Coalescer
	clock   measure.Clock
	flows   func() []Flow
	rhythm  rhythm
	most    atomic.Int64
}

func (k *coalescing) longest() time.Duration { return time.Duration(k.most.Load()) }

// run keeps the rhythm until ctx ends.
func (k *coalescing) run(ctx context.Context) error {
	defer k.sockets.End()
	pacer, err := schedule.NewPacer(0, 0)
	if err != nil {
		return err
	}
	flows, usage := k.flows(), measure.ReadUsage()
	for look := k.clock.Now() + int64(lookLength); ctx.Err() == nil; {
		now := k.clock.Now()
		if now >= look {
			f, u := k.flows(), measure.ReadUsage()
			k.follow(k.rhythm.next(seen{flows: since(f, flows), waits: u.Waits - usage.Waits, passed: u.At.Sub(usage.At)}))
			flows, usage, look = f, u, now+int64(lookLength)
		}
		due := look
		if p := int64(k.rhythm.pause); p > 0 {
			due = (now/p + 1) * p
		}
		if err = pacer.Wait(ctx, now, due); err != nil {
			break
		}
		k.sockets.Tick()
	}
	if ctx.Err() != nil {
		err = nil // it was to end
	}
	return errors.Join(err, pacer.Close())
}

// follow takes the pause that the rhythm has now.
func (k *coalescing) follow(pause time.Duration) {
	if pause == 0 {
		k.sockets.End()
		return
	}
	k.sockets.Hold()
	k.most.Store(max(k.most.Load(), int64(pause)))
}

// since is what now has settled more than before.
func since(now, before []Flow) []Flow {
	out := slices.Clone(now)
	for i := range out {
		out[i].Settled -= before[i].Settled
	}
	return out
}

// seen is what one look has shown: of the flows, what was settled meanwhile.
type seen struct {
	flows  []Flow
	waits  int64
	passed time.Duration
}

// rhythm decides how long arrivals wait.
type rhythm struct {
	// pause is 0 where they do not.
	pause time.Duration
	// held is how many looks they have waited.
	held int
	// begun tells that the first look is over: a load that has just begun shows nothing.
	begun bool
}

// next takes what a look has shown and tells the pause until the next one ends.
func (r *rhythm) next(s seen) time.Duration {
	fit := s.fit()
	switch {
	case !r.begun:
		r.begun = true
	case r.pause == 0:
		if fit >= pauseLeast && float64(s.waits)*float64(fit) >= worthwhile*float64(s.passed) {
			r.pause, r.held = fit, 0
		}
	default:
		// It is only made shorter: what is seen while arrivals wait has the waiting in it.
		r.held++
		if r.pause = min(r.pause, fit); r.pause < pauseLeast || r.held >= looksHeld {
			r.pause = 0
		}
	}
	return r.pause
}

// fit is the pause that suits all flows, 0 where the loops settle nothing. Consumers that receive nothing do not wait for wake-ups.
func (s *seen) fit() time.Duration {
	fit := pauseMost
	for i, f := range s.flows {
		switch {
		case f.Settled > 0:
			under := float64(f.InFlight) / float64(f.Settled) * float64(s.passed) // Little's law
			fit = min(time.Duration(under/pauseShare), fit)
		case i == 0:
			return 0
		}
	}
	return fit
}
