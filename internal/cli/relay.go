package cli

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// relayLines is how many writes a relay keeps for a reader that is slow: minutes of progress.
	relayLines = 1000
	// relayPatience is how long Flush waits for a reader that does not read.
	relayPatience = time.Second
)

// relay is a writer that makes nobody wait: what is written goes on to out from a goroutine of its own, and is left out once a reader is
// far behind. Who reads the progress may have stopped to (a pager, a terminal after Ctrl-S, a log that is full), and a fault must end all
// the same.
type relay struct {
	out     io.Writer
	passage chan parcel
	stalled atomic.Bool // the last Flush was in vain, and nothing has been read since
	missing func(n int) []byte

	mu    sync.Mutex
	left  int  // writes left out since the last that was not
	ended bool // after Close
}

// parcel is a text, or with mark the news that all before it has been written.
type parcel struct {
	text []byte
	mark chan<- struct{}
}

// newRelay begins one. missing is what stands in the place of n writes that were left out. Who has it calls Close in the end.
func newRelay(out io.Writer, missing func(n int) []byte) *relay {
	r := &relay{out: out, passage: make(chan parcel, relayLines), missing: missing}
	go r.run() // it ends after Close, or with the process where nobody ever reads again
	return r
}

func (r *relay) run() {
	for p := range r.passage {
		if p.mark != nil {
			close(p.mark)
		} else {
			_, _ = r.out.Write(p.text) // it fails when whoever was to read it is gone
		}
		r.stalled.Store(false)
	}
}

// Write takes a copy of text and never fails. After Close it is lost.
func (r *relay) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended && (!r.told() || !r.pass(bytes.Clone(text))) {
		r.left++
	}
	return len(text), nil
}

// told tells whether there was room to say what was left out, if anything was. mu is held.
func (r *relay) told() bool {
	if r.left > 0 && r.pass(r.missing(r.left)) {
		r.left = 0
	}
	return r.left == 0
}

// pass tells whether there was room for text.
func (r *relay) pass(text []byte) bool {
	select {
	case r.passage <- parcel{text: text}:
		return true
	default:
		return false
	}
}

// Flush returns once all is written, or nobody has read for a while; it then waits no more until somebody does.
func (r *relay) Flush() {
	if !r.stalled.Load() {
		r.wait()
	}
}

func (r *relay) wait() {
	mark := make(chan struct{})
	patience := time.NewTimer(relayPatience)
	defer patience.Stop()
	select {
	case r.passage <- parcel{mark: mark}:
	case <-patience.C:
		r.stalled.Store(true)
		return
	}
	select {
	case <-mark:
	case <-patience.C:
		r.stalled.Store(true)
	}
}

// Close writes what can be written in a moment, and ends the relay.
func (r *relay) Close() {
	r.wait()
	r.mu.Lock()
	r.told()
	r.mu.Unlock()
	r.wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	close(r.passage)
}

// after is a writer of what has to stand below what a relay was given before, as a report stands below the progress.
type after struct {
	out   io.Writer
	relay *relay
}

// Write writes text when the relay has written what it has.
func (a after) Write(text []byte) (int, error) {
	a.relay.Flush()
	return a.out.Write(text)
}

// relayed is env with a relay before its standard error, on which that kind of progress is shown. Whoever has it calls flush in the end.
func relayed(env *Env, progress string) (unhindered *Env, flush func()) {
	missing := func(n int) []byte {
		return fmt.Appendf(nil, "ordeal: %d lines were left out here, for nobody read them\n", n)
	}
	if progress == progressJSON {
		missing = func(n int) []byte { return fmt.Appendf(nil, "{\"type\":\"left_out\",\"lines\":%d}\n", n) }
	}
	own, r := *env, newRelay(env.Stderr, missing)
	own.Stdout, own.Stderr = after{env.Stdout, r}, r
	return &own, r.Close
}
