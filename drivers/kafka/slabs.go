package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// slabs lends the library the memory of a consumer's records. A record is twice as large as a small message, and of no use once its
// delivery is made: what Kafka said of it is copied then, and its key and body are elsewhere. Whoever makes the delivery recycles the
// record.
type slabs struct{ pool sync.Pool }

var _ kgo.PoolRecords = (*slabs)(nil)

// GetRecords is the library's, for one batch of the broker's.
func (s *slabs) GetRecords(n int) []kgo.Record {
	if slab, ok := s.pool.Get().(*[]kgo.Record); ok && cap(*slab) >= n {
		return *slab
	}
	return make([]kgo.Record, n)
}

// PutRecords is the library's, once all records of a batch are recycled.
func (s *slabs) PutRecords(slab []kgo.Record) { s.pool.Put(&slab) }
