package kafka

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// together bounds how many receipts share one clock reading, and so how late the last of them can be told.
const together = 64

// tally knows whether more promises of acknowledged records are to follow at once. The library calls them one by one and does not say
// which is an answer's last. It tells its hooks of every batch that a broker has taken, once the promises of that batch are in its queue,
// and of no other: what it has told of and not called yet will come without waiting for anything.
type tally struct {
	acked  atomic.Int64
	landed int64 // that of the goroutine which calls promises
}

var _ kgo.HookProduceBatchWritten = (*tally)(nil)

// OnProduceBatchWritten is called by the library.
func (t *tally) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, batch kgo.ProduceBatchMetrics) {
	t.acked.Add(int64(batch.NumRecords))
}

// more counts the promise of an acknowledged record, and tells whether another is sure to follow.
func (t *tally) more() bool {
	t.landed++
	return t.landed%together != 0 && t.landed < t.acked.Load()
}
