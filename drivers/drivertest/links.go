package drivertest

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"ordeal/faults/socket"
)

// links are the connections lent to sessions, which the network can turn against.
type links struct {
	sockets socket.Coalescer

	mu    sync.Mutex
	conns map[*link]struct{}
	dials int
	hang  bool
	stall chan struct{}
}

func newLinks() *links { return &links{conns: make(map[*link]struct{})} }

// dial is an Env.Dial.
func (l *links) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	l.dials++
	hang := l.hang
	l.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	k := &link{Conn: l.sockets.Wrap(conn), links: l, closed: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[k] = struct{}{}
	return k, nil
}

// dialled is how many connections were asked for.
func (l *links) dialled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dials
}

// hangUp makes all dials from now on wait for their context, or ends that.
func (l *links) hangUp(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hang = on
}

// reset cuts every connection made after the first keep, without a goodbye.
func (l *links) reset(keep map[*link]struct{}) {
	l.mu.Lock()
	var cut []*link
	for k := range l.conns {
		if _, spared := keep[k]; !spared {
			cut = append(cut, k)
		}
	}
	l.mu.Unlock()
	for _, k := range cut {
		if tcp, ok := k.Conn.(interface{ SetLinger(sec int) error }); ok {
			tcp.SetLinger(0) //nolint:errcheck // it only decides how rude the end is
		}
		k.Conn.Close() //nolint:errcheck // the driver is to find out by itself
	}
}

// now are the connections there are.
func (l *links) now() map[*link]struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[*link]struct{}, len(l.conns))
	for k := range l.conns {
		out[k] = struct{}{}
	}
	return out
}

// stop makes writes hang from now on; go on with resume.
func (l *links) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stall = make(chan struct{})
}

func (l *links) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stall != nil {
		close(l.stall)
		l.stall = nil
	}
}

// hold has what arrives wait for a tick, as runs of closed loops do, until the test ends.
func (l *links) hold(t *testing.T) {
	l.sockets.Hold()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				l.sockets.End()
				return
			case <-tick.C:
				l.sockets.Tick()
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
}

// link is one connection.
type link struct {
	net.Conn
	links  *links
	once   sync.Once
	closed chan struct{}
}

// Write hangs while the links are stopped and nobody closes this one.
func (k *link) Write(b []byte) (int, error) {
	k.links.mu.Lock()
	stall := k.links.stall
	k.links.mu.Unlock()
	if stall != nil {
		select {
		case <-stall:
		case <-k.closed:
			return 0, os.ErrClosed
		}
	}
	return k.Conn.Write(b)
}

// Close is the driver's.
func (k *link) Close() error {
	k.once.Do(func() {
		close(k.closed)
		k.links.mu.Lock()
		delete(k.links.conns, k)
		k.links.mu.Unlock()
	})
	return k.Conn.Close()
}
