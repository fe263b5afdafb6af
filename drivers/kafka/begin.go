package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// begin is the library's callback: these are the offsets at which the shards go on. The library is told of none: it reads nothing itself.
func (m *member) begin(ctx context.Context, at map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	offsets := make(map[int32]kgo.EpochOffset)
	for shard, offset := range at[m.spec.Topic.Name] {
		offsets[shard] = offset.EpochOffset()
	}
	if err := m.fromStart(ctx, offsets); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for shard, offset := range offsets {
		if p := m.shards[shard]; p != nil {
			p.next = max(p.next, offset.Offset)
			p.began = p.next
			m.intake.positions.add(p, p.next, offset.Epoch)
		}
	}
	return make(map[string]map[int32]kgo.Offset), nil
}

// fromStart puts the oldest message that the broker has where nothing was ever committed, which the library says by a negative offset.
func (m *member) fromStart(ctx context.Context, offsets map[int32]kgo.EpochOffset) error {
	var fresh []int32
	for shard, offset := range offsets {
		if offset.Offset < 0 {
			fresh = append(fresh, shard)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return m.session.persist(ctx, func(ctx context.Context) error {
		spans, err := m.session.spans(ctx, m.spec.Topic)
		for _, shard := range fresh {
			if err == nil && int(shard) >= len(spans) {
				err = errShard
			}
			if err == nil {
				offsets[shard] = kgo.EpochOffset{Epoch: -1, Offset: spans[shard].start}
			}
		}
		return err
	})
}
