package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// held is a connection whose reader waits for ticks, and both its ends.
func held(t *testing.T) (c *Coalescer, ours net.Conn, theirs *net.TCPConn) {
	t.Helper()
	plain, theirs := pair(t, false)
	c = new(Coalescer)
	ours = c.Wrap(plain)
	c.Hold()
	t.Cleanup(func() {
		if c.End(); c.Holding() {
			t.Error("it holds still")
		}
	})
	if !c.Holding() {
		t.Error("it does not hold")
	}
	write(t, theirs, 1)
	expect(t, read(ours, 64), 1) // the first comes as ever, and shows that there is a flow
	return c, ours, theirs
}

func write(t *testing.T, c net.Conn, bytes int) {
	t.Helper()
	if _, err := c.Write(make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
}

// result is what a Read gave.
type result struct {
	n   int
	err error
}

// read reads once, in the background.
func read(c net.Conn, most int) <-chan result {
	done := make(chan result, 1)
	go func() {
		n, err := c.Read(make([]byte, most))
		done <- result{n, err}
	}()
	return done
}

const long = 20 * time.Second

func expect(t *testing.T, done <-chan result, n int) {
	t.Helper()
	select {
	case r := <-done:
		if r.n != n || r.err != nil {
			t.Fatalf("read %d, %v, want %d", r.n, r.err, n)
		}
	case <-time.After(long):
		t.Fatalf("nothing is read in %s", long)
	}
}

func expectNothing(t *testing.T, done <-chan result) {
	t.Helper()
	select {
	case r := <-done:
		t.Fatalf("read %d, %v without a tick", r.n, r.err)
	case <-time.After(50 * time.Millisecond):
	}
}

// awaiting returns once so many readers wait for a tick.
func (c *Coalescer) awaiting(t *testing.T, readers int) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		n := c.waiting
		c.mu.Unlock()
		if n == readers {
			return
		}
		if time.Since(began) > long {
			t.Fatalf("%d readers wait for a tick, want %d", n, readers)
		}
	}
}

// What arrives in small pieces comes together, at the next tick.
func TestHeldUntilATick(t *testing.T) {
	c, ours, theirs := held(t)
	done := read(ours, 64)
	c.awaiting(t, 1)
	write(t, theirs, 2)
	write(t, theirs, 3)
	expectNothing(t, done)
	c.Tick()
	expect(t, done, 5)
}

// A read that fills its buffer has left something behind, which is not held; nor is it after a large read, for large ones follow.
func TestNotHeldWhereThereIsMore(t *testing.T) {
	c, ours, theirs := held(t)
	done := read(ours, 4)
	c.awaiting(t, 1)
	write(t, theirs, 6)
	c.Tick()
	expect(t, done, 4)
	expect(t, read(ours, 4), 2)

	done = read(ours, 1<<20) // held again, for the last read left nothing
	c.awaiting(t, 1)
	write(t, theirs, bulk)
	queued(t, ours, bulk)
	c.Tick()
	expect(t, done, bulk)
	done = read(ours, 64)
	write(t, theirs, 1)
	expect(t, done, 1) // without a tick
}

// queued returns once so many bytes wait to be read.
func queued(t *testing.T, c net.Conn, bytes int) {
	t.Helper()
	raw, err := c.(*socket).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for n, began := 0, time.Now(); n != bytes; time.Sleep(time.Millisecond) {
		if err := errors.Join(raw.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }), err); err != nil {
			t.Fatal(err)
		}
		if time.Since(began) > long {
			t.Fatalf("%d bytes wait, want %d", n, bytes)
		}
	}
}

// A connection that stays silent for some ticks is read as ever: the next arrival wakes its reader, and is noticed at once.
func TestNotHeldAfterSilence(t *testing.T) {
	c, ours, theirs := held(t)
	done := read(ours, 64)
	for range 10 * patience { // more, for a reader may sleep through a tick
		c.Tick()
		time.Sleep(2 * time.Millisecond)
	}
	c.awaiting(t, 0)
	write(t, theirs, 1)
	expect(t, done, 1)
}

// The end of holding, of the connection, and of a read's time all wake a reader, with the errors of a plain connection.
func TestHeldReadsEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(c *Coalescer, ours net.Conn, theirs *net.TCPConn)
		want func(r result) bool
	}{
		"end of holding": {
			func(c *Coalescer, _ net.Conn, theirs *net.TCPConn) {
				c.End()
				_, _ = theirs.Write([]byte{1})
			},
			func(r result) bool { return r.n == 1 && r.err == nil },
		},
		"end of the stream": {
			func(c *Coalescer, _ net.Conn, theirs *net.TCPConn) {
				_ = theirs.CloseWrite()
				time.Sleep(10 * time.Millisecond)
				c.Tick()
			},
			func(r result) bool { return r.err == io.EOF }, //nolint:errorlint // a reader may compare
		},
		"reset": {
			func(c *Coalescer, _ net.Conn, theirs *net.TCPConn) {
				_ = theirs.SetLinger(0)
				_ = theirs.Close()
				time.Sleep(10 * time.Millisecond)
				c.Tick()
			},
			func(r result) bool { return errors.Is(r.err, syscall.ECONNRESET) },
		},
		"close": {
			func(c *Coalescer, ours net.Conn, _ *net.TCPConn) {
				_ = ours.Close()
				c.Tick()
			},
			func(r result) bool { return errors.Is(r.err, net.ErrClosed) },
		},
		"deadline": {
			func(c *Coalescer, ours net.Conn, _ *net.TCPConn) {
				_ = ours.SetReadDeadline(time.Unix(1, 0))
				c.Tick()
			},
			func(r result) bool { return errors.Is(r.err, os.ErrDeadlineExceeded) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, ours, theirs := held(t)
			done := read(ours, 64)
			c.awaiting(t, 1)
			tt.end(c, ours, theirs)
			select {
			case r := <-done:
				if !tt.want(r) {
					t.Errorf("read %d, %v", r.n, r.err)
				}
			case <-time.After(long):
				t.Fatal("the reader waits still")
			}
		})
	}
}

// Nothing is lost, doubled or swapped while holding begins and ends all the time, and nobody is left waiting.
func TestHeldBytes(t *testing.T) {
	plain, theirs := pair(t, false)
	c := new(Coalescer)
	ours := c.Wrap(plain)
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer c.End()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Microsecond):
			}
			switch i % 10 {
			case 0:
				c.Hold()
			case 9:
				c.End()
			default:
				c.Tick()
			}
		}
	})
	sent := make([]byte, 1<<20)
	for i := range sent {
		sent[i] = byte(i * 7 >> 3)
	}
	all.Go(func() {
		for rest, n := sent, 0; len(rest) > 0; n++ {
			size := min(len(rest), []int{1, 30, 500, 70_000}[n%4])
			if _, err := theirs.Write(rest[:size]); err != nil {
				t.Error(err)
				return
			}
			rest = rest[size:]
			if n%3 == 0 {
				time.Sleep(300 * time.Microsecond)
			}
		}
		_ = theirs.CloseWrite()
	})
	got, err := io.ReadAll(ours)
	close(stop)
	all.Wait()
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %d bytes and %v, want the %d that were sent", len(got), err, len(sent))
	}
}
