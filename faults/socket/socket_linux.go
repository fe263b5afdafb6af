package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// socket is a TCP connection with direct system calls.
type socket struct {
	*net.TCPConn
	in, out   way
	coalescer *Coalescer

	// reading guards what follows: one Read goes on at a time.
	reading sync.Mutex
	mark    mark
	// calm is for how many ticks more the reader waits for a tick and not for an arrival.
	calm int
}

// way is one direction. Its mutex keeps the state of one call at a time; the poller takes one at a time anyway.
type way struct {
	socket *socket
	wait   func(func(fd uintptr) bool) error
	try    func(fd uintptr) bool // made once, for it would be allocated for each call
	mu     sync.Mutex
	p      []byte
	done   int
	errno  syscall.Errno
	// once has a read that finds nothing end with EAGAIN.
	once bool
}

func (w *way) init(s *socket, wait func(func(fd uintptr) bool) error, try func(fd uintptr) bool) {
	w.socket, w.wait, w.try = s, wait, try
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	n, err := s.held(p)
	if errors.Is(err, syscall.EAGAIN) {
		s.mark.move(1)
		n, err = s.in.call("read", p, false)
	}
	switch holding := s.coalescer.Holding(); {
	case holding && n > 0 && n < min(bulk, len(p)):
		s.calm = patience
		s.mark.move(lowWater)
	case n > 0:
		s.calm = 0
	}
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, err
}

// held reads at the next tick, or the one after it, where arrivals are held; its error is EAGAIN where they are not, or nothing arrived.
func (s *socket) held(p []byte) (n int, err error) {
	for err = syscall.EAGAIN; s.calm > 0 && errors.Is(err, syscall.EAGAIN) && s.coalescer.await(); s.calm-- {
		n, err = s.in.call("read", p, true)
	}
	return n, err
}

// Write implements net.Conn: it writes all of p or says why not.
func (s *socket) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return s.out.call("write", p, false)
}

// ReadFrom hides TCPConn's, which would go round Write.
func (s *socket) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{s}, r)
}

// WriteTo hides TCPConn's, which would go round Read.
func (s *socket) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{s})
}

// call does one Read or Write; a Read of which it is asked once does not wait.
func (w *way) call(op string, p []byte, once bool) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.p, w.done, w.errno, w.once = p, 0, 0, once
	err := w.wait(w.try)
	n, errno := w.done, w.errno
	w.p = nil
	if err == nil && once && errno == syscall.EAGAIN {
		return 0, errno // for held, which meets it often
	}
	if err == nil && errno != 0 {
		err = os.NewSyscallError(op, errno)
	}
	if err == nil {
		return n, nil
	}
	if outer, ok := errors.AsType[*net.OpError](err); ok {
		err = outer.Err // of RawConn, which calls the operation raw-read
	}
	return n, &net.OpError{Op: op, Net: "tcp", Source: w.socket.LocalAddr(), Addr: w.socket.RemoteAddr(), Err: err}
}

// receive reads once; false means that there is nothing to read yet.
func (w *way) receive(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&w.p[0])), uintptr(len(w.p)))
		switch errno {
		case 0:
			w.done = int(n)
			return true
		case syscall.EINTR:
		case syscall.EAGAIN:
			if w.once {
				w.errno = errno
			}
			return w.once
		default:
			w.errno = errno
			return true
		}
	}
}

// transmit writes until everything is written; false means that the kernel's buffer is full.
func (w *way) transmit(fd uintptr) bool {
	for w.done < len(w.p) {
		rest := w.p[w.done:]
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)))
		switch errno {
		case 0:
			w.done += int(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			w.errno = errno
			return true
		}
	}
	return true
}
