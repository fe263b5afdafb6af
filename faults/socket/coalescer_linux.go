package socket

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// roused is how many bytes wake a reader also while arrivals are held: about what one read takes.
const roused = 64 << 10

// Coalescer makes the system calls of its connections cheap, and has what arrives on them wake their readers together between Hold and
// End: when Release is called, which somebody does many times a second, as a network card raises one interrupt for many packets (rx-usecs
// in ethtool(8)). The runtime's poller watches edges, so it is woken by every segment that arrives, whether it is waited for or not: a
// broker that answers in small pieces wakes a load generator ten thousand times a second, and most of what it then costs is that.
//
// Not held up are what comes in large pieces, what comes on a connection that was silent since the last Release, the end of a connection,
// and deadlines. The zero value is ready for use. Its methods may be called from any goroutine.
type Coalescer struct {
	holding atomic.Bool
	mu      sync.Mutex
	open    map[*socket]struct{}
}

// Able tells whether Hold does something here.
func (*Coalescer) Able() bool { return true }

// Wrap returns c itself, or on Linux, for a TCP connection, one that does the same with direct system calls and can be held. Deadlines,
// Close and errors are as before. The caller uses c no more.
func (c *Coalescer) Wrap(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	s := wrap(tcp, c)
	if s == nil {
		return conn
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[*socket]struct{}{}
	}
	c.open[s] = struct{}{}
	return s
}

func (c *Coalescer) forget(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, s)
}

// Hold has arrivals wait for Release.
func (c *Coalescer) Hold() { c.holding.Store(true) }

// Release lets what has arrived wake its readers.
func (c *Coalescer) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.open {
		s.release()
	}
}

// End undoes Hold, and releases.
func (c *Coalescer) End() {
	c.holding.Store(false)
	c.Release()
}

// holdable is what a socket has for its coalescer. It is held by a low-water mark: below it, an arrival wakes nobody (SO_RCVLOWAT in
// socket(7); for poll and epoll since Linux 4.18, before which nothing is held up), and to lower it wakes the reader of what is there
// already (tcp_set_rcvlowat in net/ipv4/tcp.c).
type holdable struct {
	coalescer *Coalescer
	control   func(func(fd uintptr)) error
	rouse     func(fd uintptr)
	// held tells that the mark is up.
	held atomic.Bool
}

// lull is called by a reader who found nothing and is going to wait. The mark is up before held says so, or a release between the two would
// be lost; and the end of holding is looked for after both, as End looks at held after it said so.
func (h *holdable) lull(fd uintptr) {
	if !h.coalescer.holding.Load() || h.held.Load() {
		return
	}
	setLowWater(fd, roused)
	h.held.Store(true)
	if !h.coalescer.holding.Load() {
		h.held.Store(false)
		setLowWater(fd, 1)
	}
}

func (h *holdable) release() {
	if h.held.Swap(false) {
		_ = h.control(h.rouse) // it fails when the connection is closed, which wakes the reader
	}
}

func rouse(fd uintptr) { setLowWater(fd, 1) }

// setLowWater cannot fail on a TCP socket (sk_setsockopt in net/core/sock.c).
func setLowWater(fd uintptr, bytes int32) {
	_, _, _ = syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, fd, syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, uintptr(unsafe.Pointer(&bytes)),
		unsafe.Sizeof(bytes), 0)
}
