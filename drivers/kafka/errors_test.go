package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
	"ordeal/faults"
)

// TestProduceOutcome is the whole table of what is known after an error. Those that can be provoked are in TestProvoked.
func TestProduceOutcome(t *testing.T) {
	refusals := []error{
		errShard, errWindow, errAborted, kgo.ErrMaxBuffered, kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord,
		kerr.InvalidTimestamp, kerr.CorruptMessage, kerr.UnsupportedForMessageFormat, kerr.UnsupportedCompressionType,
		kerr.PolicyViolation, kerr.InvalidRequiredAcks, kerr.ClusterAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed,
		kerr.NotEnoughReplicas, kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidTxnState,
	}
	doubts := []error{
		errLost, errClosed, kgo.ErrRecordRetries, kgo.ErrRecordTimeout, kgo.ErrClientClosed, kgo.ErrAborting, io.EOF, net.ErrClosed,
		syscall.ECONNRESET, syscall.ECONNREFUSED, context.Canceled, context.DeadlineExceeded, kerr.RequestTimedOut,
		kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException, kerr.TopicAuthorizationFailed, // of metadata, perhaps
		kerr.FencedLeaderEpoch, kerr.NotEnoughReplicasAfterAppend, kerr.UnknownServerError, kerr.OutOfOrderSequenceNumber, kerr.KafkaStorageError,
		errors.New("an error of a library yet to come"),
	}
	check := func(err error, produced bool, want drivers.Outcome) {
		t.Helper()
		for _, replicated := range []bool{false, true} {
			if have := produceOutcome(err, produced, replicated); have != want {
				t.Errorf("%v, produced %v, replicated %v: %s, want %s", err, produced, replicated, have, want)
			}
		}
	}
	for replicated, want := range map[bool]drivers.Outcome{false: drivers.Rejected, true: drivers.Unknown} {
		if have := produceOutcome(kerr.NotLeaderForPartition, true, replicated); have != want {
			t.Errorf("not the leader, replicated %v: %s, want %s", replicated, have, want)
		}
	}
	check(nil, true, drivers.Acked)
	for _, err := range refusals {
		check(err, true, drivers.Rejected)
		check(fmt.Errorf("in the library's words: %w", err), true, drivers.Rejected)
	}
	for _, err := range doubts {
		check(err, true, drivers.Unknown)
		check(err, false, drivers.Rejected)
	}
}

// outcomes collects a producer's receipts.
type outcomes struct {
	mu       sync.Mutex
	receipts map[uint64]drivers.Receipt
}

func (o *outcomes) settle(r drivers.Receipt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.receipts[r.Token] = r
}

func (o *outcomes) of(token uint64) drivers.Receipt {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.receipts[token]
}

// rig is a session with a declared topic of one shard and a producer.
type rig struct {
	*testing.T
	*session
	*outcomes
	topic    drivers.Topic
	producer drivers.Producer
}

func newRig(t *testing.T, servers []string, guarantee drivers.Guarantee, options map[string]string) *rig {
	t.Helper()
	r := bareRig(t, drivers.Config{Servers: servers, Guarantee: guarantee, Options: options})
	must(t, r.Declare(t.Context(), r.topic))
	r.produces()
	return r
}

// bareRig has nothing declared and no producer.
func bareRig(t *testing.T, cfg drivers.Config) *rig {
	t.Helper()
	r := &rig{T: t, session: connect(t, cfg), outcomes: &outcomes{receipts: map[uint64]drivers.Receipt{}}}
	r.topic = drivers.Topic{
		Name: strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()), Shards: 1, Replicas: 1,
		Groups: []drivers.Group{{Name: "a", Members: 1, Prefetch: 100}},
	}
	return r
}

// produces makes the producer.
func (r *rig) produces() {
	r.Helper()
	spec := drivers.ProducerSpec{Topic: r.topic, Guarantee: r.cfg.Guarantee, Window: 4}
	var err error
	if r.producer, err = r.Producer(r.Context(), spec, r.settle); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) send(first uint64, bodies ...string) error {
	r.Helper()
	var batch []drivers.Message
	for i, body := range bodies {
		batch = append(batch, drivers.Message{Token: first + uint64(i), Body: []byte(body)})
	}
	if err := r.producer.Send(r.Context(), batch); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	if err := r.producer.Flush(ctx); err != nil {
		r.Fatal(err)
	}
	return nil
}

