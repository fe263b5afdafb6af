package kafka

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetcher asks brokers for what comes next in the shards of an intake. The library would ask when it has unpacked the last answer; a
// fetcher asks while that is done. One goroutine asks each broker that leads a shard, one request at a time, because a broker serves those
// of a connection one after the other. Besides what these hold, at most one answer waits to be unpacked: then nothing more is asked for, so
// a slow receiver stops the fetching.
type fetcher struct {
	client    *client
	logger    *slog.Logger
	topic     string
	limits    limits
	positions *positions
	// id is the topic's, nothing where brokers have none. It is known, and told, before the first shard has a leader, and does not change.
	id   [16]byte
	told bool

	answers chan []piece
	ctx     context.Context //nolint:containedctx // it is the life of the intake
	loops   sync.WaitGroup
}

// limits bound an answer.
type limits struct {
	wait           time.Duration
	bytes, ofShard int32
	committed      bool
}

// limits are those of every consumer.
func (s *session) limits() limits {
	const most = 5 << 20 // of one answer; more is asked for while this is being read
	// A request that waits for messages keeps a shard that was given to the member meanwhile from being asked for. This is the wait
	// of Kafka's own client.
	const longest = 500 * time.Millisecond
	return limits{
		wait: min(longest, s.set.requestTimeout/2), bytes: max(most, int32(s.set.maxMessage)), ofShard: 1 << 20, committed: s.set.transactions,
	}
}

// serve asks one broker for all shards that it leads, until the intake ends.
func (f *fetcher) serve(broker int32, call chan struct{}) {
	for f.ctx.Err() == nil {
		led := f.positions.of(broker)
		if len(led) == 0 {
			select {
			case <-call:
			case <-f.ctx.Done():
			}
			continue
		}
		if !f.check(broker, led) {
			continue
		}
		answer, err := f.ask(broker, led)
		if err != nil {
			f.retry(err, led)
			continue
		}
		f.sort(led, answer)
	}
}

// ask makes a request without a session of KIP-227, which saves bytes only where one answer has few of many shards.
func (f *fetcher) ask(broker int32, led []*position) (*kmsg.FetchResponse, error) {
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes = int32(f.limits.wait.Milliseconds()), 1, f.limits.bytes
	if f.limits.committed {
		request.IsolationLevel = 1
	}
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = f.topic, f.id
	for _, p := range led {
		partition := kmsg.NewFetchRequestTopicPartition()
		partition.Partition, partition.FetchOffset, partition.CurrentLeaderEpoch = p.of.shard, p.at, p.leaderEpoch
		partition.PartitionMaxBytes = f.limits.ofShard
		topic.Partitions = append(topic.Partitions, partition)
	}
	request.Topics = append(request.Topics, topic)
	var asked kmsg.Request = request
	if f.id == [16]byte{} {
		asked = byName{request}
	}
	answer, err := f.client.Broker(int(broker)).Request(f.ctx, asked)
	if err != nil {
		return nil, err
	}
	got := answer.(*kmsg.FetchResponse)
	return got, kerr.ErrorForCode(got.ErrorCode)
}

// byName is a request to a broker that gave the topic no ID, as before Kafka 2.8: from version 13 on there are no names in it (KIP-516).
type byName struct{ *kmsg.FetchRequest }

// MaxVersion is the last one with names.
func (byName) MaxVersion() int16 { return 12 }

// Timeout tells the library how long the broker may take, as it finds it out itself for a request of its own kind.
func (r byName) Timeout() int32 { return r.MaxWaitMillis }

// retry looks for the leaders anew after a request that failed. A connection that was lost has ended the intake before that.
func (f *fetcher) retry(err error, led []*position) {
	// The library keeps this error to itself (errResponseTooLarge). The next answer would be as large.
	if strings.Contains(err.Error(), "BrokerMaxReadBytes") {
		f.hand(*f.stop(led[0], err))
	}
	f.logger.Debug("kafka consumer asks again for messages", "topic", f.topic, "error", err.Error())
	f.positions.lose(led...)
}

// rest waits as long as the library between two tries.
func (f *fetcher) rest() {
	select {
	case <-time.After(retryPause):
	case <-f.ctx.Done():
	}
}
