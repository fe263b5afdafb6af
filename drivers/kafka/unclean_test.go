package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
	"ordeal/faults"
)

// TestUncleanElection makes a replica that is behind the leader, as a broker does that is told to prefer service over messages: half of what a
// group has read is gone, and other messages stand in its place. Whoever joins the group then is told of it, and the next one reads on where
// the logs part. The offset alone would tell nothing: the new log is longer than what was read.
func TestUncleanElection(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster of three takes a while; make unit runs it, also in CI")
	}
	c := startKafka(t, 3, nil)
	node := func(broker int) faults.Node { return c.Nodes()[broker-1] }
	cfg := drivers.Config{Servers: c.Servers()}
	s, topic := filled(t, cfg, 1, 2, 100, 100)
	yes := "true"
	_, err := s.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "unclean.leader.election.enable", Value: &yes}}, topic.Name)
	must(t, err)
	var place kadm.AlterPartitionAssignmentsReq
	place.Assign(topic.Name, 0, []int32{1, 2})
	_, err = s.admin.AlterPartitionAssignments(t.Context(), place)
	must(t, err)
	// state waits until all that are alive tell of a leader, and of the replicas that are in sync with it. Each look has a client of its own, for brokers come and go.
	state := func(alive []int, leader int32, insync ...int32) {
		t.Helper()
		is := "nothing is known"
		look := func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			opened, err := New().Open(ctx, cfg, drivertest.Env("looks"))
			if err != nil {
				is = err.Error()
				return false
			}
			look := opened.(*session)
			defer look.Close(ctx) //nolint:errcheck // it only looked
			if len(insync) == 1 {
				look.admin.ElectLeaders(ctx, kadm.ElectLiveReplica, kadm.TopicsSet{topic.Name: {0: {}}}) //nolint:errcheck // it is looked for
			}
			d, err := look.topic(ctx, look.client, topic)
			is = fmt.Sprintf("%+v, %v", d.Partitions, err)
			return err == nil && d.Partitions[0].Leader == leader && slices.Equal(slices.Sorted(slices.Values(d.Partitions[0].ISR)), insync) &&
				known(t, look, topic, leader, alive...)
		}
		for end := time.Now().Add(time.Minute); !look(); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("broker %d does not come to lead with %v in sync: %s", leader, insync, is)
			}
		}
	}
	eventually(t, func() bool {
		elected, err := s.admin.ElectLeaders(t.Context(), kadm.ElectPreferredReplica, kadm.TopicsSet{topic.Name: {0: {}}})
		must(t, err)
		e := elected[topic.Name][0].Err
		return e == nil || errors.Is(e, kerr.ElectionNotNeeded)
	})
	state([]int{1, 2, 3}, 1, 1, 2)

	must(t, node(2).Signal(t.Context(), faults.Kill))
	state([]int{1, 3}, 1, 1)
	fill(t, connect(t, cfg), topic, 100, 100, 100)
	first := join(t, cfg, topic, 0, drivertest.Dial)
	inOrder(t, first, 200, map[int32]int{})
	must(t, first.Close(t.Context()))

	must(t, node(1).Signal(t.Context(), faults.Kill))
	must(t, node(2).Start(t.Context()))
	must(t, node(2).Ready(t.Context()))
	state([]int{2, 3}, 2, 2)
	fill(t, connect(t, cfg), topic, 1000, 300, 100)

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dst := make([]drivers.Delivery, 1000)
	n, err := join(t, cfg, topic, 0, drivertest.Dial).Receive(ctx, dst)
	if n != 0 || !errors.Is(err, errGone) || !strings.Contains(err.Error(), "read up to 199 and its new leader has other messages from 100 on") {
		t.Errorf("%d messages, %v", n, err)
	}
	at := map[int32]int{0: 1000}
	inOrder(t, join(t, cfg, topic, 0, drivertest.Dial), 300, at)
}
