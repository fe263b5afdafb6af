package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// closeLimit bounds a goodbye whose context has no end of its own.
const closeLimit = 2 * time.Second

// session is a connection to the primary for everything but messages, and the parts that were made beside it. Each part has a
// connection of its own.
type session struct {
	access  *access
	control *line
	version string
	parts   ending.Parts[part]
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

// Producer makes a producer on a connection of its own.
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
	return nil, fmt.Errorf("produce to topic %q: %w", spec.Topic.Name, advised(err))
}

// Consumer joins a group on a connection of its own.
func (s *session) Consumer(ctx context.Context, spec drivers.ConsumerSpec) (drivers.Consumer, error) {
	c, err := s.consumer(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("consume from topic %q as %q: %w", spec.Topic.Name, spec.Group.Name, advised(err))
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
	if spec.Topic.Model == drivers.Broadcast {
		return newListener(ctx, s, spec)
	}
	if s.access.set.ofList(spec.Topic) {
		return newWorker(ctx, s, spec)
	}
	return newMember(ctx, s, spec)
}

// usable tells why nothing can be asked of the session, if so.
func (s *session) usable(ctx context.Context) error {
	switch {
	case s.parts.Closed():
		return errClosed
	case s.control.lost():
		return errLost
	default:
		return ctx.Err()
	}
}

// Close takes leave for every part. When ctx or closeLimit ends, the connections are cut.
func (s *session) Close(ctx context.Context) error {
	parts, first := s.parts.Close()
	if !first {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	defer context.AfterFunc(ctx, s.control.cut)()
	errs := make([]error, len(parts))
	var all sync.WaitGroup
	for i, p := range parts {
		all.Go(func() { errs[i] = p.Close(ctx) })
	}
	all.Wait()
	s.control.close()
	return errors.Join(errs...)
}