func (r *rig) want(token uint64, outcome drivers.Outcome, reason error) {
	r.Helper()
	if have := r.of(token); have.Outcome != outcome || !errors.Is(have.Err, reason) {
		r.Errorf("message %d is %s: %v; want %s: %v", token, have.Outcome, have.Err, outcome, reason)
	}
}

// stored is how many records the topic has.
func (r *rig) stored(want int64) {
	r.Helper()
	ends, err := r.ends(r.Context(), r.client, r.topic)
	if err != nil || ends[0] != want {
		r.Errorf("the log has %v records, %v; want %d", ends, err, want)
	}
}

func (r *rig) alter(setting, value string) {
	r.Helper()
	_, err := r.admin.AlterTopicConfigs(r.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: setting, Value: &value}}, r.topic.Name)
	if err != nil {
		r.Fatal(err)
	}
}

// TestProvoked makes a real broker and the library give the errors of the table, and looks into the log.
func TestProvoked(t *testing.T) {
	c := startKafka(t, 1, nil)
	t.Run("too large for the client", func(t *testing.T) {
		r := newRig(t, c.Servers(), drivers.Accepted, map[string]string{optMaxMessage: "2000"})
		if err := r.send(1, strings.Repeat("x", 3000), "small"); err != nil {
			t.Fatal(err)
		}
		r.want(1, drivers.Rejected, kerr.MessageTooLarge)
		r.want(2, drivers.Acked, nil)
		r.stored(1)
	})
	t.Run("too large for the broker", func(t *testing.T) {
		r := newRig(t, c.Servers(), drivers.Accepted, nil)
		r.alter("max.message.bytes", "1000")
		eventually(t, func() bool {
			if err := r.send(1, strings.Repeat("x", 3000)); err != nil {
				t.Fatal(err)
			}
			return r.of(1).Outcome != drivers.Acked
		})
		r.want(1, drivers.Rejected, kerr.MessageTooLarge)
		if err := r.send(2, "small"); err != nil {
			t.Fatal(err)
		}
		r.want(2, drivers.Acked, nil)
	})
	t.Run("window", func(t *testing.T) {
		r := newRig(t, c.Servers(), drivers.Accepted, nil)
		if err := r.send(1, "1", "2", "3", "4", "5"); !errors.Is(err, errWindow) {
			t.Error(err)
		}
		r.want(5, drivers.Rejected, errWindow)
		r.stored(0)
	})
	t.Run("topic deleted", func(t *testing.T) {
		r := newRig(t, c.Servers(), drivers.Accepted, nil)
		if err := r.send(1, "there"); err != nil {
			t.Fatal(err)
		}
		if err := r.Delete(t.Context(), r.topic); err != nil {
			t.Fatal(err)
		}
		if err := r.send(2, "gone"); err != nil {
			t.Fatal(err)
		}
		if r.of(2).Outcome == drivers.Acked {
			t.Error("a message to a topic that is gone was acked")
		}
	})
}

