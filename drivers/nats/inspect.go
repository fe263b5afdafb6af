package nats

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
)

// Locate names the leader and the followers of the topic's stream; all shards of a topic live in one stream. The broker answers from the
// view of its leader as far as the connected node can see: an isolated leader goes on naming itself.
func (s *session) Locate(ctx context.Context, t drivers.Topic, _ int) (drivers.Placement, error) {
	fail := func(err error) (drivers.Placement, error) {
		return drivers.Placement{}, fmt.Errorf("locate topic %q: %w", t.Name, err)
	}
	if err := s.usable(ctx); err != nil {
		return fail(err)
	}
	if t.Model == drivers.Broadcast {
		if len(s.cfg.Servers) > 1 {
			return fail(errors.New("a broadcast has no leader: name a node, or use any or all"))
		}
		return drivers.Placement{Leader: s.nc.ConnectedServerName()}, nil
	}
	info, err := s.streamInfo(ctx, t)
	switch {
	case err != nil:
		return fail(err)
	case info.Cluster == nil:
		return drivers.Placement{Leader: s.nc.ConnectedServerName()}, nil
	case info.Cluster.Leader == "":
		return fail(errNoLeader)
	}
	p := drivers.Placement{Leader: info.Cluster.Leader}
	for _, peer := range info.Cluster.Replicas {
		p.Followers = append(p.Followers, peer.Name)
	}
	return p, nil
}

func (s *session) streamInfo(ctx context.Context, t drivers.Topic) (*jetstream.StreamInfo, error) {
	var info *jetstream.StreamInfo
	err := s.once(ctx, func(ctx context.Context) error {
		stream, err := s.js.Stream(ctx, t.Name)
		if err != nil {
			return err
		}
		info = stream.CachedInfo()
		return nil
	})
	return info, err
}

func (s *session) consumerInfo(ctx context.Context, t drivers.Topic, group string) (*jetstream.ConsumerInfo, error) {
	var info *jetstream.ConsumerInfo
	err := s.once(ctx, func(ctx context.Context) error {
		c, err := s.js.Consumer(ctx, t.Name, group)
		if err != nil {
			return err
		}
		info = c.CachedInfo()
		return nil
	})
	return info, err
}

// gone tells that a server came back without the stream, as one in memory only: what it held is owed no more, and lost. Of a replicated one
// a server that has yet to hear of it may say so, too.
func gone(err error, t drivers.Topic) bool {
	return errors.Is(err, jetstream.ErrStreamNotFound) && t.Replicas <= 1
}

// Depth is what the group's consumer has pending and what it waits to see acknowledged. A broadcast keeps nothing.
func (s *session) Depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	if err := s.usable(ctx); err != nil {
		return 0, fmt.Errorf("depth of topic %q: %w", t.Name, err)
	}
	if t.Model == drivers.Broadcast {
		return 0, nil
	}
	info, err := s.consumerInfo(ctx, t, group)
	if gone(err, t) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("depth of topic %q for %q: %w", t.Name, group, err)
	}
	return int64(info.NumPending) + int64(info.NumAckPending), nil
}

// End returns the last stream sequence of each shard. A queue forgets what was acknowledged, so a shard of it whose last message is gone
// has no known position, unless it is the only one: ask for the depth there.
func (s *session) End(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("end of topic %q: %w", t.Name, err)
	}
	ends := make([]drivers.Position, max(1, t.Shards))
	if t.Model == drivers.Broadcast {
		return ends, nil
	}
	var err error
	if len(ends) == 1 {
		ends[0], err = s.endOfStream(ctx, t)
	} else {
		err = s.endOfShards(ctx, t, ends)
	}
	if gone(err, t) {
		return ends, nil
	}
	if err != nil {
		return nil, fmt.Errorf("end of topic %q: %w", t.Name, err)
	}
	return ends, nil
}

func (s *session) endOfStream(ctx context.Context, t drivers.Topic) (drivers.Position, error) {
	info, err := s.streamInfo(ctx, t)
	if err != nil || info.State.LastSeq == 0 {
		return drivers.Position{}, err
	}
	return drivers.At(info.State.LastSeq), nil
}

func (s *session) endOfShards(ctx context.Context, t drivers.Topic, ends []drivers.Position) error {
	var stream jetstream.Stream
	err := s.once(ctx, func(ctx context.Context) (err error) {
		stream, err = s.js.Stream(ctx, t.Name)
		return err
	})
	if err != nil {
		return err
	}
	for shard, subject := range newRoute(t).subjects {
		err := s.once(ctx, func(ctx context.Context) error {
			last, err := stream.GetLastMsgForSubject(ctx, subject)
			switch {
			case errors.Is(err, jetstream.ErrMsgNotFound):
				return nil
			case err != nil:
				return err
			}
			ends[shard] = drivers.At(last.Sequence)
			return nil
		})
		if err != nil {
			return fmt.Errorf("shard %d: %w", shard, err)
		}
	}
	return nil
}
