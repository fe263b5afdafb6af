package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ordeal/drivers"
)

const (
	// settleLimit bounds how long an administrative call is made again while leaders are elected.
	settleLimit = 20 * time.Second
	settlePause = 20 * time.Millisecond
	// tryLimit bounds one try, because a broker that is paused does not answer at all.
	tryLimit = 3 * time.Second
)

// Declare makes the topic, waits until every broker knows the leader and all replicas of each partition, and commits the beginning of the
// log for every group: that fixes where the group starts, and the note beside the offsets keeps what Kafka has no place for.
func (s *session) Declare(ctx context.Context, t drivers.Topic) error {
	if err := s.declare(ctx, t); err != nil {
		return fmt.Errorf("declare topic %q: %w", t.Name, whole(ctx, err))
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
	if err := s.persist(ctx, func(ctx context.Context) error { return s.declareTopic(ctx, t) }); err != nil {
		return err
	}
	if err := s.persist(ctx, func(ctx context.Context) error { return s.everywhere(ctx, t) }); err != nil {
		return err
	}
	if t.Model == drivers.Broadcast {
		return nil
	}
	for _, g := range t.Groups {
		if err := s.persist(ctx, func(ctx context.Context) error { return s.declareGroup(ctx, t, g) }); err != nil {
			return fmt.Errorf("group %q: %w", g.Name, err)
		}
	}
	return nil
}

// topicConfig is what the topic is made with.
func (s *session) topicConfig(t drivers.Topic) map[string]string {
	guarantee := wanted(s.cfg)
	config := map[string]string{
		"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1",
		"unclean.leader.election.enable": "false",
		"min.insync.replicas":            strconv.Itoa(insync(guarantee, t)),
		"max.message.bytes":              strconv.Itoa(s.set.maxMessage),
	}
	if guarantee == drivers.Durable {
		config["flush.messages"] = "1"
	}
	return config
}

func (s *session) declareTopic(ctx context.Context, t drivers.Topic) error {
	config := make(map[string]*string)
	for name, value := range s.topicConfig(t) {
		config[name] = &value
	}
	_, err := s.admin.CreateTopic(ctx, int32(t.Shards), int16(t.Replicas), config, t.Name)
	switch {
	case errors.Is(err, kerr.TopicAlreadyExists):
		return s.difference(ctx, t)
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return fmt.Errorf("%d replicas are more than the cluster has brokers: lower the topic's replicas or use more nodes: %w", t.Replicas, err)
	default:
		return err
	}
}

// difference names the settings in which the topic that exists differs from the one that is wanted.
func (s *session) difference(ctx context.Context, t drivers.Topic) error {
	have, err := s.topic(ctx, s.client, t)
	if err != nil {
		return err
	}
	config, err := s.topicConfigs(ctx, t)
	if err != nil {
		return err
	}
	var diffs []string
	compare := func(setting string, have, want any) {
		if have != want {
			diffs = append(diffs, fmt.Sprintf("%s %v instead of %v", setting, have, want))
		}
	}
	compare("partitions", len(have.Partitions), t.Shards)
	compare("replicas", have.Partitions.NumReplicas(), t.Replicas)
	want := s.topicConfig(t)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		compare(name, config[name], want[name])
	}
	if diffs == nil {
		return nil
	}
	return fmt.Errorf("the topic exists with %s: delete it first or take another name", strings.Join(diffs, ", "))
}

// topicConfigs are the topic's settings by the broker's own word.
func (s *session) topicConfigs(ctx context.Context, t drivers.Topic) (map[string]string, error) {
	all, err := s.admin.DescribeTopicConfigs(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string)
	for _, topic := range all {
		if topic.Err != nil {
			return nil, topic.Err
		}
		for _, c := range topic.Configs {
			out[c.Key] = c.MaybeValue()
		}
	}
	return out, nil
}

// topic is what c's broker says about t.
func (s *session) topic(ctx context.Context, c *client, t drivers.Topic) (kadm.TopicDetail, error) {
	all, err := c.admin.Metadata(ctx, t.Name)
	if err != nil {
		return kadm.TopicDetail{}, err
	}
	topic, ok := all.Topics[t.Name]
	if !ok {
		return topic, kerr.UnknownTopicOrPartition
	}
	return topic, topic.Err
}

