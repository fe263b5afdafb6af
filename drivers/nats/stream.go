package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
)

const (
	// minDedup is the shortest window that JetStream takes; without ids it remembers nothing.
	minDedup = 100 * time.Millisecond
	// metaShards is where a stream keeps the number of its shards, which its subjects do not tell.
	metaShards = "ordeal_shards"
	// settleLimit bounds how long an administrative call is made again while a cluster elects: about 4 to 9 s were seen.
	settleLimit = 20 * time.Second
	settlePause = 100 * time.Millisecond
	// tryLimit bounds one try, because a node without a leader does not answer at all.
	tryLimit = 3 * time.Second
)

// Declare makes the stream and a durable consumer for each group, and waits until both have a leader. A broadcast needs nothing.
func (s *session) Declare(ctx context.Context, t drivers.Topic) error {
	if err := s.declare(ctx, t); err != nil {
		return fmt.Errorf("declare topic %q: %w", t.Name, err)
	}
	return nil
}

func (s *session) declare(ctx context.Context, t drivers.Topic) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if err := checkTopic(t); err != nil {
		return err
	}
	for _, g := range t.Groups {
		if err := checkName("group", g.Name); err != nil {
			return err
		}
	}
	switch {
	case t.Model == drivers.Broadcast:
		return nil
	case t.Model == drivers.Queue && len(t.Groups) > 1:
		return fmt.Errorf("a queue has one copy of each message, so it cannot have %d groups: make it a log", len(t.Groups))
	}
	if version := s.nc.ConnectedServerVersion(); !atLeast(version, oldest) {
		return fmt.Errorf("the server is of version %s, which cannot say what exists with other settings: update it to %s or newer",
			version, oldest)
	}
	if err := s.declareStream(ctx, t); err != nil {
		if s.alone(err) {
			err = jetstream.ErrJetStreamNotEnabled
		}
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			err = fmt.Errorf("%w: add jetstream { store_dir: … } to the server's configuration, or jetstream: enabled to the account's", err)
		}
		return err
	}
	for _, g := range t.Groups {
		if err := s.declareGroup(ctx, t, g); err != nil {
			return fmt.Errorf("group %q: %w", g.Name, err)
		}
	}
	return nil
}

// oldest is the first version in which to create a stream or a consumer that exists differently is an error (pedantic create actions), and
// streams have metadata.
const oldest = "2.10"

// atLeast compares versions such as 2.9.25 with 2.10, number by number.
func atLeast(version, least string) bool {
	have, want := strings.Split(version, "."), strings.Split(least, ".")
	for i, w := range want {
		if i >= len(have) {
			return false
		}
		a, errA := strconv.Atoi(have[i])
		b, errB := strconv.Atoi(w)
		if errA != nil || errB != nil {
			return false
		}
		if a != b {
			return a > b
		}
	}
	return true
}

func (s *session) declareStream(ctx context.Context, t drivers.Topic) error {
	want := s.streamConfig(t)
	return s.persist(ctx, func(ctx context.Context) error {
		stream, err := s.js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return s.difference(ctx, want)
		}
		if err != nil {
			return err
		}
		return led(stream.CachedInfo().Cluster)
	})
}

func (s *session) streamConfig(t drivers.Topic) jetstream.StreamConfig {
	c := jetstream.StreamConfig{
		Name: t.Name, Subjects: []string{allSubjects(t)}, Replicas: t.Replicas, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, MaxConsumers: -1,
		Duplicates: max(s.set.dedupWindow, minDedup), Metadata: map[string]string{metaShards: strconv.Itoa(t.Shards)},
	}
	if s.set.storage == "memory" {
		c.Storage = jetstream.MemoryStorage
	}
	if t.Model == drivers.Queue {
		c.Retention = jetstream.WorkQueuePolicy
	}
	return c
}

// difference names the settings in which the stream that exists differs from the one that is wanted.
func (s *session) difference(ctx context.Context, want jetstream.StreamConfig) error {
	stream, err := s.js.Stream(ctx, want.Name)
	if err != nil {
		return err
	}
	have := stream.CachedInfo().Config
	var diffs []string
	compare := func(setting string, have, want any) {
		if have != want {
			diffs = append(diffs, fmt.Sprintf("%s %v instead of %v", setting, have, want))
		}
	}
	compare("subjects", strings.Join(have.Subjects, " "), strings.Join(want.Subjects, " "))
	compare("retention", have.Retention, want.Retention)
	compare("shards", have.Metadata[metaShards], want.Metadata[metaShards])
	compare("replicas", have.Replicas, want.Replicas)
	compare("storage", have.Storage, want.Storage)
	compare("duplicate window", have.Duplicates, want.Duplicates)
	if diffs == nil {
		diffs = []string{"other settings, such as limits"}
	}
	return fmt.Errorf("the stream exists with %s: delete it first or take another name", strings.Join(diffs, ", "))
}

