package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// TestTransactions commits a batch, fails one, and leaves one open: a consumer gets the first and nothing else, and the broker's count says
// that nothing is left.
func TestTransactions(t *testing.T) {
	c := startKafka(t, 1, nil)
	r := newRig(t, c.Servers(), drivers.Durable, map[string]string{optTransactions: "true", optMaxMessage: "2000"})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.send(1, "one", "two"))
	r.want(1, drivers.Acked, nil)
	r.want(2, drivers.Acked, nil)
	if r.of(1).Position != drivers.At(0) || r.of(2).Position != drivers.At(1) {
		t.Errorf("positions %s and %s", r.of(1).Position, r.of(2).Position)
	}
	must(r.send(3, "three", strings.Repeat("x", 3000)))
	r.want(3, drivers.Rejected, errAborted)
	if r.of(4).Outcome != drivers.Rejected {
		t.Errorf("a message that is too large is %s", r.of(4).Outcome)
	}
	must(r.send(5, "five"))
	r.want(5, drivers.Acked, nil)

	consumer, err := r.Consumer(t.Context(), drivers.ConsumerSpec{Topic: r.topic, Group: r.topic.Groups[0]})
	must(err)
	var got []string
	dst := make([]drivers.Delivery, 10)
	for len(got) < 3 {
		n, err := consumer.Receive(t.Context(), dst)
		must(err)
		for _, d := range dst[:n] {
			got = append(got, string(d.Body))
		}
		must(consumer.Ack(t.Context(), dst[:n]))
	}
	if strings.Join(got, " ") != "one two five" {
		t.Errorf("received %q", got)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if n, err := consumer.Receive(short, dst); n > 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("received %d more, %v", n, err)
	}
	depth(t, r.session, r.topic, 0)
	if ends, err := r.End(t.Context(), r.topic); !errors.Is(err, drivers.ErrNoEnd) {
		t.Errorf("the last offset is a marker's, and yet the end is %v, %v", ends, err)
	}
	r.replayedAll("one", "two", "five")
}

// replayedAll replays the only shard until its fence is passed, and wants these bodies and no other.
func (r *rig) replayedAll(want ...string) {
	r.Helper()
	c, err := r.Replay(r.Context(), r.topic, 0, drivers.Position{})
	must(r.T, err)
	defer c.Close(r.Context()) //nolint:errcheck // it was only read
	ctx, passed := context.WithTimeout(r.Context(), 20*time.Second)
	defer passed()
	fence := make(chan error, 1)
	go func() {
		fence <- c.(drivers.Fencer).Fence(ctx)
		passed()
	}()
	var got []string
	dst := make([]drivers.Delivery, 1)
	for {
		n, err := c.Receive(ctx, dst)
		if err != nil {
			break
		}
		for _, d := range dst[:n] {
			got = append(got, string(d.Body))
		}
	}
	if err := <-fence; err != nil || !slices.Equal(got, want) {
		r.Errorf("a replay gave %q, want %q; its fence: %v", got, want, err)
	}
}

// TestTransactionsInARow begins each while the broker may still be writing the end of the one before to the shards, which it would answer by
// CONCURRENT_TRANSACTIONS.
func TestTransactionsInARow(t *testing.T) {
	c := startKafka(t, 1, nil)
	r := newRig(t, c.Servers(), drivers.Durable, map[string]string{optTransactions: "true"})
	for i := range uint64(300) {
		must(t, r.send(2*i, "one", "two"))
		r.want(2*i, drivers.Acked, nil)
		r.want(2*i+1, drivers.Acked, nil)
	}
}

// depth waits until the broker counts n messages for the topic's first group.
func depth(t *testing.T, s *session, topic drivers.Topic, n int64) {
	t.Helper()
	eventually(t, func() bool {
		have, err := s.Depth(t.Context(), topic, topic.Groups[0].Name)
		if err != nil {
			t.Fatal(err)
		}
		return have == n
	})
}

// produceOpen sends a message in the transaction that is open, and waits until the broker has it.
func (p *producer) produceOpen(t *testing.T, body string) {
	t.Helper()
	record := &kgo.Record{Topic: p.spec.Topic.Name, Value: []byte(body)}
	if err := p.client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
