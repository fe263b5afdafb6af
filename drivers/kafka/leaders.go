package kafka

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// seek looks for the leaders of shards that have none, until the intake ends, and rests between two looks.
func (f *fetcher) seek() {
	for f.ctx.Err() == nil {
		leaderless := f.positions.of(noLeader)
		if len(leaderless) == 0 {
			select {
			case <-f.positions.seeking:
			case <-f.ctx.Done():
			}
			continue
		}
		if err := f.find(leaderless); err != nil {
			f.hand(*f.stop(leaderless[0], err))
		}
		f.rest()
	}
}

// find asks for the leaders. What may be otherwise in a moment is no error.
func (f *fetcher) find(leaderless []*position) error {
	request := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &f.topic
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(f.ctx, f.client.Client)
	if err != nil || len(answer.Topics) == 0 {
		f.logger.Debug("kafka consumer finds no leader", "topic", f.topic, "error", err)
		return nil // any broker may be asked, and none may be there for a while
	}
	told, none := answer.Topics[0], [16]byte{}
	switch err := kerr.ErrorForCode(told.ErrorCode); {
	case kerr.IsRetriable(err):
		return nil
	case err != nil:
		return err
	case !f.told:
		f.told, f.id = true, told.TopicID
	case f.id != none && told.TopicID != none && told.TopicID != f.id:
		return kerr.UnknownTopicID // of this name there is another topic by now
	}
	leaders := make(map[int32]*kmsg.MetadataResponseTopicPartition)
	for i := range told.Partitions {
		leaders[told.Partitions[i].Partition] = &told.Partitions[i]
	}
	for _, p := range leaderless {
		if l := leaders[p.of.shard]; l != nil && l.ErrorCode == 0 && l.Leader >= 0 && p.believes(l.LeaderEpoch) {
			p.checked = false
			if call, fresh := f.positions.settle(p, l.Leader); fresh {
				f.loops.Go(func() { f.serve(l.Leader, call) })
			}
		}
	}
	return nil
}

// believes takes the epoch of a leader for the present one, unless it is older than one that was told before: a broker that was cut off
// from the others tells what was once true. When it is told again and again it is true, as after an unclean election; no number at all is
// never believed, because nothing could be checked then. The library has the same rules (mergeTopicPartitions in its metadata.go).
func (p *position) believes(leaderEpoch int32) bool {
	const enough = 5
	switch {
	case leaderEpoch < 0 && p.leaderEpoch >= 0:
		return false
	case leaderEpoch < p.leaderEpoch && p.rewound < enough:
		p.rewound++
		return false
	}
	p.leaderEpoch, p.rewound = leaderEpoch, 0
	return true
}

// check asks a new leader whether its log has what was read from the one before (KIP-320), and tells whether the shards can be read now. An
// election may have lost it, and the leader may have written other messages in its place since: then the offset alone would tell nothing.
func (f *fetcher) check(broker int32, led []*position) bool {
	request := kmsg.NewPtrOffsetForLeaderEpochRequest()
	request.ReplicaID = -1 // a consumer
	topic := kmsg.NewOffsetForLeaderEpochRequestTopic()
	topic.Topic = f.topic
	waiting := make(map[int32]*position)
	for _, p := range led {
		if p.checked || p.epoch < 0 || p.leaderEpoch < 0 {
			continue // nothing was read, or the broker is of before Kafka 2.1
		}
		partition := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		partition.Partition, partition.CurrentLeaderEpoch, partition.LeaderEpoch = p.of.shard, p.leaderEpoch, p.epoch
		topic.Partitions = append(topic.Partitions, partition)
		waiting[p.of.shard] = p
	}
	if len(waiting) == 0 {
		return true
	}
	request.Topics = append(request.Topics, topic)
	answer, err := f.client.Broker(int(broker)).Request(f.ctx, request)
	if err != nil {
		f.retry(fmt.Errorf("ask broker %d for the ends of epochs: %w", broker, err), led)
		return false
	}
	for _, t := range answer.(*kmsg.OffsetForLeaderEpochResponse).Topics {
		for i := range t.Partitions {
			if p := waiting[t.Partitions[i].Partition]; p != nil {
				f.compare(p, &t.Partitions[i])
			}
		}
	}
	for _, p := range waiting {
		if !p.checked {
			f.positions.lose(p)
		}
	}
	return false
}

// compare holds a shard's position against where the leader's log ends in its epoch.
func (f *fetcher) compare(p *position, told *kmsg.OffsetForLeaderEpochResponseTopicPartition) {
	err := kerr.ErrorForCode(told.ErrorCode)
	switch {
	case kerr.IsRetriable(err):
		return
	case err == nil && (told.EndOffset < 0 || told.EndOffset >= p.at):
		p.checked = true // a leader that knows nothing of the epoch (-1) can say no more; if it lacks the offset, the next answer says so
		return
	case err == nil:
		err = &kgo.ErrDataLoss{
			Topic: f.topic, Partition: p.of.shard, ConsumedTo: p.at, ConsumedToEpoch: p.epoch,
			ResetTo: told.EndOffset, ResetToEpoch: told.LeaderEpoch,
		}
	}
	f.hand(*f.stop(p, err))
}
