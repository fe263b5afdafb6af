package rabbitmq

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// attention is for how long after a consumer has received the library leaves the line to it, unless it waits for an answer itself.
const attention = 100 * time.Millisecond

// handedMost is how many bytes may wait for the library before a consumer that reads the line lets it catch up.
const handedMost = 1 << 20

// errInterrupted says that a read ended because somebody wants the reader to look around. The line is whole.
var errInterrupted = errors.New("the read was interrupted")

// intake is how a line is read: by one goroutine at a time. That is the library's own, which every line has, or that of a consumer who
// has the line to itself and waits for deliveries. A batch of them then wakes one goroutine and not two, which at a moderate rate is
// most of what a batch costs. Whoever reads gives the receivers what is theirs, and lays the rest aside for the library.
type intake struct {
	// turn holds a token while somebody reads.
	turn chan struct{}
	// waiting tells that a consumer reads or wants to, visited that one has received since the library last asked.
	waiting atomic.Bool
	visited atomic.Bool
	// parts is how many channels have a receiver.
	parts atomic.Int32

	// ending guards the deadline of reads, so that an interruption is not undone by whoever sets it for another reason.
	ending      sync.Mutex
	interrupted bool
	// deadline is when the broker was last given until.
	deadline time.Time

	// handing guards what is laid aside for the library: bytes, and after them the reason why nothing more comes. called holds a token
	// when the library is to look for them, or to read; taken when it has taken bytes away.
	handing sync.Mutex
	handed  []byte
	over    error
	called  chan struct{}
	taken   chan struct{}

	// What follows belongs to whoever has the turn.
	in       []byte
	from, to int
	stirred  []*mailbox
	// of is the channel of the last frame that was sorted, and its receiver; known where there was one since the last read. What was read
	// before a channel has a receiver, or after it has none any more, has nothing for it.
	of       uint16
	receiver *mailbox
	known    bool
	// met tells that greeted is known.
	met bool
}

func newIntake() intake {
	return intake{
		turn: make(chan struct{}, 1), called: make(chan struct{}, 1), taken: make(chan struct{}, 1), in: make([]byte, 64<<10),
	}
}

// signal puts a token where there is none.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Read gives the library what is not for a receiver.
func (l *line) Read(p []byte) (int, error) {
	for {
		if n, err := l.fetch(p); n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		if l.attended() {
			l.rest()
			continue
		}
		l.turn <- struct{}{}
		// Whoever had the turn may have laid something aside since it was asked for, and perhaps nothing else comes.
		if waiting, last := l.backlog(); waiting == 0 && !last {
			l.pump()
		}
		<-l.turn
	}
}

// fetch takes what was laid aside, and after it tells why there is nothing more.
func (l *line) fetch(p []byte) (int, error) {
	l.handing.Lock()
	defer l.handing.Unlock()
	n := copy(p, l.handed)
	l.handed = l.handed[n:]
	switch {
	case n > 0:
		signal(l.taken)
		return n, nil
	case l.over != nil:
		return 0, l.over
	default:
		l.handed = nil // a slice that is only ever cut at its front would move on for ever
		return 0, nil
	}
}

// attended tells that a consumer reads the line, or will soon again.
func (l *line) attended() bool { return l.visited.Swap(false) || l.waiting.Load() }

// rest is what the library does while a consumer reads.
func (l *line) rest() {
	late := time.NewTimer(attention)
	defer late.Stop()
	select {
	case <-l.called:
	case <-late.C:
	}
}

// summon has the library read, unless a consumer is doing so at the moment.
func (l *line) summon() {
	l.visited.Store(false)
	signal(l.called)
}

// hand lays bytes aside for the library, or the reason why no more will come.
func (l *line) hand(frame []byte, over error) {
	l.handing.Lock()
	l.handed = append(l.handed, frame...)
	if l.over == nil {
		l.over = over
	}
	l.handing.Unlock()
	signal(l.called)
}

// backlog is how many bytes wait for the library, and whether they are the last.
func (l *line) backlog() (n int, last bool) {
	l.handing.Lock()
	defer l.handing.Unlock()
	return len(l.handed), l.over != nil
}

