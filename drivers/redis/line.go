package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// access is what it takes to connect.
type access struct {
	cfg drivers.Config
	env drivers.Env
	set settings
}

// line is one connection with the client library on it. It is used for one call at a time and never dials again: once it is lost, it
// stays lost, and the engine opens a new session.
//
// The library reads and writes in the caller's own goroutine as long as calls do not overlap and their context cannot end, so that no
// message waits for another goroutine; do sees to both. Each call has a deadline of its own, ConnWriteTimeout.
type line struct {
	server string
	client rueidis.Client

	// mu is held during a call.
	mu sync.Mutex

	state sync.Mutex
	conn  net.Conn
	ear   *ear
	// gone is set once the line is cut.
	gone bool
}

// buffers are the sizes of the library's buffers for one connection, in bytes.
type buffers struct{ read, write int }

// controlBuffers are for what is asked now and then.
func controlBuffers() buffers { return buffers{read: 16 << 10, write: 16 << 10} }

// consumerBuffers take a hundred messages of 1 KiB in one read.
func consumerBuffers() buffers { return buffers{read: 128 << 10, write: 16 << 10} }

// ringScale is the power of two of the library's queue, the smallest it recommends: a line has one call at a time.
const ringScale = 8

// dialLine connects to server and greets it with the credentials and the client's name.
func (a *access) dialLine(ctx context.Context, server string, size buffers) (*line, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l := &line{server: server}
	release := context.AfterFunc(ctx, l.cut)
	defer release()
	limit := a.set.answerTimeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(min(limit, time.Until(deadline)), time.Millisecond)
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{server}, Username: a.cfg.Auth.User, Password: a.cfg.Auth.Password, ClientName: clientName(a.env.Name),
		DialCtxFn: func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) { return l.dial(ctx, a) },
		Dialer:    net.Dialer{Timeout: limit, KeepAlive: -1}, // KeepAlive is the library's own PING
		// One connection, no second try, no cache, no commands that were not asked for.
		ForceSingleClient: true, PipelineMultiplex: -1, BlockingPipeline: -1, DisableRetry: true, DisableCache: true,
		ClientSetInfo:      rueidis.DisableClientSetInfo,
		ConnWriteTimeout:   a.set.answerTimeout + a.set.waitTimeout,
		ReadBufferEachConn: size.read, WriteBufferEachConn: size.write, RingScaleEachConn: ringScale,
	})
	l.client = client
	if err != nil {
		l.close()
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			err = errNoAnswer // the greeting has a deadline of its own
		}
		l.state.Lock()
		hearing := l.ear
		l.state.Unlock()
		return nil, a.explain(hearing, err)
	}
	return l, nil
}

// clientName is what the server takes as a name: no spaces.
func clientName(name string) string { return strings.ReplaceAll(name, " ", "-") }

// dial lends the library the engine's connection, once.
func (l *line) dial(ctx context.Context, a *access) (net.Conn, error) {
	l.state.Lock()
	used := l.conn != nil || l.gone
	l.state.Unlock()
	if used {
		return nil, errLost
	}
	ctx, cancel := context.WithTimeout(ctx, a.set.answerTimeout)
	defer cancel()
	conn, err := a.connect(ctx, l.server, func(e *ear) {
		l.state.Lock()
		defer l.state.Unlock()
		l.ear = e
	})
	if err != nil {
		return nil, err
	}
	l.state.Lock()
	defer l.state.Unlock()
	if l.gone {
		return nil, errors.Join(errLost, conn.Close())
	}
	l.conn = conn
	return conn, nil
}

// connect makes a connection, with TLS on top where there is some. hear gets the ear on it before anything is said.
func (a *access) connect(ctx context.Context, server string, hear func(*ear)) (net.Conn, error) {
	conn, err := a.env.Dial(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	e := &ear{Conn: conn}
	hear(e)
	if a.cfg.TLS == nil {
		return e, nil
	}
	return secure(ctx, e, a.cfg.TLS, server)
}

// secure puts TLS on top of conn.
func secure(ctx context.Context, conn net.Conn, config *tls.Config, server string) (net.Conn, error) {
	if config.ServerName == "" && !config.InsecureSkipVerify {
		host, _, err := net.SplitHostPort(server)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		config = config.Clone()
		config.ServerName = host
	}
	t := tls.Client(conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return t, nil
}

// cut ends the connection, and with it whatever is being called.
func (l *line) cut() {
	l.state.Lock()
	defer l.state.Unlock()
	l.gone = true
	if l.conn != nil {
		l.conn.Close() //nolint:errcheck // nothing more is wanted of it
	}
}

// lost tells whether the line is of no more use.
func (l *line) lost() bool {
	l.state.Lock()
	defer l.state.Unlock()
	return l.gone
}

// close frees everything.
func (l *line) close() {
	l.cut()
	if l.client != nil {
		l.client.Close()
	}
}

// command makes a command of words.
func (l *line) command(words ...string) rueidis.Completed {
	return l.client.B().Arbitrary(words...).Build()
}

// do runs commands in one pipeline. Its error says that the line is lost, or that ctx ended, which cuts the line; what the server says to
// each command is in the results.
func (l *line) do(ctx context.Context, commands ...rueidis.Completed) ([]rueidis.RedisResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.lost() {
		return nil, errLost
	}
	if ctx.Done() != nil {
		release := context.AfterFunc(ctx, l.cut)
		defer release()
	}
	results := l.client.DoMulti(context.Background(), commands...) //nolint:contextcheck // cut ends it; see line
	for i := range results {
		if err := results[i].NonRedisError(); err != nil {
			l.cut()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, lost(err)
		}
	}
	return results, nil
}

// ask runs one command and returns its reply; the error may be the server's own.
func (l *line) ask(ctx context.Context, words ...string) (rueidis.RedisMessage, error) {
	results, err := l.do(ctx, l.command(words...))
	if err != nil {
		return rueidis.RedisMessage{}, err
	}
	return results[0].ToMessage()
}
