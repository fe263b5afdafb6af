package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"ordeal/drivers"
	"ordeal/internal/worker"
	"ordeal/reports"
)

// drainPoll is how often the broker is asked whether everything has been read.
const drainPoll = 20 * time.Millisecond

// shortIdle is how long nothing may arrive where the broker has nothing left and the end was not reached: what is under way may be slow.
const shortIdle = 5 * time.Second

// drainer reads what is left after the load, until the broker itself says that nothing more is to come. Nothing short of that lets a
// missing message be called lost.
type drainer struct {
	worker worker.Worker
	arena  *arena
	// idle is how long nothing may arrive after the end was reached; the drain takes no longer than timeout.
	idle, timeout time.Duration
	now           func() int64
}

// all drains every group of the plan, all at once: one that cannot be drained takes no time from the others. The answers say how complete
// each is.
func (d *drainer) all(ctx context.Context, groups []worker.Group, topicNames map[string]string) []reports.Drain {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	out := make([]reports.Drain, len(groups))
	var each sync.WaitGroup
	for i, g := range groups {
		each.Go(func() {
			began := time.Now()
			complete, why := d.group(ctx, i, g)
			out[i] = reports.Drain{
				Topic: topicNames[g.Topic.Name], Group: g.Name, Complete: complete, Seconds: time.Since(began).Seconds(), Why: why,
			}
		})
	}
	each.Wait()
	return out
}

// group drains one group: by fence for a topic that keeps nothing, else by the broker's end and its own count.
func (d *drainer) group(ctx context.Context, i int, g worker.Group) (complete bool, why string) {
	if g.Topic.Model == drivers.Broadcast {
		return d.fence(ctx, i)
	}
	why = "the broker was not asked"
	quiet := int64(-1)
	for {
		reached, short, state := d.reached(ctx, i, g)
		if state != "" {
			why = state
		}
		idle := d.idle
		if short {
			idle = max(idle, shortIdle)
		}
		r := d.worker.Reached(i)
		switch {
		case !reached:
			quiet = -1
		case quiet != r.Deliveries:
			quiet = r.Deliveries
			fallthrough
		default:
			if d.now()-r.Last >= int64(idle) && r.Working == 0 {
				return true, why
			}
		}
		if pause(ctx, drainPoll) != nil {
			return false, d.shortfall(ctx, i, why)
		}
	}
}

// shortfall says why a drain ended early.
func (d *drainer) shortfall(ctx context.Context, i int, why string) string {
	r := d.worker.Reached(i)
	cause := "interrupted"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		cause = fmt.Sprintf("not done within the time-out of %s", d.timeout)
	}
	if r.Connected < r.Members {
		cause += fmt.Sprintf(", %d of %d consumers without a connection", r.Members-r.Connected, r.Members)
	}
	return cause + ": " + why
}

// reached asks the broker where the group stands. state is empty when the asking itself was cut short. A group that acknowledges before it
// has received may have lost the end of a shard with a connection: short tells that the broker has nothing left for it all the same. Where
// no end is known, the broker's own count decides alone.
func (d *drainer) reached(ctx context.Context, i int, g worker.Group) (ok, short bool, state string) {
	err := d.arena.admin.ask(ctx, askLimit, func(ctx context.Context, s drivers.Session) error {
		ender, hasEnd := s.(drivers.Ender)
		depther, hasDepth := s.(drivers.Depther)
		ok = hasEnd || hasDepth
		if !ok {
			state = "the driver cannot tell where a topic ends"
		}
		if hasEnd {
			ends, err := ender.End(ctx, g.Topic)
			switch {
			case errors.Is(err, drivers.ErrNoEnd): // nor is it known whether all that was acknowledged before has arrived
				ok, state = hasDepth && g.Spec.Ack != drivers.AckBefore, "the broker does not say where its shards end"
			case err != nil:
				return fmt.Errorf("the end of the topic is not known: %w", err)
			default:
				ok, state = atEnd(ends, d.worker.Reached(i).High)
			}
		}
		short = !ok && hasDepth && g.Spec.Ack == drivers.AckBefore
		if (ok || short) && hasDepth {
			n, err := depther.Depth(ctx, g.Topic, g.Name)
			if err != nil {
				return fmt.Errorf("the backlog is not known: %w", err)
			}
			switch {
			case n > 0 && short: // it is still on its way there
				short, state = false, fmt.Sprintf("%s, and %d messages are left by the broker's own count", state, n)
			case n > 0:
				ok, state = false, fmt.Sprintf("%d messages are left by the broker's own count", n)
			case short:
				ok, state = true, state+", acknowledged before that, and nothing left by the broker's own count"
			default:
				state = strings.TrimPrefix(state+", nothing left by the broker's own count", ", ")
			}
		}
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return false, false, ""
		}
		return false, false, "the broker does not answer: " + err.Error()
	}
	return ok, short, state
}

// atEnd compares the broker's ends with the highest positions delivered.
func atEnd(ends, high []drivers.Position) (ok bool, state string) {
	for shard, end := range ends {
		if !end.Known {
			continue
		}
		at := drivers.Position{}
		if shard < len(high) {
			at = high[shard]
		}
		if !at.Known || at.Before(end) {
			return false, fmt.Sprintf("shard %d ends at %s, read so far: %s", shard, end, at)
		}
	}
	return true, "read to the broker's own end of every shard"
}

// fence drains a group of a topic that keeps nothing.
func (d *drainer) fence(ctx context.Context, i int) (complete bool, why string) {
	for {
		err := d.worker.Fence(ctx, i)
		switch {
		case err == nil:
			if pause(ctx, d.idle) != nil {
				return false, d.shortfall(ctx, i, "waiting for stragglers")
			}
			return true, "everything the broker had for the consumers has passed a fence"
		case errors.Is(err, worker.ErrNoFence):
			return false, "a broadcast keeps nothing, and the driver cannot tell when everything has arrived"
		}
		if pause(ctx, drainPoll) != nil {
			return false, d.shortfall(ctx, i, err.Error())
		}
	}
}

// pause waits for d, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
