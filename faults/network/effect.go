package network

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"ordeal/faults"
)

// inForce is the recovery of an effect on connections.
type inForce struct {
	links   *faults.Links
	applied *faults.Applied
	// witness turns the figures into evidence.
	witness func(faults.LinkStats) faults.Evidence

	mu  sync.Mutex
	cut []string
}

// apply puts e in force. It is ordeal's own doing and so in force when this returns; what it did to the traffic shows later.
func (a *aim) apply(
	ctx context.Context, t faults.Target, e faults.Effect, witness func(faults.LinkStats) faults.Evidence,
) (*inForce, error) {
	selector, err := a.selected(ctx, t)
	if err != nil {
		return nil, err
	}
	return &inForce{links: t.Links(), applied: t.Links().Apply(selector, e), witness: witness}, nil
}

// Recover lifts the effect.
func (f *inForce) Recover(context.Context) error {
	cut := f.applied.Lift()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = cut
	return nil
}

// Settled waits until the clients whose connections were reset are connected again.
func (f *inForce) Settled(ctx context.Context) error {
	f.mu.Lock()
	cut := f.cut
	f.mu.Unlock()
	return f.links.Reconnected(ctx, cut)
}

// Evidence tells what was done to bytes, connections and dials.
func (f *inForce) Evidence() faults.Evidence { return f.witness(f.applied.Stats()) }

// Undo is empty: connections end with ordeal.
func (f *inForce) Undo() []string { return nil }

// untouched is the evidence where nothing happened.
func untouched(s faults.LinkStats) faults.Evidence {
	why := "no connection was open, and none was dialled"
	if s.Connections > 0 {
		why = fmt.Sprintf("%s open, and no byte passed", connections(s.Connections))
	}
	return faults.Evidence{Why: why, Facts: map[string]string{"connections": count(s.Connections)}}
}

// count is n as a fact.
func count(n int64) string { return strconv.FormatInt(n, 10) }

// connections counts in words.
func connections(n int64) string {
	if n == 1 {
		return "1 connection was"
	}
	return fmt.Sprintf("%d connections were", n)
}
