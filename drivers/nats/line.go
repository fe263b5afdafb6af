package nats

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"ordeal/drivers"
)

// line is the one connection of a client, kept at hand so that it can be cut. The client library takes no context and holds its lock
// while it writes: cutting the connection is the only way to end a call that the network does not let go on.
type line struct {
	net.Conn
	// server is the address that was dialled.
	server string
	once   sync.Once
	err    error

	mu sync.Mutex
	// heard is the beginning of what the server said, by which a stranger is known.
	heard []byte
}

// Read keeps the beginning.
func (l *line) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	if room := greetingMost - len(l.heard); room > 0 && n > 0 {
		l.heard = append(l.heard, b[:min(n, room)]...)
	}
	return n, err
}

// said is the beginning of what the server said.
func (l *line) said() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.heard)
}

// greetingMost is how much of a greeting is kept, in bytes: an INFO is about 400 long.
const greetingMost = 4 << 10

func (l *line) cut() {
	l.once.Do(func() { l.err = l.Conn.Close() })
}

// Close is the library's.
func (l *line) Close() error {
	l.cut()
	return l.err
}

// Write cuts the line when it fails, because the library goes on after a failed write until a read fails, too.
func (l *line) Write(b []byte) (int, error) {
	n, err := l.Conn.Write(b)
	if err != nil {
		l.lastWords()
		l.cut()
	}
	return n, err
}

// lastWords reads what the server said before it hung up, which the library does not do any more.
func (l *line) lastWords() {
	l.Conn.SetReadDeadline(time.Now().Add(time.Millisecond)) //nolint:errcheck // then there is nothing to read
	l.Read(make([]byte, greetingMost))                       //nolint:errcheck // only what it keeps matters
}

// dialer lends the engine's connections to the library.
type dialer struct {
	ctx  context.Context //nolint:containedctx // the library's dialer takes none; it is dropped when Open returns
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu   sync.Mutex
	line *line
	// err is why the last dial failed, which the library keeps to itself.
	err error
}

// Dial implements the library's CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	if err := d.ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := d.dial(d.ctx, network, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err = err; err != nil {
		return nil, err
	}
	d.line = &line{Conn: conn, server: address}
	return d.line, nil
}

// last is the connection that the library was given last, nil for none.
func (d *dialer) last() *line {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.line
}

// failed is why the last dial did, if so.
func (d *dialer) failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// cut ends whatever the library does on the connection it was given last.
func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.line != nil {
		d.line.cut()
	}
}

// access is what it takes to connect.
type access struct {
	cfg drivers.Config
	env drivers.Env
	set settings
	who identity
	// lost is called when the connection is gone, denied when the server refuses the right to do something; both from a goroutine of the
	// library.
	lost   func()
	denied func(err error)
}

// open makes one client connection.
func open(ctx context.Context, a access) (*natsgo.Conn, *line, error) {
	cfg, env := a.cfg, a.env
	d := &dialer{ctx: ctx, dial: env.Dial}
	release := context.AfterFunc(ctx, d.cut)
	defer release()
	options := []natsgo.Option{
		natsgo.Name(env.Name), natsgo.SetCustomDialer(d), natsgo.SkipHostLookup(),
		natsgo.NoReconnect(), natsgo.DontRandomize(), natsgo.IgnoreDiscoveredServers(),
		natsgo.SkipSubjectValidation(), // names are checked once, when a topic is declared
		natsgo.ClosedHandler(func(*natsgo.Conn) { a.lost() }),
		natsgo.ErrorHandler(func(_ *natsgo.Conn, sub *natsgo.Subscription, err error) {
			env.Logger.Warn("nats client", "client", env.Name, "error", err.Error(), "subscribed", sub != nil)
			if errors.Is(err, natsgo.ErrPermissionViolation) {
				a.denied(err)
			}
		}),
	}
	// Each server gets its share of the time: one that is paused must not use up that of the others.
	patience := greetLimit
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)/time.Duration(len(cfg.Servers)))
	}
	options = append(options, natsgo.Timeout(max(patience, 1)))
	if cfg.TLS != nil {
		options = append(options, natsgo.Secure(cfg.TLS))
	}
	if a.set.tlsFirst {
		options = append(options, natsgo.TLSHandshakeFirst())
	}
	options = append(options, a.who.options()...)
	pool := natsgo.GetDefaultOptions()
	for _, server := range cfg.Servers {
		pool.Servers = append(pool.Servers, "nats://"+server)
	}
	for _, set := range options {
		if err := set(&pool); err != nil {
			return nil, nil, err
		}
	}
	nc, err := pool.Connect()
	switch {
	case ctx.Err() != nil:
		if err == nil {
			nc.Close()
		}
		return nil, nil, explain(a, d.last(), ctx.Err())
	case err != nil:
		if failed := d.failed(); errors.Is(err, natsgo.ErrNoServers) && failed != nil {
			err = failed
		}
		return nil, nil, explain(a, d.last(), err)
	}
	return nc, d.line, nil
}