func (s *session) declareGroup(ctx context.Context, t drivers.Topic, g drivers.Group) error {
	want := s.groupConfig(t, g)
	return s.persist(ctx, func(ctx context.Context) error {
		c, err := s.js.CreateConsumer(ctx, t.Name, want)
		if errors.Is(err, jetstream.ErrConsumerExists) {
			return fmt.Errorf("the consumer exists with other settings than ack %s, ack_wait %v, max_ack_pending %d: delete the topic first",
				want.AckPolicy, want.AckWait, want.MaxAckPending)
		}
		if err != nil {
			return err
		}
		return led(c.CachedInfo().Cluster)
	})
}

func (s *session) groupConfig(t drivers.Topic, g drivers.Group) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Durable: g.Name, AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckWait: s.set.ackWait, MaxDeliver: -1, MaxAckPending: s.set.maxAckPending,
	}
	if c.MaxAckPending == 0 {
		c.MaxAckPending = prefetch(g) * max(1, g.Members)
	}
	if ackModeOf(t, g) == ackNever {
		c.AckPolicy, c.AckWait, c.MaxAckPending = jetstream.AckNonePolicy, 0, 0
	}
	return c
}

// ackMode is what a consumer does about acks.
type ackMode uint8

const (
	// ackAfter waits for Ack.
	ackAfter ackMode = iota
	// ackNever has none: a log's group that acknowledges before its work.
	ackNever
	// ackArrival sends one as soon as the message is there: a queue's such group, because a work queue must have acks.
	ackArrival
)

func ackModeOf(t drivers.Topic, g drivers.Group) ackMode {
	switch {
	case g.Ack == drivers.AckAfter:
		return ackAfter
	case t.Model == drivers.Queue:
		return ackArrival
	default:
		return ackNever
	}
}

// prefetch of a group, which is never without a bound.
func prefetch(g drivers.Group) int {
	if g.Prefetch > 0 {
		return g.Prefetch
	}
	return 1000
}

// errNoLeader says that a cluster has not elected yet.
var errNoLeader = errors.New("no leader yet")

func led(c *jetstream.ClusterInfo) error {
	if c != nil && c.Leader == "" {
		return errNoLeader
	}
	return nil
}

// persist calls try until it succeeds, fails for good, or ctx or settleLimit ends.
func (s *session) persist(ctx context.Context, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	pause := time.NewTicker(settlePause)
	defer pause.Stop()
	for {
		err := s.once(ctx, try)
		passing := s.temporary(err) || errors.Is(err, errNoLeader) || errors.Is(err, context.DeadlineExceeded)
		if err == nil || !passing || ctx.Err() != nil {
			return err
		}
		select {
		case <-s.lost:
			return s.lostError()
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-pause.C:
		}
	}
}

// once bounds one try, and ends it when the server says that the client may not ask that.
func (s *session) once(ctx context.Context, try func(ctx context.Context) error) error {
	ctx, end := context.WithCancelCause(ctx)
	a := &asking{end: end}
	s.mu.Lock()
	s.asking[a] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.asking, a)
		s.mu.Unlock()
		end(nil)
	}()
	limited, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	err := try(limited)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errDenied) {
		return cause
	}
	if errors.Is(err, natsgo.ErrConnectionClosed) {
		return lost(err) // the library knows it a moment before it tells
	}
	return err
}

// Delete removes the stream, and its consumers with it.
func (s *session) Delete(ctx context.Context, t drivers.Topic) error {
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("delete topic %q: %w", t.Name, err)
	}
	if t.Model == drivers.Broadcast {
		return nil
	}
	err := s.persist(ctx, func(ctx context.Context) error { return s.js.DeleteStream(ctx, t.Name) })
	if err != nil && !absent(err) {
		return fmt.Errorf("delete topic %q: %w", t.Name, err)
	}
	return nil
}
