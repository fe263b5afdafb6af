package kafka

import (
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// wireBuffer is what is read at once, in bytes.
const wireBuffer = 64 << 10

// wire is one connection to a broker. The library reads from a connection only while it waits for an answer, so it would not notice the
// end of an idle one. A wire is always being read from: by a goroutine of its own until an answer begins, and then by the library, which
// takes the rest of a large one straight into its own memory.
type wire struct {
	net.Conn
	// raw is the connection under TLS, or the same.
	raw  net.Conn
	line *line
	// vital tells that a request went over it without whose connection the client is of no use.
	vital atomic.Bool
	// given tells that the library gave the connection up: what it says after that is no loss.
	given atomic.Bool

	chunks chan []byte
	eaten  chan struct{}
	ended  chan struct{}
	// err is why the reading ended, once ended is closed.
	err error
	// rest of the last chunk, and how far the answer is that the library reads; its reader alone touches them.
	rest []byte
	at   frame

	once     sync.Once
	closed   chan struct{}
	closeErr error
}

func newWire(l *line, conn, raw net.Conn) *wire {
	return &wire{
		Conn: conn, raw: raw, line: l, chunks: make(chan []byte), eaten: make(chan struct{}, 1), ended: make(chan struct{}),
		closed: make(chan struct{}),
	}
}

// pump reads until the connection ends. It reads on when the last chunk, and the answer that it is the beginning of, have been taken over.
func (w *wire) pump() {
	defer close(w.ended)
	buf := make([]byte, wireBuffer)
	for {
		n, err := w.Conn.Read(buf)
		if n > 0 {
			select {
			case w.chunks <- buf[:n]:
			case <-w.closed:
				w.err = net.ErrClosed
				return
			}
			select {
			case <-w.eaten:
			case <-w.closed:
				w.err = net.ErrClosed
				return
			}
		}
		if err != nil {
			w.err = err
			w.broken(err)
			return
		}
	}
}

// Read is the library's.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.rest) == 0 && w.at.within() {
		return w.readOn(p)
	}
	if len(w.rest) == 0 {
		select {
		case w.rest = <-w.chunks:
		case <-w.ended:
			return 0, w.err
		}
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	w.passed(p[:n])
	return n, nil
}

// readOn reads within an answer, while the pump waits.
func (w *wire) readOn(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.broken(err)
		return n, err
	}
	w.passed(p[:n])
	return n, nil
}

// passed lets the pump read on where an answer ends.
func (w *wire) passed(b []byte) {
	w.at.pass(b)
	if len(w.rest) == 0 && !w.at.within() {
		w.eaten <- struct{}{}
	}
}

// Write notes what kind of request goes out: a request begins with its length and its key.
func (w *wire) Write(b []byte) (int, error) {
	const head = 6
	if len(b) >= head {
		key := int16(binary.BigEndian.Uint16(b[4:head]))
		if key == keyProduce {
			w.line.produced.Store(true)
		}
		if slices.Contains(w.line.vital, key) {
			w.vital.Store(true)
		}
	}
	n, err := w.Conn.Write(b)
	if err != nil {
		w.broken(err)
	}
	return n, err
}

// broken tells the line about an end that the client did not want.
func (w *wire) broken(err error) {
	if !w.given.Swap(true) {
		w.line.broken(w.vital.Load(), err)
	}
}

// SetDeadline and the two after it are the library's. With a moment in the past it interrupts what it does not want any more; a
// moment to come is its patience with the broker.
func (w *wire) SetDeadline(t time.Time) error {
	w.interrupt(t)
	return w.Conn.SetDeadline(t)
}

// SetReadDeadline is the library's.
func (w *wire) SetReadDeadline(t time.Time) error {
	w.interrupt(t)
	return w.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is the library's.
func (w *wire) SetWriteDeadline(t time.Time) error {
	w.interrupt(t)
	return w.Conn.SetWriteDeadline(t)
}

func (w *wire) interrupt(t time.Time) {
	if !t.IsZero() && !t.After(time.Now()) {
		w.given.Store(true)
	}
}

// Close is the library's, and the line's. It does without the goodbye of TLS, which would wait for a peer that takes nothing any more.
func (w *wire) Close() error {
	w.once.Do(func() {
		w.given.Store(true)
		close(w.closed)
		w.line.forget(w)
		w.closeErr = w.raw.Close()
	})
	return w.closeErr
}
