package socket

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

// pair is both ends of a TCP connection on loopback; the first is wrapped where wrap says so.
func pair(t testing.TB, wrap bool) (ours net.Conn, theirs *net.TCPConn) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ours, err = new(net.Dialer).DialContext(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if wrap {
		ours = new(Coalescer).Wrap(ours)
	}
	t.Cleanup(func() { _ = ours.Close(); _ = other.Close() })
	return ours, other.(*net.TCPConn)
}

// TestBytes sends more than the kernel buffers both ways at once, through writers and readers of odd sizes.
func TestBytes(t *testing.T) {
	ours, theirs := pair(t, true)
	sent := make([]byte, 16<<20+7)
	_, _ = rand.Read(sent)
	var all sync.WaitGroup
	for _, c := range []net.Conn{ours, theirs} {
		all.Go(func() {
			for rest := sent; len(rest) > 0; {
				n, err := c.Write(rest[:min(len(rest), 1<<20+1)])
				if err != nil {
					t.Error(err)
					return
				}
				rest = rest[n:]
			}
			if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			got, err := io.ReadAll(iotest.OneByteReader(io.LimitReader(c, 1000)))
			if err != nil {
				t.Error(err)
			}
			rest, err := io.ReadAll(c) // until io.EOF
			if err != nil || !bytes.Equal(append(got, rest...), sent) {
				t.Errorf("got %d bytes and %v, want the %d that were sent", len(got)+len(rest), err, len(sent))
			}
		})
	}
	all.Wait()
}

// TestAsBefore wants of a wrapped connection, in every kind of end, the error that a plain one gives.
func TestAsBefore(t *testing.T) {
	soon := func() time.Time { return time.Now().Add(20 * time.Millisecond) }
	big := make([]byte, 64<<20)
	for name, do := range map[string]func(ours net.Conn, theirs *net.TCPConn) (int, error){
		"end": func(ours net.Conn, theirs *net.TCPConn) (int, error) {
			_ = theirs.Close()
			return ours.Read(make([]byte, 1))
		},
		"reset": func(ours net.Conn, theirs *net.TCPConn) (int, error) {
			_ = theirs.SetLinger(0)
			_ = theirs.Close()
			return ours.Read(make([]byte, 1))
		},
		"closed": func(ours net.Conn, _ *net.TCPConn) (int, error) {
			_ = ours.Close()
			return ours.Read(make([]byte, 1))
		},
		"write on closed": func(ours net.Conn, _ *net.TCPConn) (int, error) {
			_ = ours.Close()
			return ours.Write([]byte{1})
		},
		"closed while it waits": func(ours net.Conn, _ *net.TCPConn) (int, error) {
			time.AfterFunc(20*time.Millisecond, func() { _ = ours.Close() })
			return ours.Read(make([]byte, 1))
		},
		"deadline": func(ours net.Conn, _ *net.TCPConn) (int, error) {
			_ = ours.SetReadDeadline(soon())
			return ours.Read(make([]byte, 1))
		},
		"deadline has passed": func(ours net.Conn, theirs *net.TCPConn) (int, error) {
			_, _ = theirs.Write([]byte{1})
			_ = ours.SetReadDeadline(time.Unix(1, 0))
			return ours.Read(make([]byte, 1))
		},
		"write deadline": func(ours net.Conn, _ *net.TCPConn) (int, error) {
			_ = ours.SetWriteDeadline(soon())
			_, err := ours.Write(big)
			return 0, err
		},
		"write half shut": func(ours net.Conn, _ *net.TCPConn) (int, error) {
			_ = ours.(interface{ CloseWrite() error }).CloseWrite()
			return ours.Write([]byte{1})
		},
		"read half shut": func(ours net.Conn, _ *net.TCPConn) (int, error) {
			_ = ours.(interface{ CloseRead() error }).CloseRead()
			return ours.Read(make([]byte, 1))
		},
		"nothing to read":  func(ours net.Conn, _ *net.TCPConn) (int, error) { return ours.Read(nil) },
		"nothing to write": func(ours net.Conn, _ *net.TCPConn) (int, error) { return ours.Write(nil) },
		"bytes before the end": func(ours net.Conn, theirs *net.TCPConn) (int, error) {
			_, _ = theirs.Write([]byte{1, 2, 3})
			_ = theirs.Close()
			return io.ReadFull(ours, make([]byte, 9))
		},
	} {
		t.Run(name, func(t *testing.T) {
			plain, theirs := pair(t, false)
			wantN, want := do(plain, theirs)
			wrapped, theirs := pair(t, true)
			n, err := do(wrapped, theirs)
			if n != wantN || !alike(err, want) {
				t.Errorf("%d, %v; a plain connection says %d, %v", n, err, wantN, want)
			}
		})
	}
}

// alike compares what programs look at in an error: its kind, its number, and whether it is a time-out.
func alike(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	for _, kind := range []error{io.EOF, net.ErrClosed, os.ErrDeadlineExceeded, io.ErrUnexpectedEOF} {
		if errors.Is(a, kind) != errors.Is(b, kind) {
			return false
		}
	}
	x, _ := errors.AsType[syscall.Errno](a)
	y, _ := errors.AsType[syscall.Errno](b)
	p, ours := errors.AsType[*net.OpError](a)
	q, theirs := errors.AsType[*net.OpError](b)
	if ours && theirs && (p.Op != q.Op || p.Net != q.Net || p.Timeout() != q.Timeout()) {
		return false
	}
	return x == y && ours == theirs
}

// TestWrapLeavesOthersAlone: what is no TCP connection has no file descriptor that could be used directly.
func TestWrapLeavesOthersAlone(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if new(Coalescer).Wrap(a) != a {
		t.Error("a pipe was wrapped")
	}
}

func TestNoAllocations(t *testing.T) {
	ours, theirs := pair(t, true)
	buf := make([]byte, 64)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := ours.Write(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(theirs, buf); err != nil {
			t.Fatal(err)
		}
		if _, err := theirs.Write(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(ours, buf); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations for a message and its answer, want none", n)
	}
}
