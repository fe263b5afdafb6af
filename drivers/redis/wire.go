package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
)

const (
	// firstBuffer and mostBuffer bound the read buffer, in bytes; a reply that is larger gets what it needs, and mostKept is how much room it
	// may keep when it is gone.
	firstBuffer, mostBuffer, mostKept = 16 << 10, 256 << 10, 4 << 20
	// flushAt is how many bytes are collected before they are written although a batch goes on.
	flushAt = 64 << 10
)

// wire is a connection that carries messages and nothing else. The library makes a value of every command and every reply and runs one
// pipeline at a time; on a wire the goroutine that wants something does the system call itself, and reads bodies where the kernel put them.
//
// Any goroutine may write. One at a time reads.
type wire struct {
	conn net.Conn // TLS on top, where there is some
	raw  net.Conn // what is below, to be cut
	// id is the connection's on the server.
	id string

	// mu guards the writing side.
	mu  sync.Mutex
	out []byte
	// failed is why nothing more is written.
	failed error

	// buf[at:upto] was read and not yet returned by next; full tells that the last read had no room for more.
	buf      []byte
	at, upto int
	full     bool
	scan     scan
}

// dialWire connects to server and greets it as the library does for the session.
func (a *access) dialWire(ctx context.Context, server string) (*wire, error) {
	within, cancel := context.WithTimeout(ctx, a.set.answerTimeout)
	defer cancel()
	var hearing *ear
	w := &wire{}
	conn, err := a.connect(within, server, func(e *ear) { hearing = e })
	if err == nil {
		w.conn, w.raw = conn, hearing.Conn
		release := context.AfterFunc(within, w.cut)
		err = w.greet(a)
		release()
	}
	switch {
	case err == nil:
		return w, nil
	case ctx.Err() != nil:
		err = ctx.Err()
	case within.Err() != nil:
		err = errNoAnswer
	}
	if w.raw != nil {
		w.cut()
	}
	return nil, a.explain(hearing, err)
}

// greet says who the client is, and waits for the answer.
func (w *wire) greet(a *access) error {
	words := []string{"HELLO", "3"}
	switch auth := a.cfg.Auth; {
	case auth.User != "":
		words = append(words, "AUTH", auth.User, auth.Password)
	case auth.Password != "":
		words = append(words, "AUTH", "default", auth.Password)
	}
	if a.env.Name != "" {
		words = append(words, "SETNAME", clientName(a.env.Name))
	}
	w.begin()
	w.out = appendWords(w.out, words...)
	if err := w.end(); err != nil {
		return err
	}
	reply, err := w.await()
	if err != nil {
		return err
	}
	if err := errorOf(reply); err != nil {
		return err
	}
	c := cursor(reply)
	kind, _, n := c.value()
	if kind != '%' {
		return fmt.Errorf("%w: to HELLO", errReply)
	}
	for ; n > 0; n-- {
		if name, ok := c.text(); !ok || string(name) != "id" {
			c.skip(1)
			continue
		}
		if _, number, count := c.value(); count > 0 {
			w.id = string(number)
		}
	}
	return nil
}

// await reads until a reply is there.
func (w *wire) await() ([]byte, error) {
	for {
		if reply, err := w.next(); reply != nil || err != nil {
			return reply, err
		}
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
}

// begin starts a batch of commands, which end writes.
func (w *wire) begin() { w.mu.Lock() }

// end writes what was collected and lets others write.
func (w *wire) end() error {
	defer w.mu.Unlock()
	w.flush()
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

func (w *wire) write(b []byte) {
	if _, err := w.conn.Write(b); err != nil {
		w.failed = err
		w.cut() // part of a command may be out: nothing can follow it
	}
}

// room flushes where n more bytes would make the batch too long for one write. Only between begin and end.
func (w *wire) room(n int) {
	if len(w.out) > 0 && len(w.out)+n > flushAt {
		w.flush()
	}
}

// text adds one word of a command. A long one is written from where it is.
func (w *wire) text(word []byte) {
	if len(word) <= flushAt {
		w.out = appendText(w.out, word)
		return
	}
	w.out = append(w.out, '$')
	w.out = strconv.AppendInt(w.out, int64(len(word)), 10)
	w.out = append(w.out, '\r', '\n')
	w.flush()
	if w.failed == nil {
		w.write(word)
	}
	w.out = append(w.out, '\r', '\n')
}

// next returns the next reply that was read, nil where none is whole. It is good until the next fill. What is pushed and answers nothing is
// left out.
func (w *wire) next() ([]byte, error) {
	for {
		n, whole, err := w.scan.whole(w.buf[w.at:w.upto])
		if err != nil || !whole {
			return nil, err
		}
		reply := w.buf[w.at : w.at+n : w.at+n]
		w.at += n
		if reply[0] != '>' {
			return reply, nil
		}
	}
}

// fill reads more. What next returned before is gone then.
func (w *wire) fill() error {
	if w.at > 0 {
		w.upto = copy(w.buf, w.buf[w.at:w.upto])
		w.at = 0
	}
	switch {
	case w.upto == len(w.buf) || w.full && len(w.buf) < mostBuffer:
		w.resize(max(firstBuffer, 2*len(w.buf)))
	case len(w.buf) > mostKept && w.upto < mostBuffer:
		w.resize(mostBuffer)
	}
	n, err := w.conn.Read(w.buf[w.upto:])
	w.upto += n
	w.full = w.upto == len(w.buf)
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

func (w *wire) resize(n int) {
	b := make([]byte, n)
	copy(b, w.buf[:w.upto])
	w.buf = b
}

// cut ends the connection, and with it whatever is read or written.
func (w *wire) cut() { w.raw.Close() } //nolint:errcheck // nothing more is wanted of it

// stall notices that the other side has stopped answering. A clock read for every message would cost more than this: it is looked every so
// often whether something is owed and nothing was heard since.
type stall struct {
	heard uint64
	looks int
}

// over tells, at a look, that the other side was silent for more than most looks in a row. heard counts what came from it.
func (s *stall) over(heard uint64, owed bool, most int) bool {
	if !owed || heard != s.heard {
		s.heard, s.looks = heard, 0
		return false
	}
	s.looks++
	return s.looks > most
}

// cutOff makes the driver's own error of what ended a wire; known is the reason, where somebody cut it for one.
func cutOff(known, err error) error {
	switch {
	case known != nil:
		return known
	case errors.Is(err, errReply), code(err) != "":
		return err
	default:
		return lost(err)
	}
}
