package nats

import (
	"context"
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
	once sync.Once
	err  error
}

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
		l.cut()
	}
	return n, err
}

// dialer lends the engine's connections to the library.
type dialer struct {
	ctx  context.Context //nolint:containedctx // the library's dialer takes none; it is dropped when Open returns
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu   sync.Mutex
	line *line
}

// Dial implements the library's CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	if err := d.ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := d.dial(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line = &line{Conn: conn}
	return d.line, nil
}

// cut ends whatever the library does on the connection it was given last.
func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.line != nil {
		d.line.cut()
	}
}

// open makes one client connection; lost is called when it is gone, from a goroutine of the library.
func open(ctx context.Context, cfg drivers.Config, env drivers.Env, lost func()) (*natsgo.Conn, *line, error) {
	d := &dialer{ctx: ctx, dial: env.Dial}
	release := context.AfterFunc(ctx, d.cut)
	defer release()
	options := []natsgo.Option{
		natsgo.Name(env.Name), natsgo.SetCustomDialer(d), natsgo.SkipHostLookup(),
		natsgo.NoReconnect(), natsgo.DontRandomize(), natsgo.IgnoreDiscoveredServers(),
		natsgo.SkipSubjectValidation(), // names are checked once, when a topic is declared
		natsgo.ClosedHandler(func(*natsgo.Conn) { lost() }),
		natsgo.ErrorHandler(func(_ *natsgo.Conn, sub *natsgo.Subscription, err error) {
			env.Logger.Warn("nats client", "client", env.Name, "error", err.Error(), "subscribed", sub != nil)
		}),
	}
	if deadline, ok := ctx.Deadline(); ok {
		options = append(options, natsgo.Timeout(max(time.Until(deadline), 1)))
	}
	if cfg.TLS != nil {
		options = append(options, natsgo.Secure(cfg.TLS))
	}
	if cfg.Auth.User != "" {
		options = append(options, natsgo.UserInfo(cfg.Auth.User, cfg.Auth.Password))
	}
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
		return nil, nil, ctx.Err()
	case err != nil:
		return nil, nil, err
	}
	return nc, d.line, nil
}

// fuse cuts the line when the context of a call ends while the library writes. It is armed once for a context, not for a call, because
// the engine calls with the same one all the time.
type fuse struct {
	cut func()

	mu   sync.Mutex
	busy bool
	// done is that of the context that the fuse is armed for; what is left of an earlier one must not cut.
	done <-chan struct{}
	stop func() bool
}

// arm begins a call; it fails when ctx is over already.
func (f *fuse) arm(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if done := ctx.Done(); done != f.done {
		f.drop()
		f.done = done
		if done != nil {
			f.stop = context.AfterFunc(ctx, func() { f.blow(done) })
		}
	}
	err := ctx.Err()
	f.busy = err == nil // if it ends after that, the line is cut
	return err
}

func (f *fuse) blow(done <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy && f.done == done {
		f.cut()
	}
}

// disarm ends a call.
func (f *fuse) disarm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = false
}

// release lets go of the context.
func (f *fuse) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
}

func (f *fuse) drop() {
	if f.stop != nil {
		f.stop()
	}
	f.stop, f.done = nil, nil
}
