package network

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"ordeal/drivers"
	"ordeal/faults"
)

// Reset is network.reset: connections are torn, and both ends learn it by a reset (RST).
func Reset() faults.Kind {
	return faults.Kind{
		Name:     "network.reset",
		About:    "Tears connections: both ends see a reset, and nothing that was under way arrives.",
		Acts:     "connection",
		Where:    "Every broker that is reached over a network, on every platform.",
		Evidence: "Open connections were reset.",
		Options: []drivers.Option{
			{
				Name: "share", Kind: drivers.KindPercent, Default: "100%",
				About: "How many of the chosen connections, rounded up; the seed says which.",
			},
			{
				Name: "every", Kind: drivers.KindDuration, Default: "0s",
				About: "Repeats it at this interval until the fault's time is over; 0s does it once.",
			},
		},
		New: func(s faults.Spec) faults.Fault {
			return &reset{
				aim:   aim{kind: "network.reset", selector: s.Target},
				share: s.Options.Percent("share"), every: s.Options.Duration("every"),
			}
		},
	}
}

type reset struct {
	aim
	share float64
	every time.Duration
}

// Inject tears once and returns. Without a connection to tear, and without a repetition, that is an error.
func (r *reset) Inject(ctx context.Context, t faults.Target) (faults.Recovery, error) {
	selector, err := r.selected(ctx, t)
	if err != nil {
		return nil, err
	}
	torn := &torn{links: t.Links(), stop: make(chan struct{})}
	torn.add(t.Links().Reset(selector, r.share))
	if r.every <= 0 {
		if len(torn.names) == 0 {
			return nil, fmt.Errorf("%s chooses no open connection now", selector)
		}
		return torn, nil
	}
	torn.loop.Go(func() { torn.repeat(selector, r.share, r.every) })
	return torn, nil
}

// torn is the recovery: it ends the repetition.
type torn struct {
	links *faults.Links
	loop  sync.WaitGroup
	stop  chan struct{}
	once  sync.Once

	mu    sync.Mutex
	names []string // of clients, one for every connection
}

func (t *torn) add(names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names = append(t.names, names...)
}

func (t *torn) repeat(s faults.Selector, share float64, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.add(t.links.Reset(s, share))
		case <-t.stop:
			return
		}
	}
}

// Recover ends the repetition. What is torn stays torn: connecting again is the clients' business.
func (t *torn) Recover(context.Context) error {
	t.once.Do(func() { close(t.stop) })
	t.loop.Wait()
	return nil
}

// Settled waits until the clients whose connections were torn are connected again.
func (t *torn) Settled(ctx context.Context) error { return t.links.Reconnected(ctx, t.clients()) }

func (t *torn) clients() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(t.names)))
}

// Evidence counts the connections that were open and then torn.
func (t *torn) Evidence() faults.Evidence {
	clients := t.clients()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.names) == 0 {
		return faults.Evidence{Why: "no open connection was found to tear", Facts: map[string]string{"connections reset": "0"}}
	}
	return faults.Evidence{
		Bit:   true,
		Why:   fmt.Sprintf("%s reset: %s", connections(int64(len(t.names))), list(clients)),
		Facts: map[string]string{"connections reset": count(int64(len(t.names))), "clients": list(clients)},
	}
}

// Undo is empty: there is nothing to undo.
func (t *torn) Undo() []string { return nil }
