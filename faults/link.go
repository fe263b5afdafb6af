package faults

import (
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// link is one lent connection. While no effect is in force a Read or Write costs an atomic load or two more than that of the connection
// itself. It offers no ReadFrom and net.Buffers falls back to one Write a buffer; the client libraries in use write whole buffers anyway.
type link struct {
	net.Conn
	links  *Links
	client Client
	node   string
	number uint64 // of the client's connections
	send   flow
	recv   flow
	cut    atomic.Bool // torn by ordeal
	shut   atomic.Bool // closed by its borrower
	once   sync.Once
}

func newLink(l *Links, conn net.Conn, c Client, node string, number uint64) *link {
	k := &link{Conn: conn, links: l, client: c, node: node, number: number}
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.Name))
	k.send.init(k, Sending, rand.New(rand.NewPCG(l.seed^h.Sum64(), number<<1)))
	k.recv.init(k, Receiving, rand.New(rand.NewPCG(l.seed^h.Sum64(), number<<1|1)))
	return k
}

// Read looks twice: a call that waited in the kernel when an effect began must not hand over what came after.
func (k *link) Read(p []byte) (int, error) {
	if k.recv.active.Load() && len(p) > 0 {
		return k.recv.read(p)
	}
	n, err := k.Conn.Read(p)
	if k.recv.active.Load() && (n > 0 || err != nil && !errors.Is(err, os.ErrDeadlineExceeded)) {
		return k.recv.late(p, n, err)
	}
	return n, k.explain("read", err)
}

// Write goes straight to the connection unless an effect is in force or something is still queued before it.
func (k *link) Write(p []byte) (int, error) {
	if k.send.active.Load() && len(p) > 0 {
		return k.send.write(p)
	}
	n, err := k.Conn.Write(p)
	return n, k.explain("write", err)
}

// SetDeadline sets both deadlines.
func (k *link) SetDeadline(t time.Time) error {
	return errors.Join(k.recv.setDeadline(t), k.send.setDeadline(t))
}

// SetReadDeadline holds also while an effect keeps bytes back.
func (k *link) SetReadDeadline(t time.Time) error { return k.recv.setDeadline(t) }

// SetWriteDeadline holds also while an effect keeps bytes back.
func (k *link) SetWriteDeadline(t time.Time) error { return k.send.setDeadline(t) }

// Close returns at once. As in a kernel, what was written before still goes its way, and the peer hears of the end after it: not before
// a hole is lifted.
func (k *link) Close() error {
	if k.shut.Swap(true) {
		return k.explain("close", net.ErrClosed)
	}
	k.recv.wake()
	k.send.wake()
	if k.send.busy() {
		_ = k.Conn.SetReadDeadline(time.Unix(1, 0)) // frees a Read that waits in the kernel
		return nil
	}
	return k.finish()
}

// finish closes the connection itself, once.
func (k *link) finish() (err error) {
	k.once.Do(func() {
		k.links.forget(k)
		err = k.Conn.Close()
	})
	return err
}

// linger finishes a connection whose Close had to wait.
func (k *link) linger() {
	if k.shut.Load() && !k.send.busy() {
		_ = k.finish()
	}
}

// reset tears the connection: with no time to linger, close sends RST and forgets what was not sent (socket(7), SO_LINGER). It tells
// whether it was whole before.
func (k *link) reset() bool {
	if k.cut.Swap(true) {
		return false
	}
	whole := false
	k.once.Do(func() {
		whole = true
		if tcp, ok := k.Conn.(interface{ SetLinger(sec int) error }); ok {
			_ = tcp.SetLinger(0)
		}
		k.links.forget(k)
		_ = k.Conn.Close()
	})
	k.recv.wake()
	k.send.wake()
	return whole
}

// apply brings the connection under a.
func (k *link) apply(a *Applied) {
	a.connections.Add(1)
	for _, f := range []*flow{&k.send, &k.recv} {
		if a.effect.acts(f.way) {
			f.apply(a)
		}
	}
}

// lift takes a away and tells whether bytes were lost to it.
func (k *link) lift(a *Applied) (lost bool) {
	for _, f := range []*flow{&k.send, &k.recv} {
		if f.lift(a) && a.effect.Hole == Drop {
			lost = true
		}
	}
	if !lost {
		k.linger()
	}
	return lost
}

// ended is the error of every call after the end, nil before it.
func (k *link) ended(op string) error {
	switch {
	case k.cut.Load():
		return k.failure(op, os.NewSyscallError(op, syscall.ECONNRESET))
	case k.shut.Load():
		return k.failure(op, net.ErrClosed)
	default:
		return nil
	}
}

// explain gives a torn or closed connection the error that its borrower expects, and leaves others as they are.
func (k *link) explain(op string, err error) error {
	if err == nil {
		return nil
	}
	if end := k.ended(op); end != nil {
		return end
	}
	return err
}

func (k *link) failure(op string, err error) error {
	return &net.OpError{Op: op, Net: k.LocalAddr().Network(), Source: k.LocalAddr(), Addr: k.RemoteAddr(), Err: err}
}
