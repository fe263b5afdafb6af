package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// together bounds how many receipts share one clock reading, and so how late the last of them can be told.
const together = 64

// tally gives receipts and says with each whether another follows at once. The library calls the promises of acknowledged records one by
// one and does not say which is an answer's last. It tells its hooks of every batch that a broker has taken, once the promises of that
// batch are in its queue, and of no other; but it does so in a goroutine, which on busy processors comes late. So a receipt that may be
// the last is kept until it is known: until another comes, or the hook.
//
// The flight's lock guards it.
type tally struct {
	settle func(drivers.Receipt)
	// told counts the acknowledged records that the hook has told of, and landed those whose promises came.
	told, landed int64
	// run is how many receipts were given since the last that promised no other.
	run int
	// kept is the receipt that may be the last, where keeps is set.
	kept  drivers.Receipt
	keeps bool
}

// give passes a receipt on, or keeps it for a moment. last tells that no other message is in flight, so that none can follow.
func (t *tally) give(r *drivers.Receipt, last bool) {
	t.release(true) // r is to follow
	if r.Outcome == drivers.Acked {
		t.landed++
	}
	switch {
	case r.Outcome != drivers.Acked || last || t.run >= together-1 || t.landed == t.told:
		t.pass(r, false)
	case t.landed < t.told:
		t.pass(r, true)
	default:
		t.kept, t.keeps = *r, true
	}
}

// hear is told of n records that the broker has taken.
func (t *tally) hear(n int) {
	t.told += int64(n)
	if t.landed == t.told {
		t.release(false)
	}
}

// release passes on what is kept.
func (t *tally) release(more bool) {
	if t.keeps {
		t.keeps = false
		t.pass(&t.kept, more)
	}
}

func (t *tally) pass(r *drivers.Receipt, more bool) {
	t.run++
	if !more {
		t.run = 0
	}
	r.More = more
	t.settle(*r)
}

// takenHook is the flight as the library's hook.
type takenHook struct{ flight *flight }

var _ kgo.HookProduceBatchWritten = takenHook{}

// OnProduceBatchWritten is called by the library.
func (h takenHook) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, batch kgo.ProduceBatchMetrics) {
	h.flight.hear(batch.NumRecords)
}
