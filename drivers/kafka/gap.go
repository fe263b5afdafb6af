package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// errGone says that messages are not in the log any more.
var errGone = errors.New("the broker no longer has them")

// missed says why a shard cannot be read on from an offset, and from where it can: from its oldest message where those before it were
// deleted unread, from its end where the log has become shorter than what was read of it. When neither is so, as for a moment while a
// leader changes, ok is false. Nothing of this is left to the library, which would go on without a word.
func (s *session) missed(ctx context.Context, t drivers.Topic, shard int32, at int64) (resume int64, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	spans, err := s.spans(ctx, t)
	if err != nil {
		return 0, false, err
	}
	if int(shard) >= len(spans) {
		return 0, false, errShard
	}
	switch span := spans[shard]; {
	case at < span.start:
		return span.start, true, fmt.Errorf("%d messages of shard %d, from %d to %d, were deleted before they were read%s: %w",
			span.start-at, shard, at, span.start-1, s.retention(ctx, t), errGone)
	case at > span.end:
		return span.end, true, fmt.Errorf("shard %d was read up to %d and now ends before %d, so the broker has lost what it had given out: %w",
			shard, at-1, span.end, errGone)
	default:
		return 0, false, fmt.Errorf("shard %d could not be read at %d although the broker has %d to %d", shard, at, span.start, span.end-1)
	}
}

// gap explains an error in the reading of a shard, and whether and from where the shard can be read on. Such an error is that a new
// leader's log parts from what was read (KIP-320): an election took what had been given out, and nobody has read what was written in its
// place.
func (s *session) gap(ctx context.Context, t drivers.Topic, p *progress, err error) (resume int64, ok bool, explained error) {
	var loss *kgo.ErrDataLoss
	switch {
	case errors.As(err, &loss):
		return loss.ResetTo, true, fmt.Errorf(
			"shard %d was read up to %d and its new leader has other messages from %d on, so the broker has lost what it had given out: %w: %w",
			p.shard, loss.ConsumedTo-1, loss.ResetTo, errGone, loss)
	case errors.Is(err, kerr.OffsetOutOfRange):
		return s.missed(ctx, t, p.shard, max(p.began, p.fetched))
	default:
		return 0, false, advised(err)
	}
}

// retention names the settings by which a broker deletes messages, as it has them now.
func (s *session) retention(ctx context.Context, t drivers.Topic) string {
	config, err := s.topicConfigs(ctx, t)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (retention.ms is %s, retention.bytes is %s, cleanup.policy is %s, else somebody deleted them by hand)",
		config["retention.ms"], config["retention.bytes"], config["cleanup.policy"])
}
