// Package shards chooses the shard of a message for brokers that know no partitioner of their own, so that the same messages are spread in
// the same way over each of them.
package shards

import (
	"errors"

	"ordeal/drivers"
)

// ErrNone says that the topic has no such shard. A send that fails with it has not happened.
var ErrNone = errors.New("no such shard")

// Picker picks the shards of one producer's messages. The zero value is ready. One goroutine at a time uses it.
type Picker struct {
	// turn is the one taken last, before it is divided by the number of shards.
	turn uint32
}

// Pick returns the shard of m in a topic of so many shards, at least 1: the one that m names, else that of its key, else the next in turn.
// Its error is ErrNone, where m names one that the topic does not have.
func (p *Picker) Pick(m *drivers.Message, shards int) (int32, error) {
	shard := m.Shard
	switch {
	case shard != drivers.AnyShard:
	case len(m.Key) > 0:
		return drivers.ShardOf(m.Key, shards), nil
	default:
		p.turn++
		return int32(p.turn % uint32(shards)), nil
	}
	if shard < 0 || int(shard) >= shards {
		return 0, ErrNone
	}
	return shard, nil
}
