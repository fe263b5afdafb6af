package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// Keys of requests, https://kafka.apache.org/protocol#protocol_api_keys.
const (
	keyProduce                = 0
	keyFetch                  = 1
	keyOffsetCommit           = 8
	keyJoinGroup              = 11
	keyHeartbeat              = 12
	keySyncGroup              = 14
	keyConsumerGroupHeartbeat = 68
)

// line is the connections of one client. The library would replace a connection that goes and send again what was in flight on it. The
// line ends the client instead, before the library learns of the loss: it closes all its connections and refuses new ones.
type line struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config
	// vital are the requests without whose connection the client is of no use. The others ask for metadata and the like: the
	// library may ask them again.
	vital []int16
	// lost is called once, by any goroutine, when a vital connection is gone. It must not block.
	lost func(err error)

	// produced tells that a produce request was ever written.
	produced atomic.Bool

	mu    sync.Mutex
	wires map[*wire]struct{}
	// over is why nothing is dialled any more.
	over error
	// losses counts connections that went without having been given up, vital or not.
	losses int
}

// Dial is the library's way to a broker.
func (l *line) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := l.ended(); err != nil {
		return nil, err
	}
	conn, err := l.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	raw := conn
	if l.tls != nil {
		if conn, err = secure(ctx, conn, l.tls, addr); err != nil {
			return nil, err
		}
	}
	w := newWire(l, conn, raw)
	l.mu.Lock()
	over := l.over
	if over == nil {
		l.wires[w] = struct{}{}
	}
	l.mu.Unlock()
	if over != nil {
		conn.Close() //nolint:errcheck // nothing was sent on it
		return nil, over
	}
	go w.pump()
	return w, nil
}

func secure(ctx context.Context, conn net.Conn, config *tls.Config, addr string) (net.Conn, error) {
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		config = config.Clone()
		config.ServerName = host
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("TLS with %s: %w", addr, err), conn.Close())
	}
	return secured, nil
}

func (l *line) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// broken notes the loss of a connection.
func (l *line) broken(vital bool, err error) {
	l.mu.Lock()
	l.losses++
	l.mu.Unlock()
	if !vital {
		return
	}
	err = fmt.Errorf("%w: %w", errLost, err)
	if l.end(err) {
		l.lost(err)
	}
}

// cut ends the line on purpose.
func (l *line) cut() { l.end(errClosed) }

// end closes every connection; it tells whether it was the first to do so.
func (l *line) end(err error) bool {
	l.mu.Lock()
	first := l.over == nil
	if first {
		l.over = err
	}
	wires := make([]*wire, 0, len(l.wires))
	for w := range l.wires {
		wires = append(wires, w)
	}
	l.mu.Unlock()
	for _, w := range wires {
		w.Close() //nolint:errcheck // it is given up
	}
	return first
}

func (l *line) forget(w *wire) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.wires, w)
}

func (l *line) lossCount() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.losses
}