// TestNodeAway pauses and kills the only broker under producers and consumers.
func TestNodeAway(t *testing.T) {
	c := startKafka(t, 1, nil)
	n := c.Nodes()[0]
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	options := map[string]string{optRequestTimeout: "1s"}
	used := newRig(t, c.Servers(), drivers.Accepted, options)
	must(used.send(1, "before"))
	fresh := &rig{T: t, session: connect(t, used.cfg), outcomes: &outcomes{receipts: map[uint64]drivers.Receipt{}}, topic: used.topic}
	var err error
	spec := drivers.ProducerSpec{Topic: used.topic, Guarantee: drivers.Accepted, Window: 4}
	fresh.producer, err = fresh.Producer(t.Context(), spec, fresh.settle)
	must(err)
	consumer, err := connect(t, used.cfg).Consumer(t.Context(), drivers.ConsumerSpec{Topic: used.topic, Group: used.topic.Groups[0]})
	must(err)
	dst := make([]drivers.Delivery, 10)
	if k, err := consumer.Receive(t.Context(), dst); k != 1 || err != nil {
		t.Fatal(k, err)
	}

	must(n.Signal(t.Context(), faults.Pause))
	must(used.send(2, "into the silence"))
	if r := used.of(2); r.Outcome != drivers.Unknown {
		t.Errorf("a message without an answer is %s: %v", r.Outcome, r.Err)
	}
	if err := used.send(3, "after the end"); !errors.Is(err, errLost) {
		t.Errorf("a producer whose broker went silent sends: %v", err)
	}
	used.want(3, drivers.Rejected, errLost)
	if k, err := consumer.Receive(t.Context(), dst); k != 0 || !errors.Is(err, errLost) {
		t.Errorf("a consumer whose broker went silent receives %d, %v", k, err)
	}

	must(n.Signal(t.Context(), faults.Kill))
	if err := fresh.send(1, "never written"); err != nil {
		t.Fatal(err)
	}
	if r := fresh.of(1); r.Outcome != drivers.Rejected {
		t.Errorf("a message of a client that never wrote one is %s: %v", r.Outcome, r.Err)
	}
	must(n.Start(t.Context()))
	must(n.Ready(t.Context()))
	eventually(t, func() bool {
		must(fresh.send(2, "again"))
		return fresh.of(2).Outcome == drivers.Acked
	})
}

// eventually repeats try until it holds.
func eventually(t *testing.T, try func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !try(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to pass")
		}
	}
}

// TestFollowerAway asks for more replicas than are left, which the broker refuses before it appends, and goes on when they are back.
func TestFollowerAway(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster takes a while")
	}
	c := startKafka(t, 3, nil)
	r := &rig{
		T: t, session: connect(t, drivers.Config{Servers: c.Servers(), Guarantee: drivers.Replicated}),
		outcomes: &outcomes{receipts: map[uint64]drivers.Receipt{}}, topic: drivers.Topic{Name: "orders", Shards: 1, Replicas: 3},
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.Declare(t.Context(), r.topic))
	r.alter("min.insync.replicas", "3")
	var err error
	spec := drivers.ProducerSpec{Topic: r.topic, Guarantee: drivers.Replicated, Window: 4}
	r.producer, err = r.Producer(t.Context(), spec, r.settle)
	must(err)
	must(r.send(1, "enough"))
	r.want(1, drivers.Acked, nil)

	place, err := r.Locate(t.Context(), r.topic, 0)
	must(err)
	if len(place.Followers) != 2 {
		t.Fatalf("the shard lives at %+v", place)
	}
	for _, n := range c.Nodes() {
		if n.Name() != place.Followers[0] {
			continue
		}
		must(n.Signal(t.Context(), faults.Kill))
		eventually(t, func() bool {
			topic, err := r.session.topic(t.Context(), r.client, r.topic)
			return err == nil && len(topic.Partitions[0].ISR) == 2
		})
		eventually(t, func() bool { // the library sends nothing while brokers do not agree on who leads
			must(r.send(2, "too few"))
			return !errors.Is(r.of(2).Err, kgo.ErrRecordRetries)
		})
		r.want(2, drivers.Rejected, kerr.NotEnoughReplicas)
		r.stored(1)
		facts, err := r.Audit(t.Context(), r.topic)
		must(err)
		if !contradicts(facts, "min.insync.replicas") || !contradicts(facts, "in-sync replicas") {
			t.Errorf("the audit does not say that a replica is away: %+v", facts)
		}
		must(n.Start(t.Context()))
		must(n.Ready(t.Context()))
	}
	eventually(t, func() bool { // the producer is of use again, and the broker accepts its numbers
		must(r.send(3, "enough"))
		return r.of(3).Outcome == drivers.Acked
	})
}

func contradicts(facts []drivers.Fact, setting string) bool {
	for _, f := range facts {
		if strings.HasSuffix(f.Setting, " "+setting) && f.Status == drivers.Contradicted {
			return true
		}
	}
	return false
}
