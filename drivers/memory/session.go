package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"ordeal/drivers"
)

// errResurrect is what a resurrected message is rejected with.
var errResurrect = errors.New("rejected, says the broker")

// session keeps count of what has to be closed with it.
type session struct {
	broker *broker

	mu        sync.Mutex
	closed    bool
	producers []*producer
	members   []*member
	replayers []*replayer
}

var (
	_ drivers.Session  = (*session)(nil)
	_ drivers.Depther  = (*session)(nil)
	_ drivers.Ender    = (*session)(nil)
	_ drivers.Replayer = (*session)(nil)
)

// Declare makes the topic with its groups, which are owed everything from now on.
func (s *session) Declare(ctx context.Context, t drivers.Topic) error {
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("declare topic %q: %w", t.Name, err)
	}
	if t.Shards < 1 {
		return fmt.Errorf("declare topic %q: it has %d shards: give it at least 1", t.Name, t.Shards)
	}
	if t.Model == drivers.Queue && len(t.Groups) > 1 {
		return fmt.Errorf("declare topic %q: a queue has one copy of each message, so it cannot have %d groups: make it a log",
			t.Name, len(t.Groups))
	}
	if err := s.broker.declare(t); err != nil {
		return fmt.Errorf("declare topic %q: %w", t.Name, err)
	}
	return nil
}

// Audit says where the messages are kept and which lies were ordered.
func (s *session) Audit(ctx context.Context, t drivers.Topic) ([]drivers.Fact, error) {
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("audit topic %q: %w", t.Name, err)
	}
	if _, err := s.broker.topic(t.Name); err != nil {
		return nil, fmt.Errorf("audit topic %q: %w", t.Name, err)
	}
	var lies []string
	for k, n := range s.broker.settings.counts {
		if n > 0 {
			lies = append(lies, fmt.Sprintf("%s=%d", Kind(k), n))
		}
	}
	facts := []drivers.Fact{{
		Setting: "storage", Want: "memory", Have: "memory", Status: drivers.Confirmed,
		Note: "everything is gone with this process",
	}}
	if len(lies) > 0 {
		facts = append(facts, drivers.Fact{
			Setting: "lies", Have: strings.Join(lies, " "), Status: drivers.Confirmed,
			Note: "the broker was told to lie: the checks have to find it out",
		})
	}
	return facts, nil
}

// Producer makes a producer for a declared topic.
func (s *session) Producer(ctx context.Context, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (drivers.Producer, error) {
	t, err := s.find(ctx, spec.Topic.Name)
	if err != nil {
		return nil, fmt.Errorf("produce to topic %q: %w", spec.Topic.Name, err)
	}
	p := &producer{session: s, topic: t, settle: settle}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("produce to topic %q: %w", spec.Topic.Name, ErrClosed)
	}
	s.producers = append(s.producers, p)
	return p, nil
}

// Consumer joins a declared group.
func (s *session) Consumer(ctx context.Context, spec drivers.ConsumerSpec) (drivers.Consumer, error) {
	t, err := s.find(ctx, spec.Topic.Name)
	if err != nil {
		return nil, fmt.Errorf("consume from topic %q: %w", spec.Topic.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("consume from topic %q: %w", spec.Topic.Name, ErrClosed)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.group(spec.Group.Name)
	if g == nil {
		return nil, fmt.Errorf("consume from topic %q: no group %q was declared for it", spec.Topic.Name, spec.Group.Name)
	}
	m := t.join(s, g)
	s.members = append(s.members, m)
	switch t.declared.Model {
	case drivers.Broadcast:
		return listener{m}, nil
	case drivers.Log:
		return sharer{consumer{m}}, nil
	default:
		return consumer{m}, nil
	}
}

// Depth counts what the group was not delivered or did not acknowledge. Nothing is owed to a broadcast group without members.
func (s *session) Depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	found, err := s.find(ctx, t.Name)
	if err != nil {
		return 0, fmt.Errorf("depth of topic %q: %w", t.Name, err)
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	g := found.group(group)
	if g == nil {
		return 0, fmt.Errorf("depth of topic %q: no group %q was declared for it", t.Name, group)
	}
	return found.depth(g), nil
}

// End returns the last position of each shard that holds a message.
func (s *session) End(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	found, err := s.find(ctx, t.Name)
	if err != nil {
		return nil, fmt.Errorf("end of topic %q: %w", t.Name, err)
	}
	found.mu.Lock()
	defer found.mu.Unlock()
	ends := make([]drivers.Position, len(found.shards))
	for i := range found.shards {
		if end := found.shards[i].end; end > 0 {
			ends[i] = drivers.At(end)
		}
	}
	return ends, nil
}

// Delete removes the topic; its producers and consumers fail from then on.
func (s *session) Delete(ctx context.Context, t drivers.Topic) error {
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("delete topic %q: %w", t.Name, err)
	}
	s.broker.delete(t.Name)
	return nil
}

// Close closes what the session opened; unacknowledged deliveries go back to their groups.
func (s *session) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	producers, members, replayers := s.producers, s.members, s.replayers
	s.producers, s.members, s.replayers = nil, nil, nil
	s.mu.Unlock()
	var errs []error
	for _, p := range producers {
		errs = append(errs, p.Close(ctx))
	}
	for _, m := range members {
		errs = append(errs, m.Close(ctx))
	}
	for _, r := range replayers {
		errs = append(errs, r.Close(ctx))
	}
	s.broker.leave()
	return errors.Join(errs...)
}

// usable tells why the session cannot be used, if so.
func (s *session) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return nil
}

func (s *session) find(ctx context.Context, name string) (*topic, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	return s.broker.topic(name)
}

func (s *session) forgetProducer(p *producer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.producers = slices.DeleteFunc(s.producers, func(other *producer) bool { return other == p })
}

func (s *session) forgetMember(m *member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members = slices.DeleteFunc(s.members, func(other *member) bool { return other == m })
}

func (s *session) forgetReplayer(r *replayer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replayers = slices.DeleteFunc(s.replayers, func(other *replayer) bool { return other == r })
}
