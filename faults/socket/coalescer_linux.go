package socket

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const (
	// bulk is what a read brings at least where waiting gathers nothing more that counts.
	bulk = 32 << 10
	// lowWater is how much must arrive to wake the process while a reader waits for a tick.
	lowWater = 64 << 10
	// patience is for how many ticks in a row a connection may bring nothing until its reader waits for its next arrival and not for a tick.
	patience = 4
)

// Coalescer makes the system calls of its connections cheap, and has what arrives on them wake their readers together between Hold and
// End: when Tick is called, which somebody does many times a second, as a network card raises one interrupt for many packets (rx-usecs
// in ethtool(8)). The runtime's poller watches edges, so it is woken by every segment that arrives, whether it is waited for or not: a
// broker that answers in small pieces wakes a load generator ten thousand times a second, and most of what it then costs is that.
//
// Not held up is what comes in large pieces, or on a connection that was silent for a while. Close and deadlines that pass meanwhile are
// noticed at the next tick. The zero value is ready for use. Its methods may be called from any goroutine.
type Coalescer struct {
	held    atomic.Bool
	mu      sync.Mutex
	ticked  *sync.Cond
	ticks   uint64
	waiting int // readers that wait for a tick
}

// Able tells whether Hold does something on this system, for who would look for a rhythm.
func (*Coalescer) Able() bool { return true }

// Wrap returns c itself, or on Linux, for a TCP connection, one that does the same with direct system calls and can be held. Deadlines,
// Close and errors are as before. The caller uses c no more.
func (c *Coalescer) Wrap(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn // it is closed already, and says so itself
	}
	s := &socket{TCPConn: tcp, coalescer: c}
	s.in.init(s, raw.Read, s.in.receive)
	s.out.init(s, raw.Write, s.out.transmit)
	s.mark.init(raw.Control)
	return s
}

// Hold has arrivals wait for Tick. Whoever calls it goes on to call Tick until End.
func (c *Coalescer) Hold() { c.held.Store(true) }

// Holding tells whether arrivals are held, for who would wait for more of them together.
func (c *Coalescer) Holding() bool { return c.held.Load() }

// Tick lets what has arrived wake its readers.
func (c *Coalescer) Tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ticks++
	if c.waiting > 0 {
		c.ticked.Broadcast()
	}
}

// End undoes Hold.
func (c *Coalescer) End() {
	c.held.Store(false)
	c.Tick()
}

// await returns at the next tick, and tells whether arrivals are held still.
func (c *Coalescer) await() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticked == nil {
		c.ticked = sync.NewCond(&c.mu)
	}
	c.waiting++
	for now := c.ticks; now == c.ticks && c.Holding(); {
		c.ticked.Wait()
	}
	c.waiting--
	return c.Holding()
}

// mark is the low-water mark of a socket: what arrives below it wakes nobody (SO_RCVLOWAT in socket(7); for epoll since Linux 4.18, before
// which it wakes as ever). It is the reader's.
type mark struct {
	control func(func(fd uintptr)) error
	set     func(fd uintptr) // made once, for it would be allocated for each call
	bytes   int32
}

func (m *mark) init(control func(func(fd uintptr)) error) {
	m.control, m.bytes = control, 1
	m.set = func(fd uintptr) {
		// It cannot fail on a TCP socket (sk_setsockopt in net/core/sock.c).
		_, _, _ = syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, fd, syscall.SOL_SOCKET, syscall.SO_RCVLOWAT,
			uintptr(unsafe.Pointer(&m.bytes)), unsafe.Sizeof(m.bytes), 0)
	}
}

func (m *mark) move(bytes int32) {
	if m.bytes != bytes {
		m.bytes = bytes
		_ = m.control(m.set) // it fails when the connection is closed, which the next read tells
	}
}
