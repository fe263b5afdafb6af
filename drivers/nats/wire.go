package nats

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ordeal/drivers"
)

const (
	// firstBuffer and mostBuffer bound the read buffer, in bytes; a message that is larger gets what it needs.
	firstBuffer, mostBuffer = 32 << 10, 256 << 10
	// flushAt is how many bytes are collected before they are written although a batch goes on.
	flushAt = 64 << 10
	// controlLine bounds the line before a body: the server's own limit is 4 KiB.
	controlLine = 8 << 10
	// mostPayload bounds a message that is believed: the server's max_payload is 64 MiB at most.
	mostPayload = 64 << 20
)

// wire is a connection that carries messages and nothing else. The library hands every batch through two goroutines on its way in and one
// on its way out; on a wire the goroutine that wants something does the system call itself, and reads bodies where the kernel put them.
//
// Any goroutine may write. One at a time reads.
type wire struct {
	conn net.Conn // TLS on top, where there is some
	line *line    // what is below, to be cut
	// largest is the server's max_payload in bytes, headers tells that it takes them.
	largest atomic.Int64
	headers bool
	// ponged is called for every PONG, by serve; asking for every PING of look's, while nobody else may write.
	ponged, asking func()

	// mu guards the writing side.
	mu  sync.Mutex
	out []byte
	// patience is for how long an answer may stay away; silenceLimit where that is more.
	patience time.Duration
	// failed is why nothing more is written.
	failed error

	// buf[at:upto] was read and not yet parsed; full tells that the last read had no room for more.
	buf      []byte
	at, upto int
	full     bool
	// heard counts the reads that brought something; silence is of look.
	heard   uint64
	silence silence
}

// begin starts a batch of operations, which end writes.
func (w *wire) begin() { w.mu.Lock() }

// end writes what was collected and lets others write.
func (w *wire) end() error {
	defer w.mu.Unlock()
	w.flush()
	return w.failed
}

// rest lets others write, and leaves what was collected to the next end.
func (w *wire) rest() error {
	defer w.mu.Unlock()
	return w.failed
}

// flush writes what was collected. Only between begin and end.
func (w *wire) flush() {
	if w.failed == nil && len(w.out) > 0 {
		w.write(w.out)
	}
	w.out = w.out[:0]
	if cap(w.out) > 4*flushAt {
		w.out = nil // one large message must not keep its room for ever
	}
}

// write gives the connection up where it takes nothing for as long as may pass without an answer: the buffers on the way to a server that
// is gone are soon full.
func (w *wire) write(b []byte) {
	w.conn.SetWriteDeadline(time.Now().Add(max(w.patience, silenceLimit))) //nolint:errcheck // fails only when the connection is gone
	if _, err := w.conn.Write(b); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = errSilent
		}
		w.failed = err
		w.line.cut() // part of a message may be out: nothing can follow it
	}
}

// publish adds a message. An error says that it was not written and will not be; errors of the connection itself come from end, too,
// because what was added before may be out in part.
func (w *wire) publish(subject string, reply []byte, headers []drivers.Header, body []byte) error {
	head := headerSize(headers)
	switch {
	case w.failed != nil:
		return errNotWritten
	case int64(head+len(body)) > w.largest.Load():
		return errTooLarge
	case head > 0 && !w.headers:
		return errNoHeaders
	}
	if len(w.out) > 0 && len(w.out)+len(body) > flushAt {
		w.flush()
	}
	if head > 0 {
		w.out = append(w.out, 'H')
	}
	w.out = append(w.out, "PUB "...)
	w.out = append(w.out, subject...)
	w.out = append(w.out, ' ')
	if len(reply) > 0 {
		w.out = append(w.out, reply...)
		w.out = append(w.out, ' ')
	}
	if head > 0 {
		w.out = strconv.AppendInt(w.out, int64(head), 10)
		w.out = append(w.out, ' ')
	}
	w.out = strconv.AppendInt(w.out, int64(head+len(body)), 10)
	w.out = append(w.out, "\r\n"...)
	w.out = appendHeaders(w.out, headers)
	if len(body) > flushAt {
		w.flush()
		if w.failed == nil {
			w.write(body)
		}
	} else {
		w.out = append(w.out, body...)
	}
	w.out = append(w.out, "\r\n"...)
	return nil
}

// answer adds the answer to a message, by the subject that came with it.
func (w *wire) answer(subject, body []byte) error {
	if w.failed != nil {
		return errNotWritten
	}
	if len(w.out) > flushAt {
		w.flush()
	}
	w.out = append(append(append(w.out, "PUB "...), subject...), ' ')
	w.out = append(strconv.AppendInt(w.out, int64(len(body)), 10), "\r\n"...)
	w.out = append(append(w.out, body...), "\r\n"...)
	return nil
}

// say adds an operation that is no message.
func (w *wire) say(words string) {
	w.out = append(w.out, words...)
	w.out = append(w.out, "\r\n"...)
}

// tell writes one operation at once.
func (w *wire) tell(words string) error {
	w.begin()
	w.say(words)
	return w.end()
}

// fill reads more. What next returned before is gone then.
func (w *wire) fill() error {
	if w.at > 0 {
		w.upto = copy(w.buf, w.buf[w.at:w.upto])
		w.at = 0
	}
	if w.upto == len(w.buf) || w.full && len(w.buf) < mostBuffer {
		grown := make([]byte, max(firstBuffer, 2*len(w.buf)))
		copy(grown, w.buf[:w.upto])
		w.buf = grown
	}
	n, err := w.conn.Read(w.buf[w.upto:])
	w.upto += n
	w.full = w.upto == len(w.buf)
	switch {
	case n > 0 || err == nil:
		w.heard++
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case errors.Is(err, io.EOF):
		return errHungUp
	default:
		return err
	}
}

// reserve makes room for an operation of n bytes, before fill.
func (w *wire) reserve(n int) {
	if len(w.buf) >= n {
		return
	}
	grown := make([]byte, n)
	w.upto = copy(grown, w.buf[w.at:w.upto])
	w.at, w.buf = 0, grown
}

// close frees the connection.
func (w *wire) close() { w.line.cut() }

// headerVersion is what a block of headers begins with.
const headerVersion = "NATS/1.0\r\n"

// headerSize is how many bytes appendHeaders adds.
func headerSize(hs []drivers.Header) int {
	if len(hs) == 0 {
		return 0
	}
	n := len(headerVersion) + 2
	for i := range hs {
		n += len(hs[i].Name) + 2 + len(hs[i].Value) + 2
	}
	return n
}

// appendHeaders writes headers as ADR-4 of nats-architecture-and-design has them. A line break in a value becomes a space, as the library
// does.
func appendHeaders(dst []byte, hs []drivers.Header) []byte {
	if len(hs) == 0 {
		return dst
	}
	dst = append(dst, headerVersion...)
	for i := range hs {
		dst = append(dst, hs[i].Name...)
		dst = append(dst, ": "...)
		for _, c := range hs[i].Value {
			if c == '\r' || c == '\n' {
				c = ' '
			}
			dst = append(dst, c)
		}
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}
