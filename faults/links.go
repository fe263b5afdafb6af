package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"ordeal/faults/socket"
)

var errLinksClosed = errors.New("ordeal has taken back all connections")

// Links are the client connections that ordeal lends to drivers, and the place where the network between clients and broker goes bad. The
// zero value has no seed and is ready for use. Its methods may be called from any goroutine.
type Links struct {
	seed    uint64
	sockets socket.Coalescer

	mu      sync.Mutex
	nodeOf  func(addr string) string
	open    map[*link]struct{}
	lent    map[string]uint64 // connections so far, by client
	applied []*Applied
	choices uint64        // random choices so far
	changed chan struct{} // closed and replaced when a connection came, or a client left
	closed  bool
	left    map[string]bool // clients that connect no more
}

// NewLinks makes links whose random choices (jitter, which connections to reset) depend on seed, the clients' names and the number of
// their connections only.
func NewLinks(seed uint64) *Links { return &Links{seed: seed} }

// Coalescer is what all connections are made with. Who runs closed loops holds it between their beginning and their end.
func (l *Links) Coalescer() *socket.Coalescer { return &l.sockets }

// NameNodes tells how to find the name of the node behind an address that a driver dials; it returns "" for unknown ones. It is called
// before the first connection, by whoever started the cluster.
func (l *Links) NameNodes(nodeOf func(addr string) string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nodeOf = nodeOf
}

// Dialer is what goes into drivers.Env.Dial for c. Dials wait as long as an effect keeps the chosen direction shut, or until ctx ends.
func (l *Links) Dialer(c Client) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		node := l.node(addr)
		if err := l.admit(ctx, c, node); err != nil {
			return nil, fmt.Errorf("dial %s for %s: %w", addr, c.Name, err)
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return l.lend(c, node, l.sockets.Wrap(conn))
	}
}

func (l *Links) node(addr string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nodeOf == nil {
		return ""
	}
	return l.nodeOf(addr)
}

// admit returns when a connection may be made: not into a hole, and with a delay after the round trip that a handshake is.
func (l *Links) admit(ctx context.Context, c Client, node string) error {
	counted := map[*Applied]bool{}
	for {
		hole, delay, err := l.ahead(c, node)
		if err != nil {
			return err
		}
		if hole == nil {
			return pause(ctx, delay)
		}
		if !counted[hole] {
			counted[hole] = true
			hole.dials.Add(1)
		}
		select {
		case <-hole.lifted:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ahead finds a hole in the way, and the delay of a round trip.
func (l *Links) ahead(c Client, node string) (hole *Applied, delay time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, errLinksClosed
	}
	for _, a := range l.applied {
		if !a.selector.matches(c, node) {
			continue
		}
		if a.effect.Hole != NoHole {
			return a, 0, nil
		}
		for _, d := range []Direction{Sending, Receiving} {
			if a.effect.acts(d) {
				delay += a.effect.Delay
			}
		}
	}
	return nil, delay, nil
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lend wraps a fresh connection and brings it under the effects in force.
func (l *Links) lend(c Client, node string, conn net.Conn) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close()
		return nil, errLinksClosed
	}
	if l.open == nil {
		l.open, l.lent = map[*link]struct{}{}, map[string]uint64{}
	}
	k := newLink(l, conn, c, node, l.lent[c.Name])
	l.lent[c.Name]++
	l.open[k] = struct{}{}
	for _, a := range l.applied {
		if a.selector.matches(c, node) {
			k.apply(a)
		}
	}
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return k, nil
}

func (l *Links) forget(k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, k)
}

// Apply puts e in force on the connections that s chooses now and on those that will be dialled.
func (l *Links) Apply(s Selector, e Effect) *Applied {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &Applied{effect: e, selector: s, links: l, lifted: make(chan struct{})}
	l.applied = append(l.applied, a)
	for _, k := range l.chosen(s) {
		k.apply(a)
	}
	return a
}

// Lift ends the effect: what was kept back goes on at once and in order, connections that lost bytes are reset, dials that waited are
// made. It returns the names of the clients whose connections were reset, and is idempotent.
func (a *Applied) Lift() []string {
	l := a.links
	l.mu.Lock()
	i := slices.Index(l.applied, a)
	if i < 0 {
		defer l.mu.Unlock()
		return slices.Clone(a.cut)
	}
	l.applied = slices.Delete(l.applied, i, i+1)
	under := l.chosen(a.selector)
	l.mu.Unlock()

	var cut []string
	for _, k := range under {
		if k.lift(a) && k.reset() {
			a.resets.Add(1)
			cut = append(cut, k.client.Name)
		}
	}
	close(a.lifted) // only now, so that new connections find the old ones gone
	l.mu.Lock()
	defer l.mu.Unlock()
	a.cut = cut
	return slices.Clone(cut)
}

// chosen are the open connections that s chooses, in an order that does not depend on chance. l.mu is held.
func (l *Links) chosen(s Selector) []*link {
	return l.filter(func(k *link) bool { return s.matches(k.client, k.node) })
}

func (l *Links) filter(keep func(*link) bool) []*link {
	var out []*link
	for k := range l.open {
		if keep(k) {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b *link) int {
		return cmp.Or(strings.Compare(a.client.Name, b.client.Name), cmp.Compare(a.number, b.number))
	})
	return out
}
