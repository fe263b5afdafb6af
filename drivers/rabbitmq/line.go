package rabbitmq

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// line is the one connection of a client. The client library writes to it and reads from it; what concerns single messages goes past the
// library: messages and acknowledgements are written to it as whole frames, many in one write call, and confirms, returns and deliveries
// are taken out of what is read before the library sees it. The library writes whole frames, too: it flushes after each, and those that
// it is left with are smaller than its buffer.
//
// A line is kept at hand so that it can be cut: the library takes no context, and cutting is the only way to end a call that the network
// does not let go on.
type line struct {
	net.Conn
	once sync.Once
	err  error
	// heartbeat is what client and broker agreed on, in nanoseconds; 0 before that and for none.
	heartbeat atomic.Int64

	write sync.Mutex
	// opened is the channel that the library asked for last.
	opened uint16

	routes sync.Mutex
	routed map[uint16]*mailbox
	// failed is why reading ended, greeted whether the other side has begun as a broker does, mute that it was not waited for any longer.
	failed        error
	greeted, mute bool

	// What follows belongs to the goroutine of the library that reads.
	in       []byte
	from, to int
	// pass is how many bytes at from are the library's.
	pass int
	// deadline is when the broker was last given until.
	deadline time.Time
	stirred  []*mailbox
	// met tells that greeted is known.
	met bool
}

// receiver is told what comes for a channel, by the goroutine that reads. It must not keep the slices. It may block to let the broker wait.
type receiver interface {
	// confirmed is an answer to the message of tag, or with multiple to all up to it.
	confirmed(tag uint64, multiple, ack bool)
	// returned is a message given back; id is its message id.
	returned(id []byte)
	// arriving announces a delivery and returns where its body is to be put, of the size that p tells; arrived says that it is there.
	arriving(d *arrival, p *properties) []byte
	arrived()
	// settled says that nothing more is at hand for the moment.
	settled()
}

// arrival is a basic.deliver.
type arrival struct {
	tag         uint64
	redelivered bool
	consumer    []byte // the consumer's tag
	key         []byte // the routing key
}

// mailbox is a channel's receiver and what of a message has come.
type mailbox struct {
	receiver
	method  uint32 // basicDeliver or basicReturn while content is awaited, else 0
	last    uint64 // delivery tag of the last delivery; they count from 1
	arrival arrival
	content properties
	key     [shortMax]byte
	tag     [shortMax]byte
	body    []byte // what of the body is still to be filled
	left    uint64 // bytes of the body to come
	stirred bool
}

func newLine(conn net.Conn) *line {
	return &line{Conn: conn, in: make([]byte, 64<<10), routed: map[uint16]*mailbox{}}
}

// cut ends everything on the connection.
func (l *line) cut() {
	l.once.Do(func() { l.err = l.Conn.Close() })
}

// Close is the library's.
func (l *line) Close() error {
	l.cut()
	return l.err
}

// SetDeadline is the library's, for a goodbye; the session cuts the line instead.
func (*line) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is the library's, which thinks that only what it sees is a sign of life. See fill.
func (*line) SetReadDeadline(time.Time) error { return nil }

// route hands what comes for the channel that the library opened last to r, and returns the channel's number. The caller sees to it that no
// other is opened meanwhile.
func (l *line) route(r receiver) uint16 {
	l.write.Lock()
	channel := l.opened
	l.write.Unlock()
	l.routes.Lock()
	defer l.routes.Unlock()
	l.routed[channel] = &mailbox{receiver: r}
	return channel
}

// unroute gives the channel back to the library. It is called when the channel is closed, so that nothing comes for it any more.
func (l *line) unroute(channel uint16) {
	l.routes.Lock()
	defer l.routes.Unlock()
	delete(l.routed, channel)
}

// Write is the library's, and frames past it are written the same way. A failed write cuts the line.
func (l *line) Write(b []byte) (int, error) {
	l.write.Lock()
	defer l.write.Unlock()
	if len(b) >= frameHead+4 && b[0] == frameMethod && binary.BigEndian.Uint32(b[frameHead:]) == channelOpen {
		l.opened = binary.BigEndian.Uint16(b[1:])
	}
	n, err := l.Conn.Write(b)
	if err != nil {
		l.cut()
	}
	return n, err
}

