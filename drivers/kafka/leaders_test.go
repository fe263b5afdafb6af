package kafka

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// TestLeaderMoves gives a shard one leader after the other while it is read: nothing is missed, and nobody need do anything.
func TestLeaderMoves(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster of three takes a while; make unit runs it, also in CI")
	}
	cfg := drivers.Config{Servers: startKafka(t, 3, nil).Servers()}
	s, topic := filled(t, cfg, 2, 3, 200, 100)
	member := join(t, cfg, topic, 0, drivertest.Dial)
	replay, err := s.Replay(t.Context(), topic, 0, drivers.Position{})
	must(t, err)
	all, one := map[int32]int{}, map[int32]int{}
	for i := range 4 {
		inOrder(t, member, 200, all)
		inOrder(t, replay, 100, one)
		lead(t, s, topic, int32(i%3)+1)
		fill(t, s, topic, 200*(i+1), 200, 100)
	}
}

// lead makes a broker the leader of both shards.
func lead(t *testing.T, s *session, topic drivers.Topic, broker int32) {
	t.Helper()
	var moves kadm.AlterPartitionAssignmentsReq
	for shard := range topic.Shards {
		moves.Assign(topic.Name, int32(shard), []int32{broker, broker%3 + 1, (broker+1)%3 + 1})
	}
	_, err := s.admin.AlterPartitionAssignments(t.Context(), moves)
	must(t, err)
	eventually(t, func() bool {
		elected, err := s.admin.ElectLeaders(t.Context(), kadm.ElectPreferredReplica, kadm.TopicsSet{topic.Name: {0: {}, 1: {}}})
		must(t, err)
		for shard, e := range elected[topic.Name] {
			if e.Err != nil && !errors.Is(e.Err, kerr.ElectionNotNeeded) {
				t.Logf("shard %d: %v", shard, e.Err)
				return false
			}
		}
		return known(t, s, topic, broker, 1, 2, 3)
	})
}

// known tells whether all these brokers tell of the leader: they hear of it one after the other, and a producer may ask any of them.
func known(t *testing.T, s *session, topic drivers.Topic, leader int32, brokers ...int) bool {
	t.Helper()
	for _, broker := range brokers {
		request := kmsg.NewPtrMetadataRequest()
		request.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic.Name}}
		answer, err := request.RequestWith(t.Context(), s.client.Broker(broker))
		if err != nil {
			t.Logf("broker %d: %v", broker, err)
			return false
		}
		for _, p := range answer.Topics[0].Partitions {
			if p.ErrorCode != 0 || p.Leader != leader {
				t.Logf("broker %d says that %d leads shard %d, error %d", broker, p.Leader, p.Partition, p.ErrorCode)
				return false
			}
		}
	}
	return true
}

// TestBelieves tells how often an earlier leader epoch must be told before it is believed.
func TestBelieves(t *testing.T) {
	p := position{leaderEpoch: -1}
	for i, c := range []struct {
		leaderEpoch int32
		want        bool
	}{{4, true}, {4, true}, {5, true}, {4, false}, {4, false}, {-1, false}, {5, true}, {4, false}, {4, false}, {4, false}, {4, false}, {4, false}, {4, true}} {
		if got := p.believes(c.leaderEpoch); got != c.want {
			t.Errorf("%d: leader epoch %d is believed: %v", i, c.leaderEpoch, got)
		}
	}
}
