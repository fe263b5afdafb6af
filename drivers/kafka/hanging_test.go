package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// TestBehindOpenTransaction commits a message behind a transaction that is open. Nobody can read it yet, and it is there: the broker's count
// has it, and a replay that was asked for everything waits for it.
func TestBehindOpenTransaction(t *testing.T) {
	r := newRig(t, startKafka(t, 1, nil).Servers(), drivers.Durable, map[string]string{optTransactions: "true"})
	open := r.producer.(*producer)
	must(t, open.begin(t.Context()))
	open.produceOpen(t, "open")

	other, err := New().Open(t.Context(), r.cfg, drivertest.Env("other"))
	must(t, err)
	t.Cleanup(func() { other.Close(context.Background()) })
	r.producer, err = other.Producer(t.Context(), drivers.ProducerSpec{Topic: r.topic, Guarantee: drivers.Durable, Window: 4}, r.settle)
	must(t, err)
	must(t, r.send(1, "behind"))
	r.want(1, drivers.Acked, nil)

	if n, err := r.Depth(t.Context(), r.topic, r.topic.Groups[0].Name); err != nil || n < 2 {
		t.Errorf("%d messages are left, %v; want the open one and that behind it at least", n, err)
	}
	replay, err := r.Replay(t.Context(), r.topic, 0, drivers.Position{})
	must(t, err)
	defer replay.Close(t.Context()) //nolint:errcheck // it was only read
	fence := make(chan error, 1)
	go func() { fence <- replay.(drivers.Fencer).Fence(t.Context()) }()
	if got := hand(t, replay, 1, 300*time.Millisecond); len(got) > 0 {
		t.Fatalf("what is behind an open transaction was read: %q", got[0].Body)
	}
	select {
	case err := <-fence:
		t.Fatalf("everything is said to have come, and nothing has: %v", err)
	default:
	}
	must(t, open.abort(t.Context()))
	if got := hand(t, replay, 1, 20*time.Second); len(got) != 1 || string(got[0].Body) != "behind" {
		t.Fatalf("received %v", got)
	}
	if more := hand(t, replay, 1, 300*time.Millisecond); len(more) > 0 { // passes over the ends of the transactions
		t.Errorf("received %q", more[0].Body)
	}
	must(t, <-fence)
}

// TestCutTransaction interrupts a Send whose messages the broker has and whose transaction nobody has ended. When its producer is closed
// nothing is open any more, so that nobody has to wait for what other producers committed behind it.
func TestCutTransaction(t *testing.T) {
	r := bareRig(t, drivers.Config{
		Servers: startKafka(t, 1, nil).Servers(), Guarantee: drivers.Durable, Options: drivers.Options{optTransactions: "true"},
	})
	must(t, r.Declare(t.Context(), r.topic))
	line := &held{}
	s, err := New().Open(t.Context(), r.cfg, drivers.Env{Dial: line.dial, Logger: quiet(), Name: "held"})
	must(t, err)
	t.Cleanup(func() { s.Close(context.Background()) })
	p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: r.topic, Guarantee: drivers.Durable, Window: 4}, r.settle)
	must(t, err)

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	line.gate.Lock()
	go func() {
		defer line.gate.Unlock()
		defer interrupt()
		for {
			if ends, err := r.ends(t.Context(), r.client, r.topic); err != nil || ends[0] > 0 {
				return
			}
		}
	}()
	sent := p.Send(ctx, []drivers.Message{{Token: 1, Body: []byte("cut")}})
	if !errors.Is(sent, context.Canceled) {
		t.Errorf("an interrupted Send says %v", sent)
	}
	if outcome := r.of(1).Outcome; outcome != drivers.Unknown {
		t.Errorf("its message is %s", outcome)
	}
	must(t, p.Close(t.Context()))
	if readable, end := r.readable(); readable != end || end == 0 {
		t.Errorf("the log ends at %d, and can be read up to %d: a transaction is open", end, readable)
	}
}

// readable is the offset up to which what was committed can be read, with that of the end.
func (r *rig) readable() (readable, end int64) {
	r.Helper()
	listed, err := r.admin.ListCommittedOffsets(r.Context(), r.topic.Name)
	must(r.T, err)
	committed, err := offsets(listed, r.topic)
	must(r.T, err)
	ends, err := r.ends(r.Context(), r.client, r.topic)
	must(r.T, err)
	return committed[0], ends[0]
}

// TestVanishedTransaction lets a producer vanish in mid-transaction for good. The broker ends it before a drain gives up.
func TestVanishedTransaction(t *testing.T) {
	c := startKafka(t, 1, map[string]string{"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"})
	r := newRig(t, c.Servers(), drivers.Durable, map[string]string{optTransactions: "true", optRequestTimeout: "1s"})
	p := r.producer.(*producer)
	must(t, p.begin(t.Context()))
	p.produceOpen(t, "open")
	if readable, end := r.readable(); readable != 0 || end != 1 {
		t.Fatalf("the log ends at %d, and can be read up to %d", end, readable)
	}
	p.client.line.cut()
	eventually(t, func() bool {
		readable, end := r.readable()
		return readable == end
	})
	if most := (&settings{requestTimeout: time.Minute}).transactionTimeout(); most != 40*time.Second {
		t.Errorf("a transaction may take %s, which is longer than the library's own patience", most)
	}
}