// interrupt ends the read that is going on, or else the next one.
func (l *line) interrupt() {
	l.ending.Lock()
	defer l.ending.Unlock()
	l.interrupted = true
	l.Conn.SetReadDeadline(time.Unix(1, 0)) //nolint:errcheck // fails only when the connection is gone, which the read tells
}

// heeded tells whether reading was interrupted, and forgets it.
func (l *line) heeded() bool {
	l.ending.Lock()
	defer l.ending.Unlock()
	if !l.interrupted {
		return false
	}
	l.interrupted, l.deadline = false, time.Time{}
	l.Conn.SetReadDeadline(l.deadline) //nolint:errcheck // likewise
	return true
}

// await gives the broker time to show that it lives: one that sends nothing at all for two heartbeats is gone.
func (l *line) await() error {
	beat := time.Duration(l.heartbeat.Load())
	if beat <= 0 {
		return nil
	}
	until := time.Now().Add(2 * beat)
	l.ending.Lock()
	defer l.ending.Unlock()
	if l.interrupted || until.Sub(l.deadline) <= beat/4 {
		return nil
	}
	l.deadline = until
	return l.Conn.SetReadDeadline(until)
}

// pump reads once and deals with what has come. The caller has the turn, and looks around afterwards: the read may have been interrupted,
// or the line may be over.
func (l *line) pump() {
	err := l.fill()
	if err == nil {
		err = l.sort()
	}
	if err != nil && !errors.Is(err, errInterrupted) {
		l.hand(nil, err)
	}
}

// fill reads once.
func (l *line) fill() error {
	if l.from > 0 {
		l.to = copy(l.in, l.in[l.from:l.to])
		l.from = 0
	}
	if l.to == len(l.in) {
		l.in = append(l.in, make([]byte, len(l.in))...)
	}
	if l.heeded() {
		return errInterrupted
	}
	if err := l.await(); err != nil {
		return err
	}
	n, err := l.Conn.Read(l.in[l.to:])
	l.to += n
	if n == 0 && err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) && l.heeded() {
			return errInterrupted
		}
		l.routes.Lock()
		l.failed = err
		l.routes.Unlock()
		return err
	}
	if !l.met {
		return l.meet()
	}
	return nil
}

// sort deals with the frames that are all there, then tells everybody that nothing more is at hand.
func (l *line) sort() error {
	l.known = false
	for {
		size, whole := l.frame()
		if !whole {
			if size > frameMax {
				l.cut()
				return fmt.Errorf("%w: %d bytes long", errFrame, size)
			}
			break
		}
		frame := l.in[l.from : l.from+size]
		mine, err := l.take(frame)
		if err != nil {
			l.cut()
			return err
		}
		if !mine {
			l.hand(frame, nil)
		}
		l.from += size
	}
	for _, m := range l.stirred {
		m.settled()
		m.stirred = false
	}
	l.stirred = l.stirred[:0]
	return nil
}

// frame tells how long the frame at from is, as far as that is known, and whether all of it is there.
func (l *line) frame() (size int, whole bool) {
	have := l.to - l.from
	if have < frameHead {
		return 0, false
	}
	size = frameEdges + int(binary.BigEndian.Uint32(l.in[l.from+3:]))
	return size, have >= size && size <= frameMax
}

// take hands a frame to the receiver of its channel. It is the library's where there is none, and where it is about something else than
// messages.
func (l *line) take(frame []byte) (mine bool, err error) {
	channel := binary.BigEndian.Uint16(frame[1:])
	payload := frame[frameHead : len(frame)-1]
	if frame[len(frame)-1] != frameEnd {
		return false, fmt.Errorf("%w: it has no end", errFrame)
	}
	if !l.known || l.of != channel {
		l.routes.Lock()
		l.of, l.receiver, l.known = channel, l.routed[channel], true
		l.routes.Unlock()
	}
	m := l.receiver
	if m == nil {
		return false, nil
	}
	switch frame[0] {
	case frameMethod:
		mine, err = m.take(payload)
	case frameHeader:
		mine, err = m.header(payload)
	case frameBody:
		mine, err = m.fill(payload)
	}
	if mine && !m.stirred {
		m.stirred = true
		l.stirred = append(l.stirred, m)
	}
	return mine, err
}
