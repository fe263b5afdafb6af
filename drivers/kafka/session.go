package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// closeLimit bounds a goodbye whose context has no end of its own.
const closeLimit = 2 * time.Second

// session has a client for what is administrative. Each of its producers and consumers has a client of its own, as the library wants it.
type session struct {
	cfg drivers.Config
	env drivers.Env
	set settings
	*client
	parts ending.Parts[part]
}

// part is a producer or a consumer of the session.
type part interface {
	Close(ctx context.Context) error
}

var (
	_ drivers.Session = (*session)(nil)
	_ drivers.Locator = (*session)(nil)
	_ drivers.Depther = (*session)(nil)
	_ drivers.Ender   = (*session)(nil)
)

func (s *session) connect(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// No connection of this client is vital: what it asks may be asked again of another broker.
	c, err := newClient(s.cfg, s.env, s.set, func(error) {}, nil)
	if err != nil {
		return err
	}
	release := c.cutAfter(ctx)
	defer release()
	err = c.Ping(ctx)
	if err == nil {
		err = c.modern(ctx, s.set)
	}
	if err != nil {
		c.end()
		return whole(ctx, remedied(err, s.cfg))
	}
	s.client = c
	return nil
}

// forget drops a part that is closed.
func (s *session) forget(p part) { s.parts.Forget(p) }

// Producer sends with the acks that the guarantee asks for.
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
	p, err := newProducer(ctx, s, spec, settle)
	if err != nil {
		return nil, err
	}
	if err := s.parts.Add(p); err != nil {
		return nil, errors.Join(err, p.Close(ctx))
	}
	return p, nil
}

// Consumer joins a group, or listens to a broadcast.
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
	if spec.Topic.Model == drivers.Broadcast && spec.Group.Members > 1 {
		a, err := newAudience(ctx, s, spec)
		if err != nil {
			return nil, err
		}
		return a, s.keep(ctx, a)
	}
	if spec.Topic.Model == drivers.Broadcast {
		l, err := newListener(ctx, s, spec)
		if err != nil {
			return nil, err
		}
		return l, s.keep(ctx, l)
	}
	m, err := newMember(ctx, s, spec)
	if err != nil {
		return nil, err
	}
	return m, s.keep(ctx, m)
}

// keep adds p, or closes it where the session was closed meanwhile.
func (s *session) keep(ctx context.Context, p part) error {
	err := s.parts.Add(p)
	if err != nil {
		err = errors.Join(err, p.Close(ctx))
	}
	return err
}

// usable tells why nothing can be asked of the session, if so.
func (s *session) usable(ctx context.Context) error {
	if s.parts.Closed() {
		return errClosed
	}
	return ctx.Err()
}

// Close takes leave for every part. When ctx or closeLimit ends, their connections are cut instead.
func (s *session) Close(ctx context.Context) error {
	parts, first := s.parts.Close()
	if !first {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	var errs []error
	for _, p := range parts {
		errs = append(errs, p.Close(ctx))
	}
	s.end()
	return errors.Join(errs...)
}
