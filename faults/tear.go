package faults

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// Reset tears the given share, from 0 to 1 and rounded up, of the chosen connections: both ends see a reset (RST), nothing is
// said before. Which ones is the seed's choice. It returns the clients' names, one for every connection.
func (l *Links) Reset(s Selector, share float64) []string {
	l.mu.Lock()
	chosen := l.chosen(s)
	r := rand.New(rand.NewPCG(l.seed, l.choices))
	l.choices++
	l.mu.Unlock()
	r.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	// The little less keeps 30% of 10 from being rounded up to 4 by the binary form of 0.3.
	n := int(math.Ceil(float64(len(chosen))*share - 1e-9))
	return tear(chosen[:min(max(n, 0), len(chosen))])
}

// ResetClient tears all connections of the client called name, admin or not: its crash without a goodbye. It returns how many.
func (l *Links) ResetClient(name string) int {
	l.mu.Lock()
	theirs := l.filter(func(k *link) bool { return k.client.Name == name })
	l.mu.Unlock()
	return len(tear(theirs))
}

// Close tears all connections that are still open and lends no more; the end of a run. It is idempotent.
func (l *Links) Close() {
	l.mu.Lock()
	l.closed = true
	all := l.filter(func(*link) bool { return true })
	l.mu.Unlock()
	tear(all)
}

func tear(links []*link) []string {
	var names []string
	for _, k := range links {
		if k.reset() {
			names = append(names, k.client.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Open names the clients whose connections s chooses now, one name for every connection, in order.
func (l *Links) Open(s Selector) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, k := range l.chosen(s) {
		names = append(names, k.client.Name)
	}
	return names
}

// Leave tells that the client called name has done its work and connects no more. A worker tells it, from any goroutine.
func (l *Links) Leave(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == nil {
		l.left = map[string]bool{}
	}
	l.left[name] = true
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// Reconnected returns once every client in names has an open connection, or has left; the error names those that have none when ctx ends.
func (l *Links) Reconnected(ctx context.Context, names []string) error {
	for {
		missing, changed := l.missing(names)
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s not connected again: %w", strings.Join(missing, ", "), ctx.Err())
		}
	}
}

func (l *Links) missing(names []string) ([]string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(names))), func(name string) bool { return l.left[name] })
	for k := range l.open {
		if i := slices.Index(missing, k.client.Name); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		}
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return missing, l.changed
}
