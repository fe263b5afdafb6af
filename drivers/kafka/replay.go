package kafka

import (
	"context"
	"fmt"

	"ordeal/drivers"
)

var _ drivers.Replayer = (*session)(nil)

// Replay reads the partition itself, without a group; that of a queue is a log, too. A broadcast promises to keep nothing, so it is not
// replayed. With transactions Replay reads what was committed.
func (s *session) Replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
	l, err := s.replay(ctx, t, shard, from)
	if err != nil {
		return nil, fmt.Errorf("replay shard %d of topic %q: %w", shard, t.Name, whole(ctx, err))
	}
	return l, nil
}

func (s *session) replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (*listener, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if t.Model == drivers.Broadcast {
		return nil, fmt.Errorf("it is a broadcast: %w", drivers.ErrNoReplay)
	}
	spans, err := s.spans(ctx, t)
	if err != nil {
		return nil, err
	}
	if shard < 0 || shard >= len(spans) {
		return nil, errShard
	}
	at, err := spans[shard].place(from)
	if err != nil {
		return nil, err
	}
	l := &listener{session: s, what: fmt.Sprintf("replay shard %d of topic %q", shard, t.Name), topic: t}
	if err := l.start(map[int32]int64{int32(shard): at}); err != nil {
		return nil, err
	}
	return l, s.keep(ctx, l)
}

// span is what the broker holds of a partition: the offset of the oldest message and that after the last.
type span struct{ start, end int64 }

// place is the offset at which a replay from a position begins.
func (s span) place(from drivers.Position) (int64, error) {
	at := int64(from.Minor)
	switch {
	case !from.Known:
		return s.start, nil
	case from.Major != 0 || at < 0:
		return 0, fmt.Errorf("%s is not a position of Kafka's", from)
	case at < s.start:
		return 0, fmt.Errorf("the message at %d is no longer there: the oldest is at %d: %w", at, s.start, errGone)
	case at > s.end:
		return 0, fmt.Errorf("there is no message at %d: the shard ends before %d: %w", at, s.end, errGone)
	default:
		return at, nil
	}
}

// spans are those of all partitions.
func (s *session) spans(ctx context.Context, t drivers.Topic) ([]span, error) {
	ends, err := s.ends(ctx, s.client, t)
	if err != nil {
		return nil, err
	}
	listed, err := s.admin.ListStartOffsets(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	starts, err := offsets(listed, t)
	if err != nil {
		return nil, err
	}
	out := make([]span, min(len(ends), len(starts)))
	for i := range out {
		out[i] = span{start: starts[i], end: max(ends[i], starts[i])}
	}
	return out, nil
}
