package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

var (
	// errLost says that a connection is gone: everything in flight is unknown.
	errLost = errors.New("the connection to the broker is lost")
	// errClosed says that the producer, consumer or session was closed before.
	errClosed = ending.ErrClosed
	// errShard says that the topic has no such shard.
	errShard = errors.New("no such shard")
	// errWindow says that more messages were in flight than the producer was made for.
	errWindow = errors.New("too many messages in flight")
	// errAborted says that the broker confirmed the end of the transaction that the message was in, without its messages.
	errAborted = errors.New("the transaction was aborted")
)

// produceOutcome says what is known of a message whose promise was err. produced tells whether this client ever wrote a produce request:
// before that, no message can have got anywhere. replicated tells that the broker was to answer when its followers have the message.
//
// Rejected are the refusals of the library and of this driver before anything is sent, and those of the broker's answers that it
// gives before it appends anything (ReplicaManager.appendRecords and UnifiedLog.analyzeAndValidateRecords of Kafka 4). That it does not
// lead it also says of what it appended when it led, and waited for its followers to fetch (DelayedProduce.tryComplete), who keep it. What
// a broker may say of a topic when it is asked for metadata the library passes on for messages that were written before. All else is
// Unknown, because the library's own errors say nothing about what was written: "records have timed out before they were able to be
// produced" was seen for records that were in the log, and "record failed after being retried too many times" stands for a request
// that could not be made as well as for one whose connection went before the answer.
func produceOutcome(err error, produced, replicated bool) drivers.Outcome {
	switch {
	case err == nil:
		return drivers.Acked
	case !produced || refused(err) || !replicated && errors.Is(err, kerr.NotLeaderForPartition):
		return drivers.Rejected
	default:
		return drivers.Unknown
	}
}

// refused tells whether err means that the message was definitely not taken.
func refused(err error) bool {
	for _, never := range []error{
		errShard, errWindow, errAborted, kgo.ErrMaxBuffered,
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.CorruptMessage,
		kerr.UnsupportedForMessageFormat, kerr.UnsupportedCompressionType, kerr.PolicyViolation, kerr.InvalidRequiredAcks,
		kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed, kerr.NotEnoughReplicas, kerr.InvalidProducerEpoch,
		kerr.ProducerFenced, kerr.InvalidTxnState,
	} {
		if errors.Is(err, never) {
			return true
		}
	}
	return false
}

// passing tells whether an administrative call may succeed when it is made again, as while leaders are elected.
func passing(err error) bool {
	var broker *kerr.Error
	return errors.As(err, &broker) && broker.Retriable || errors.Is(err, errUnsettled)
}

// errUnsettled says that a topic is not everywhere yet.
var errUnsettled = errors.New("the topic is not ready on every broker yet")

// whole prefers the reason of ctx to what the library made of it, and adds advice to a broker's refusal.
func whole(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return advised(err)
}
