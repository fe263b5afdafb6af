package nats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// closeLimit bounds a goodbye whose context has no end of its own.
const closeLimit = 2 * time.Second

// session is one client connection with what was made on it.
type session struct {
	cfg drivers.Config
	env drivers.Env
	set settings
	who identity

	nc   *natsgo.Conn
	js   jetstream.JetStream
	line *line
	// jetstream tells that the server has it; also where that cannot be seen.
	jetstream bool
	// lost is closed when the connection is gone.
	lost     chan struct{}
	lostOnce sync.Once

	parts ending.Parts[part]

	mu sync.Mutex
	// asking holds the ends of the administrative calls under way.
	asking map[*asking]struct{}
}

// part is a producer or a consumer of the session.
type part interface {
	Close(ctx context.Context) error
	// fail is called once the connection is gone.
	fail(err error)
}

var (
	_ drivers.Session = (*session)(nil)
	_ drivers.Locator = (*session)(nil)
	_ drivers.Depther = (*session)(nil)
	_ drivers.Ender   = (*session)(nil)
)

func (s *session) connect(ctx context.Context) error {
	s.lost = make(chan struct{})
	s.asking = make(map[*asking]struct{})
	nc, line, err := open(ctx, access{cfg: s.cfg, env: s.env, set: s.set, who: s.who, lost: s.lose, denied: s.deny})
	if err != nil {
		return err
	}
	s.nc, s.line = nc, line
	said := line.said()
	s.jetstream = !bytes.HasPrefix(said, []byte("INFO ")) || bytes.Contains(said, []byte(`"jetstream":true`))
	if s.js, err = jetstream.New(nc); err != nil {
		nc.Close()
		return err
	}
	return nil
}

// lose ends every part. The library calls it once the connection is gone, also when it was closed on purpose.
func (s *session) lose() {
	s.lostOnce.Do(func() { close(s.lost) })
	for _, p := range s.parts.All() {
		p.fail(s.lostError())
	}
}

// asking is an administrative call under way.
type asking struct{ end context.CancelCauseFunc }

// deny ends the administrative calls under way: the server tells what it refuses apart from the call that it refuses, which it never
// answers.
func (s *session) deny(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := range s.asking {
		a.end(deniedError(err))
	}
}

// lostError says that the connection is gone, and why where that is known.
func (s *session) lostError() error {
	if err := s.nc.LastError(); err != nil && !errors.Is(err, errLost) {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	return errLost
}

// add notes a part that is to be closed with the session, and told when the connection is gone.
func (s *session) add(p part) error {
	if err := s.parts.Add(p); err != nil {
		return err
	}
	select {
	case <-s.lost: // maybe too late to be told by lose
		s.parts.Forget(p)
		return s.lostError()
	default:
		return nil
	}
}

// Producer publishes by JetStream where acks are wanted, else by core NATS.
func (s *session) Producer(ctx context.Context, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (drivers.Producer, error) {
	p, err := s.producer(ctx, spec, settle)
	if err != nil {
		return nil, fmt.Errorf("produce to topic %q: %w", spec.Topic.Name, err)
	}
	return p, nil
}

func (s *session) producer(ctx context.Context, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (drivers.Producer, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := checkTopic(spec.Topic); err != nil {
		return nil, err
	}
	if spec.Topic.Model == drivers.Broadcast || spec.Guarantee == drivers.Sent {
		return newCaster(ctx, s, spec, settle)
	}
	return newPublisher(ctx, s, spec, settle)
}

// Consumer joins a group.
func (s *session) Consumer(ctx context.Context, spec drivers.ConsumerSpec) (drivers.Consumer, error) {
	c, err := s.consumer(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("consume from topic %q as %q: %w", spec.Topic.Name, spec.Group.Name, err)
	}
	return c, nil
}

func (s *session) consumer(ctx context.Context, spec drivers.ConsumerSpec) (drivers.Consumer, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := checkTopic(spec.Topic); err != nil {
		return nil, err
	}
	if err := checkName("group", spec.Group.Name); err != nil {
		return nil, err
	}
	if spec.Topic.Model == drivers.Broadcast {
		return newListener(ctx, s, spec)
	}
	return newPuller(ctx, s, spec)
}

// usableNow tells whether the connection is there, also while the session closes.
func (s *session) usableNow() bool {
	select {
	case <-s.lost:
		return false
	default:
		return true
	}
}

// usable tells why nothing can be asked of the session, if so.
func (s *session) usable(ctx context.Context) error {
	if s.parts.Closed() {
		return errClosed
	}
	select {
	case <-s.lost:
		return s.lostError()
	default:
		return ctx.Err()
	}
}

// Close takes leave for every part, then of the server. When ctx or closeLimit ends, the connection is cut instead.
func (s *session) Close(ctx context.Context) error {
	parts, first := s.parts.Close()
	if !first {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	release := context.AfterFunc(ctx, s.line.cut)
	defer release()
	var errs []error
	for _, p := range parts {
		errs = append(errs, p.Close(ctx))
	}
	s.nc.Close()
	<-s.lost // the library's last callback has begun: it touches nothing of ours after it
	return errors.Join(errs...)
}