// Read gives the library what is not for a receiver.
func (l *line) Read(p []byte) (int, error) {
	for {
		if l.pass > 0 {
			n := copy(p, l.in[l.from:min(l.to, l.from+l.pass)])
			if n > 0 || len(p) == 0 {
				l.from += n
				l.pass -= n
				return n, nil
			}
		} else if size, whole := l.frame(); whole {
			mine, err := l.take(l.in[l.from : l.from+size])
			if err != nil {
				l.cut()
				return 0, err
			}
			if mine {
				l.from += size
			} else {
				l.pass = size
			}
			continue
		} else if size > frameMax {
			l.cut()
			return 0, fmt.Errorf("%w: %d bytes long", errFrame, size)
		}
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
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

// fill reads once, after everybody was told that nothing more is at hand. A broker that sends nothing at all for two heartbeats is gone.
func (l *line) fill() error {
	for _, m := range l.stirred {
		m.settled()
		m.stirred = false
	}
	l.stirred = l.stirred[:0]
	if l.from > 0 {
		l.to = copy(l.in, l.in[l.from:l.to])
		l.from = 0
	}
	if l.to == len(l.in) {
		l.in = append(l.in, make([]byte, len(l.in))...)
	}
	if beat := time.Duration(l.heartbeat.Load()); beat > 0 {
		if until := time.Now().Add(2 * beat); until.Sub(l.deadline) > beat/4 {
			l.deadline = until
			if err := l.Conn.SetReadDeadline(until); err != nil {
				return err
			}
		}
	}
	n, err := l.Conn.Read(l.in[l.to:])
	l.to += n
	if n == 0 {
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

// meet looks at how the other side begins.
func (l *line) meet() error {
	l.met = true
	err := foreign(l.in[l.from:l.to])
	l.routes.Lock()
	defer l.routes.Unlock()
	l.failed, l.greeted = err, err == nil
	return err
}

// expectGreeting cuts the line unless the other side begins within limit.
func (l *line) expectGreeting(limit time.Duration) *time.Timer {
	return time.AfterFunc(limit, func() {
		l.routes.Lock()
		l.mute = true
		waited := !l.greeted
		l.routes.Unlock()
		if waited {
			l.cut()
		}
	})
}

// take hands a frame to the receiver of its channel. It is the library's where there is none, and where it is about something else than
// messages.
func (l *line) take(frame []byte) (mine bool, err error) {
	channel := binary.BigEndian.Uint16(frame[1:])
	payload := frame[frameHead : len(frame)-1]
	if frame[len(frame)-1] != frameEnd {
		return false, fmt.Errorf("%w: it has no end", errFrame)
	}
	l.routes.Lock()
	m := l.routed[channel]
	l.routes.Unlock()
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

// take reads a method; it is the library's unless it is about messages.
func (m *mailbox) take(payload []byte) (mine bool, err error) {
	r := reader{rest: payload}
	switch method := uint32(r.number(4)); method {
	case basicAck, basicNack:
		tag, bits := r.number(8), r.number(1)
		if !r.bad {
			m.confirmed(tag, bits&ackMultiple != 0, method == basicAck)
		}
	case basicDeliver:
		m.arrival.consumer = append(m.tag[:0], r.short()...)
		m.method, m.arrival.tag, m.arrival.redelivered = method, r.number(8), r.number(1) != 0
		r.short() // the exchange
		m.arrival.key = append(m.key[:0], r.short()...)
		if m.last++; m.arrival.tag != m.last {
			return false, fmt.Errorf("%w: delivery %d comes with tag %d", errFrame, m.last, m.arrival.tag)
		}
	case basicReturn:
		m.method = method // why, and from where, does not matter
	default:
		return false, nil
	}
	if r.bad {
		return false, fmt.Errorf("%w: a method is cut short", errFrame)
	}
	return true, nil
}

// header reads the properties of a message; they are the library's unless a delivery or a return was announced.
func (m *mailbox) header(payload []byte) (mine bool, err error) {
	if m.method == 0 {
		return false, nil
	}
	var ok bool
	if m.content, ok = parseProperties(payload); !ok {
		return false, fmt.Errorf("%w: a message's properties are cut short", errFrame)
	}
	if m.content.size > bodyMax {
		return false, fmt.Errorf("%w: a body of %d bytes", errFrame, m.content.size)
	}
	m.left, m.body = m.content.size, nil
	if m.method == basicDeliver {
		m.body = m.arriving(&m.arrival, &m.content)
	} else {
		m.returned(m.content.id)
	}
	m.complete()
	return true, nil
}

// fill reads a piece of a body.
func (m *mailbox) fill(payload []byte) (mine bool, err error) {
	switch {
	case m.method == 0:
		return false, nil
	case uint64(len(payload)) > m.left:
		return false, fmt.Errorf("%w: a body is longer than announced", errFrame)
	}
	m.left -= uint64(len(payload))
	if m.method == basicDeliver {
		m.body = m.body[copy(m.body, payload):]
	}
	m.complete()
	return true, nil
}

func (m *mailbox) complete() {
	if m.left > 0 {
		return
	}
	if m.method == basicDeliver {
		m.arrived()
	}
	m.method = 0
}
