package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// TestTally: only what the library has told of is promised, and never for long.
func TestTally(t *testing.T) {
	var tally tally
	told := func(n int) {
		tally.OnProduceBatchWritten(kgo.BrokerMetadata{}, "", 0, kgo.ProduceBatchMetrics{NumRecords: n})
	}
	// Each step is how many records the library tells of, and what the next promises say.
	for step, s := range []struct {
		told int
		want []bool
	}{
		{0, []bool{false}},           // called before it was told of
		{3, []bool{true, false}},     // the rest of it
		{1, []bool{false}},           // alone
		{0, []bool{false, false}},    // again before
		{2 + 2, []bool{true, false}}, // their own, and one more
		{100, append(repeat(true, 55), append([]bool{false}, append(repeat(true, 43), false)...)...)},
	} {
		told(s.told)
		for i, want := range s.want {
			if got := tally.more(); got != want {
				t.Fatalf("step %d, promise %d: %v, want %v", step, i, got, want)
			}
		}
	}
}

func repeat(b bool, n int) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = b
	}
	return out
}

// TestReceiptsComeTogether: receipts of a real broker's answers promise others, and the last of all does not.
func TestReceiptsComeTogether(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	for _, guarantee := range []drivers.Guarantee{drivers.Sent, drivers.Accepted, drivers.Replicated} {
		r := bareRig(t, drivers.Config{Servers: server, Guarantee: guarantee})
		r.topic.Name += guarantee.String()
		r.topic.Shards = 3
		must(t, r.Declare(t.Context(), r.topic))
		const sends, size = 30, 3000
		promises, failed, last := 0, 0, false
		p, err := r.Producer(t.Context(), drivers.ProducerSpec{Topic: r.topic, Guarantee: guarantee, Window: size}, func(r drivers.Receipt) {
			if last = r.More; last {
				promises++
			}
			if r.Outcome != drivers.Acked {
				failed++
			}
		})
		must(t, err)
		batch := make([]drivers.Message, size)
		for range sends {
			for i := range batch {
				batch[i] = drivers.Message{Token: uint64(i), Shard: int32(i % r.topic.Shards), Body: []byte("x")}
			}
			must(t, p.Send(t.Context(), batch))
			must(t, p.Flush(t.Context()))
			if last {
				t.Errorf("%s: the last of %d receipts promises another", guarantee, size)
			}
		}
		t.Logf("%s: %d of %d receipts promise another", guarantee, promises, sends*size)
		if failed > 0 || promises == 0 && guarantee != drivers.Sent { // without answers the library tells of a batch when it is settled
			t.Errorf("%s: %d of %d receipts promise another, %d are not acked", guarantee, promises, sends*size, failed)
		}
		must(t, p.Close(t.Context()))
	}
}
