package rabbitmq

import (
	"encoding/binary"
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

	intake
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

func newLine(conn net.Conn) *line {
	return &line{Conn: conn, intake: newIntake(), routed: map[uint16]*mailbox{}}
}

// cut ends everything on the connection.
func (l *line) cut() {
	l.once.Do(func() { l.err = l.Conn.Close() })
	l.summon() // to find out
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
	l.share()
	return channel
}

// unroute gives the channel back to the library. It is called when the channel is closed, so that nothing comes for it any more.
func (l *line) unroute(channel uint16) {
	l.routes.Lock()
	defer l.routes.Unlock()
	delete(l.routed, channel)
	l.share()
}

// share sees to it that a consumer does not read for others: they may have the reader wait. routes is held.
func (l *line) share() {
	l.parts.Store(int32(len(l.routed)))
	l.interrupt()
}

// Write is the library's, which may want an answer.
func (l *line) Write(b []byte) (int, error) {
	defer l.summon()
	return l.send(b)
}

// send writes frames. A failed write cuts the line.
func (l *line) send(b []byte) (int, error) {
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
