package rabbitmq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

const (
	// closeLimit bounds a goodbye whose context has no end of its own.
	closeLimit = 2 * time.Second
	// connectLimit bounds the attempt to connect to a server while there are others: a paused one accepts and never answers.
	connectLimit = 2 * time.Second
)

// session is one client connection with what was made on it.
type session struct {
	cfg drivers.Config
	env drivers.Env
	set settings

	line *line
	conn *amqp.Connection
	// piece is how much of a body goes into one frame.
	piece      int
	management *management
	// places are where groups of streams are; all sessions of a driver share them.
	places   *places
	watchers sync.WaitGroup
	// opening lets one goroutine at a time open a channel.
	opening sync.Mutex
	parts   ending.Parts[part]

	mu sync.Mutex
	// lost is why the connection is gone; nil while it is there.
	lost error
	// block is why the broker reads nothing more from publishers; empty while it does.
	block string
}

// part is a producer or a consumer of the session.
type part interface {
	Close(ctx context.Context) error
	// fail is called once the channel or the connection is gone.
	fail(err error)
}

var (
	_ drivers.Session = (*session)(nil)
	_ drivers.Locator = (*session)(nil)
	_ drivers.Depther = (*session)(nil)
)

// connect takes the first server that answers.
func (s *session) connect(ctx context.Context) error {
	var errs []error
	for i, server := range s.cfg.Servers {
		limit := ctx
		if i < len(s.cfg.Servers)-1 {
			var cancel context.CancelFunc
			limit, cancel = context.WithTimeout(ctx, connectLimit)
			defer cancel()
		}
		err := s.dial(limit, server)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		errs = append(errs, fmt.Errorf("%s: %w", server, explain(err)))
	}
	return errors.Join(errs...)
}

func (s *session) dial(ctx context.Context, server string) error {
	conn, err := s.env.Dial(ctx, "tcp", server)
	if err != nil {
		return explainDial(err)
	}
	if s.cfg.TLS != nil {
		if conn, err = secure(ctx, conn, s.cfg.TLS, server); err != nil {
			return err
		}
	}
	s.line = newLine(conn)
	release := context.AfterFunc(ctx, s.line.cut)
	defer release()
	defer s.line.expectGreeting(greetLimit).Stop()
	s.conn, err = amqp.Open(s.line, amqp.Config{
		SASL: []amqp.Authentication{s.authentication()}, Vhost: s.set.vhost,
		FrameSize: frameMax, Heartbeat: s.set.heartbeat, Locale: "en_US",
		Properties: amqp.Table{"connection_name": s.env.Name, "product": "ordeal", "platform": "Go"},
		// Recovery stays nil: a connection that comes back by itself would change what a run may conclude.
	})
	if err != nil {
		s.line.cut()
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", errMute, ctx.Err())
		}
		return s.line.explainHandshake(err, s.cfg.TLS != nil)
	}
	s.line.heartbeat.Store(int64(s.conn.Config.Heartbeat))
	s.piece = s.conn.Config.FrameSize - frameEdges
	closes := s.conn.NotifyClose(make(chan *amqp.Error, 1))
	blocks := s.conn.NotifyBlocked(make(chan amqp.Blocking, 1))
	s.watchers.Go(func() { s.watch(closes, blocks) })
	return nil
}

// secure puts TLS on top; the certificate must be for the server's name unless the configuration names another.
func secure(ctx context.Context, conn net.Conn, config *tls.Config, server string) (net.Conn, error) {
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(server)
		if err != nil {
			host = server
		}
		config = config.Clone()
		config.ServerName = host
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(explainTLS(err), conn.Close())
	}
	return secured, nil
}

// watch notes what the broker says about the connection, until it is gone. The library closes both channels in any case.
func (s *session) watch(closes chan *amqp.Error, blocks chan amqp.Blocking) {
	for closes != nil || blocks != nil {
		select {
		case b, ok := <-blocks:
			if !ok {
				blocks = nil
				continue
			}
			s.mu.Lock()
			s.block = b.Reason
			s.mu.Unlock()
			s.env.Logger.Warn("rabbitmq blocks publishers", "client", s.env.Name, "blocked", b.Active, "reason", b.Reason)
		case err, ok := <-closes:
			if !ok {
				closes = nil
				continue
			}
			s.mu.Lock()
			s.lost = fmt.Errorf("%w: %w", errLost, err)
			s.mu.Unlock()
		}
	}
}

// blocked is why the broker reads nothing more from publishers; empty while it does.
func (s *session) blocked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.block
}

// lostError says that the connection is gone, and why.
func (s *session) lostError(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.parts.Closed():
		return errClosed
	case s.lost != nil:
		return s.lost
	case errors.Is(err, errLost):
		return err
	default:
		return fmt.Errorf("%w: %w", errLost, err)
	}
}

// cause says what is behind an error of the library: the context that had the line cut, a lost connection, or the broker's own word.
func (s *session) cause(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.conn.IsClosed():
		return s.lostError(err)
	default:
		return explain(err)
	}
}

// usable tells why nothing can be asked of the session, if so.
func (s *session) usable(ctx context.Context) error {
	switch {
	case s.parts.Closed():
		return errClosed
	case s.conn.IsClosed():
		return s.lostError(amqp.ErrClosed)
	default:
		return ctx.Err()
	}
}

// ask lets f use a channel of its own, because an error of the broker ends the channel.
func (s *session) ask(ctx context.Context, f func(ch *amqp.Channel) error) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, s.line.cut)()
	s.opening.Lock()
	ch, err := s.conn.Channel()
	s.opening.Unlock()
	if err != nil {
		return s.cause(ctx, err)
	}
	if err := f(ch); err != nil {
		err = s.cause(ctx, err)
		ch.Close() //nolint:errcheck // the broker has closed it already, or the connection is gone
		return err
	}
	if err := ch.Close(); err != nil {
		return s.cause(ctx, err)
	}
	return nil
}

// Producer publishes, with confirms where acks are wanted.
func (s *session) Producer(ctx context.Context, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (drivers.Producer, error) {
	err := s.usable(ctx)
	if err == nil {
		err = checkTopic(spec.Topic)
	}
	if err == nil {
		var p *producer
		if p, err = newProducer(ctx, s, spec, settle); err == nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("produce to topic %q: %w", spec.Topic.Name, err)
}

// Consumer joins a group.
func (s *session) Consumer(ctx context.Context, spec drivers.ConsumerSpec) (drivers.Consumer, error) {
	err := s.usable(ctx)
	if err == nil {
		err = checkTopic(spec.Topic)
	}
	if err == nil {
		var c drivers.Consumer
		if streams(s.cfg, spec.Topic) {
			c, err = newMember(ctx, s, spec)
		} else {
			c, err = newConsumer(ctx, s, spec)
		}
		if err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("consume from topic %q as %q: %w", spec.Topic.Name, spec.Group.Name, err)
}

// Close takes leave for every part, then of the broker. When ctx or closeLimit ends, the connection is cut instead.
func (s *session) Close(ctx context.Context) error {
	parts, first := s.parts.Close()
	if !first {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	defer context.AfterFunc(ctx, s.line.cut)()
	var errs []error
	for _, p := range parts {
		errs = append(errs, p.Close(ctx))
	}
	if err := s.conn.Close(); err != nil && ctx.Err() != nil {
		errs = append(errs, ctx.Err())
	}
	s.line.cut()
	s.watchers.Wait()
	s.management.close()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the session at %s: %w", strings.Join(s.cfg.Servers, ", "), err)
	}
	return nil
}
