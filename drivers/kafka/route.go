package kafka

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// route picks the partition: that of the message where it names one, else the library's choice, which is that of the Java client
// (murmur2 of the key; without a key one partition for each batch).
type route struct{ open kgo.Partitioner }

func newRoute() route { return route{open: kgo.StickyKeyPartitioner(nil)} }

// ForTopic is the library's.
func (r route) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicRoute{open: r.open.ForTopic(topic)}
}

type topicRoute struct{ open kgo.TopicPartitioner }

// RequiresConsistency keeps the library from choosing among the partitions that have a leader at the moment.
func (t *topicRoute) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition != drivers.AnyShard || t.open.RequiresConsistency(r)
}

// Partition is the library's.
func (t *topicRoute) Partition(r *kgo.Record, n int) int {
	if r.Partition != drivers.AnyShard {
		return int(r.Partition)
	}
	return t.open.Partition(r, n)
}

// OnNewBatch lets the library change the partition of messages without a key.
func (t *topicRoute) OnNewBatch() {
	if sticky, ok := t.open.(kgo.TopicPartitionerOnNewBatch); ok {
		sticky.OnNewBatch()
	}
}

// groupID is a group's name on the broker, where groups are not a topic's own.
func groupID(t drivers.Topic, group string) string { return t.Name + "." + group }

// checkTopic refuses what cannot be a topic.
func checkTopic(t drivers.Topic) error {
	switch {
	case t.Shards < 1:
		return fmt.Errorf("it has %d shards: give it at least 1", t.Shards)
	case !regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`).MatchString(t.Name):
		return fmt.Errorf("the topic name %q: use at most 249 letters, digits, '-' and '_'", t.Name)
	case t.Model == drivers.Queue && len(t.Groups) > 1:
		return fmt.Errorf("a queue has one copy of each message, so it cannot have %d groups: make it a log", len(t.Groups))
	}
	for _, g := range t.Groups {
		if g.Name == "" {
			return errors.New("a group has no name")
		}
	}
	return nil
}
