package kafka

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ordeal/drivers"
)

// Locate names the leader and the other replicas of a partition: n1 is the first server where its address is the one that a broker
// advertises, else the broker goes by that address (see node). A broker that is cut off from the others goes on naming itself.
func (s *session) Locate(ctx context.Context, t drivers.Topic, shard int) (drivers.Placement, error) {
	p, err := s.locate(ctx, t, shard)
	if err != nil {
		return drivers.Placement{}, fmt.Errorf("locate shard %d of topic %q: %w", shard, t.Name, whole(ctx, err))
	}
	return p, nil
}

func (s *session) locate(ctx context.Context, t drivers.Topic, shard int) (drivers.Placement, error) {
	if err := s.usable(ctx); err != nil {
		return drivers.Placement{}, err
	}
	topic, err := s.topic(ctx, s.client, t)
	if err != nil {
		return drivers.Placement{}, err
	}
	p, ok := topic.Partitions[int32(shard)]
	switch {
	case !ok:
		return drivers.Placement{}, errShard
	case p.Leader < 0:
		return drivers.Placement{}, kerr.LeaderNotAvailable
	}
	brokers, err := s.admin.ListBrokers(ctx)
	if err != nil {
		return drivers.Placement{}, err
	}
	place := drivers.Placement{Leader: node(p.Leader, brokers, s.cfg.Servers)}
	for _, replica := range p.Replicas {
		if replica != p.Leader {
			place.Followers = append(place.Followers, node(replica, brokers, s.cfg.Servers))
		}
	}
	return place, nil
}

// node is the name of a broker: that of the server with its address, and its address where there is none, unless there is but one of both.
// A broker that is down is not listed: it goes by its number as in a cluster of ordeal's, where all others do.
func node(id int32, brokers kadm.BrokerDetails, servers []string) string {
	numbered := true
	for _, b := range brokers {
		address := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		at := slices.Index(servers, address)
		switch {
		case b.NodeID != id:
			numbered = numbered && b.NodeID == int32(at+1)
		case at >= 0:
			return fmt.Sprintf("n%d", at+1)
		case len(brokers) == 1 && len(servers) == 1:
			return "n1"
		default:
			return address
		}
	}
	if !numbered {
		return fmt.Sprintf("broker %d", id)
	}
	return fmt.Sprintf("n%d", id)
}

// ends are the offsets after the last record of each partition that all its replicas in sync have. With transactions that is more than can
// be read yet: what lies behind an open one is owed all the same, and comes when that one ends.
func (s *session) ends(ctx context.Context, c *client, t drivers.Topic) ([]int64, error) {
	listed, err := c.admin.ListEndOffsets(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	return offsets(listed, t)
}

func offsets(listed kadm.ListedOffsets, t drivers.Topic) ([]int64, error) {
	out := make([]int64, max(t.Shards, len(listed[t.Name])))
	for shard := range out {
		o, ok := listed.Lookup(t.Name, int32(shard))
		switch {
		case !ok:
			return nil, fmt.Errorf("shard %d: %w", shard, kerr.UnknownTopicOrPartition)
		case o.Err != nil:
			return nil, fmt.Errorf("shard %d: %w", shard, o.Err)
		}
		out[shard] = o.Offset
	}
	return out, nil
}

// Depth is what lies between the offsets that the group has committed and the end of the log. A broadcast is owed to nobody.
func (s *session) Depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	n, err := s.depth(ctx, t, group)
	if err != nil {
		return 0, fmt.Errorf("depth of topic %q for %q: %w", t.Name, group, whole(ctx, err))
	}
	return n, nil
}

func (s *session) depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	if err := s.usable(ctx); err != nil || t.Model == drivers.Broadcast {
		return 0, err
	}
	spans, err := s.spans(ctx, t)
	if err != nil {
		return 0, err
	}
	committed, err := s.admin.FetchOffsetsForTopics(ctx, groupID(t, group), t.Name)
	if err != nil {
		return 0, err
	}
	var depth int64
	for shard, span := range spans {
		at := span.start // Declare commits the beginning; what the broker has deleted it owes to nobody any more
		if o, ok := committed.Lookup(t.Name, int32(shard)); ok {
			if o.Err != nil {
				return 0, fmt.Errorf("shard %d: %w", shard, o.Err)
			}
			at = max(at, o.At)
		}
		depth += max(0, span.end-at)
	}
	return depth, nil
}

// End returns the offset of the last message that every partition still has. With transactions the last offset is that of a marker, which
// is delivered to nobody: the depth tells when everything was read.
func (s *session) End(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	ends, err := s.positions(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("end of topic %q: %w", t.Name, whole(ctx, err))
	}
	return ends, nil
}

func (s *session) positions(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	spans, err := s.spans(ctx, t)
	if err != nil {
		return nil, err
	}
	if s.set.transactions {
		return nil, drivers.ErrNoEnd
	}
	out := make([]drivers.Position, len(spans))
	for shard, span := range spans {
		if span.end > span.start {
			out[shard] = drivers.At(uint64(span.end - 1))
		}
	}
	return out, nil
}