// everywhere tells whether every broker knows a leader and all replicas in sync for each partition, and whether the leaders know that they
// are: a broker tells of a topic before it has opened its logs. One that lags behind would refuse the first messages, or the first
// fault would find followers that have nothing.
func (s *session) everywhere(ctx context.Context, t drivers.Topic) error {
	all, err := s.admin.BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	for _, b := range all.Brokers {
		request := kmsg.NewPtrMetadataRequest()
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &t.Name
		request.Topics = append(request.Topics, topic)
		answer, err := request.RequestWith(ctx, s.Broker(int(b.NodeID)))
		if err != nil {
			return fmt.Errorf("ask broker %d: %w", b.NodeID, err)
		}
		for _, topic := range answer.Topics {
			if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
				return fmt.Errorf("broker %d: %w", b.NodeID, err)
			}
			if len(topic.Partitions) < t.Shards {
				return fmt.Errorf("broker %d knows %d of %d partitions: %w", b.NodeID, len(topic.Partitions), t.Shards, errUnsettled)
			}
			for _, p := range topic.Partitions {
				if p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
					return fmt.Errorf("partition %d at broker %d: leader %d, %d of %d replicas in sync: %w",
						p.Partition, b.NodeID, p.Leader, len(p.ISR), len(p.Replicas), errUnsettled)
				}
			}
		}
	}
	_, err = s.ends(ctx, s.client, t)
	return err
}

// note is kept beside the offsets of a group: what Kafka has no setting for.
func note(t drivers.Topic, g drivers.Group) string {
	return "ordeal: " + t.Model.String() + ", acks " + g.Ack.String()
}

func (s *session) declareGroup(ctx context.Context, t drivers.Topic, g drivers.Group) error {
	want, id := note(t, g), groupID(t, g.Name)
	have, err := s.admin.FetchOffsetsForTopics(ctx, id, t.Name)
	if err != nil {
		return err
	}
	var begin kadm.Offsets
	for shard := range int32(t.Shards) {
		o, ok := have.Lookup(t.Name, shard)
		switch {
		case ok && o.Err != nil:
			return o.Err
		case ok && o.At >= 0 && o.Metadata != want:
			return fmt.Errorf("the group exists as %q instead of %q: delete the topic first", o.Metadata, want)
		case !ok || o.At < 0:
			begin.Add(kadm.Offset{Topic: t.Name, Partition: shard, At: 0, LeaderEpoch: -1, Metadata: want})
		}
	}
	if len(begin) == 0 {
		return nil
	}
	return s.admin.CommitAllOffsets(ctx, id, begin)
}

// persist calls try until it succeeds, fails for good, or ctx or settleLimit ends.
func (s *session) persist(ctx context.Context, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	pause := time.NewTicker(settlePause)
	defer pause.Stop()
	for {
		err := once(ctx, try)
		again := passing(err) || errors.Is(err, context.DeadlineExceeded)
		if err == nil || !again || ctx.Err() != nil {
			return whole(ctx, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-pause.C:
		}
	}
}

// once bounds one try.
func once(ctx context.Context, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	return try(ctx)
}

// Delete removes the topic and its groups. A group that still has members goes when they do: the broker drops one without offsets.
func (s *session) Delete(ctx context.Context, t drivers.Topic) error {
	if err := s.remove(ctx, t); err != nil {
		return fmt.Errorf("delete topic %q: %w", t.Name, whole(ctx, err))
	}
	return nil
}

func (s *session) remove(ctx context.Context, t drivers.Topic) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	err := s.persist(ctx, func(ctx context.Context) error {
		_, err := s.admin.DeleteTopic(ctx, t.Name)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, g := range t.Groups {
		err := s.persist(ctx, func(ctx context.Context) error {
			_, err := s.admin.DeleteGroup(ctx, groupID(t, g.Name))
			if errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, kerr.NonEmptyGroup) {
				return nil
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("group %q: %w", g.Name, err)
		}
	}
	return nil
}
