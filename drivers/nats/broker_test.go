package nats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
	"ordeal/internal/message"
)

func orders(replicas int) drivers.Topic {
	return drivers.Topic{
		Name: "orders", Shards: 1, Replicas: replicas, Groups: []drivers.Group{{Name: "billing", Members: 1, Prefetch: 100}},
	}
}

// another is a topic for the i-th case of a table on one server. A name must not be used again: nats-server 2.15 answers a deletion while it
// still removes the files, and a stream of the same name created meanwhile fails (10049) or holds the messages of the one before.
func another(i int) drivers.Topic {
	topic := orders(1)
	topic.Name = fmt.Sprintf("%s-%d", topic.Name, i)
	return topic
}

// sender is a producer whose receipts can be waited for.
type sender struct {
	drivers.Producer
	testing.TB
	mu       sync.Mutex
	receipts map[uint64]drivers.Receipt
	changed  chan struct{}
	next     uint64
}

func newSender(t testing.TB, s *session, topic drivers.Topic) *sender {
	t.Helper()
	return newSenderFor(t, s, topic, drivers.Accepted)
}

func newSenderFor(t testing.TB, s *session, topic drivers.Topic, guarantee drivers.Guarantee) *sender {
	t.Helper()
	d := &sender{TB: t, receipts: make(map[uint64]drivers.Receipt), changed: make(chan struct{}, 1)}
	var err error
	spec := drivers.ProducerSpec{Topic: topic, Guarantee: guarantee, Window: 1000}
	d.Producer, err = s.Producer(t.Context(), spec, func(r drivers.Receipt) {
		d.mu.Lock()
		d.receipts[r.Token] = r
		d.mu.Unlock()
		select {
		case d.changed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *sender) post(m drivers.Message) uint64 {
	d.Helper()
	d.next++
	m.Token = d.next
	if err := d.Producer.Send(d.Context(), []drivers.Message{m}); err != nil {
		d.Logf("send: %v", err)
	}
	return m.Token
}

// outcome waits for the receipt of token.
func (d *sender) outcome(token uint64) drivers.Receipt {
	d.Helper()
	late := time.After(20 * time.Second)
	for {
		d.mu.Lock()
		r, ok := d.receipts[token]
		d.mu.Unlock()
		if ok {
			return r
		}
		select {
		case <-d.changed:
		case <-late:
			d.Fatalf("no receipt for message %d", token)
		}
	}
}

// put sends one message and waits.
func (d *sender) put(m drivers.Message) drivers.Receipt {
	d.Helper()
	return d.outcome(d.post(m))
}

func expectHeader(name, value string) []drivers.Header {
	return []drivers.Header{{Name: name, Value: []byte(value)}}
}

// TestAnswersOfARealServer provokes the errors of a stream, and sees that what was rejected is not there.
func TestAnswersOfARealServer(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, ""))...)
	topic := orders(1)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	change := func(edit func(*jetstream.StreamConfig)) {
		t.Helper()
		c := s.streamConfig(topic)
		edit(&c)
		if _, err := s.js.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	d := newSender(t, s, topic)
	ok := drivers.Message{Body: []byte("one")}
	for _, c := range []struct {
		name  string
		first func()
		m     drivers.Message
		code  int
		want  drivers.Outcome
	}{
		{"stored", nil, ok, 0, drivers.Acked},
		{"another stream", nil, drivers.Message{Headers: expectHeader(natsgo.ExpectedStreamHdr, "bills")}, 10060, drivers.Rejected},
		{"another sequence", nil, drivers.Message{Headers: expectHeader(natsgo.ExpectedLastSeqHdr, "77")}, 10071, drivers.Rejected},
		{"another id", nil, drivers.Message{Headers: expectHeader(natsgo.ExpectedLastMsgIdHdr, "x")}, 10070, drivers.Rejected},
		{
			"too large for the stream", func() { change(func(c *jetstream.StreamConfig) { c.MaxMsgSize = 10 }) },
			drivers.Message{Body: make([]byte, 100)},
			10054, drivers.Rejected,
		},
		{"full", func() {
			change(func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 1, jetstream.DiscardNew })
		}, ok, 10077, drivers.Rejected},
		{"sealed", func() { change(func(c *jetstream.StreamConfig) { c.Sealed = true }) }, ok, 10109, drivers.Rejected},
	} {
		if c.first != nil {
			c.first()
		}
		r := d.put(c.m)
		var api *serverError
		if code := 0; r.Outcome != c.want || errors.As(r.Err, &api) && api.Code != c.code || (api == nil) != (c.code == code) {
			t.Errorf("%s: %s, %v; want %s with code %d", c.name, r.Outcome, r.Err, c.want, c.code)
		}
	}
	if info, err := s.streamInfo(t.Context(), topic); err != nil || info.State.Msgs != 1 {
		t.Errorf("the stream holds %d messages, %v", info.State.Msgs, err)
	}
	if err := s.Delete(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if r := d.put(ok); r.Outcome != drivers.Rejected || !errors.Is(r.Err, natsgo.ErrNoResponders) {
		t.Errorf("no stream: %s, %v", r.Outcome, r.Err)
	}
}

func TestFullDiskIsRejected(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, "max_file_store: 100KB"))...)
	topic := orders(1)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	d := newSender(t, s, topic)
	var r drivers.Receipt
	acked := 0
	for r = d.put(drivers.Message{Body: make([]byte, 10_000)}); r.Outcome == drivers.Acked; acked++ {
		r = d.put(drivers.Message{Body: make([]byte, 10_000)})
	}
	var api *serverError
	if r.Outcome != drivers.Rejected || !errors.As(r.Err, &api) {
		t.Errorf("a full server: %s, %v", r.Outcome, r.Err)
	}
	if info, err := s.streamInfo(t.Context(), topic); err != nil || info.State.Msgs != uint64(acked) {
		t.Errorf("%d were acked, the stream holds %d, %v", acked, info.State.Msgs, err)
	}
}

// TestDeadServer kills the server under a producer and a consumer.
func TestDeadServer(t *testing.T) {
	nodes := startNodes(t, 1, "")
	s := connect(t, nil, addresses(nodes)...)
	topic := orders(1)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	d := newSender(t, s, topic)
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	received := make(chan error, 1)
	go func() {
		_, err := c.Receive(t.Context(), make([]drivers.Delivery, 1))
		received <- err
	}()
	nodes[0].kill()
	if err := <-received; !errors.Is(err, errLost) {
		t.Errorf("receive: %v", err)
	}
	// The producer has a connection of its own: what is written before it ends is unknown, what comes after was never written.
	var r drivers.Receipt
	for r = d.put(drivers.Message{Body: []byte("x")}); r.Outcome == drivers.Unknown; r = d.put(drivers.Message{Body: []byte("x")}) {
		if !errors.Is(r.Err, errLost) {
			t.Errorf("a message that may have been written: %v", r.Err)
		}
	}
	if r.Outcome != drivers.Rejected {
		t.Errorf("a message that was never written: %s, %v", r.Outcome, r.Err)
	}
	if _, err := s.Audit(t.Context(), topic); !errors.Is(err, errLost) {
		t.Errorf("audit: %v", err)
	}
}

// TestNoAnswerIsUnknown sends to a server that neither answers nor disconnects, until the sends are given up; the connection stays.
func TestNoAnswerIsUnknown(t *testing.T) {
	for _, guarantee := range []drivers.Guarantee{drivers.Accepted, drivers.Sent} {
		t.Run(guarantee.String(), func(t *testing.T) {
			nodes := startNodes(t, 1, "")
			s := connect(t, map[string]string{optPublishTimeout: "300ms"}, addresses(nodes)...)
			topic := orders(1)
			if err := s.Declare(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			d := newSenderFor(t, s, topic, guarantee)
			if r := d.put(drivers.Message{Body: []byte("before")}); r.Outcome != drivers.Acked {
				t.Fatalf("before: %s, %v", r.Outcome, r.Err)
			}
			nodes[0].pause()
			r := d.put(drivers.Message{Body: []byte("while")})
			nodes[0].resume()
			if r.Outcome != drivers.Unknown || !errors.Is(r.Err, errNoAnswer) {
				t.Errorf("while: %s, %v", r.Outcome, r.Err)
			}
			if r := d.put(drivers.Message{Body: []byte("after")}); r.Outcome != drivers.Acked {
				t.Errorf("after: %s, %v", r.Outcome, r.Err)
			}
		})
	}
}

func TestDedupWindow(t *testing.T) {
	s := connect(t, map[string]string{optDedupWindow: "1m"}, addresses(startNodes(t, 1, ""))...)
	topic := orders(1)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	d := newSender(t, s, topic)
	body := make([]byte, message.HeaderSize)
	message.Put(body, &message.Stamp{ID: message.ID{Producer: 1, Seq: 7}})
	first := d.put(drivers.Message{Body: slices.Clone(body)})
	message.Unorder(body) // as a producer does that tries again
	second := d.put(drivers.Message{Body: slices.Clone(body)})
	message.Put(body, &message.Stamp{ID: message.ID{Producer: 1, Seq: 8}})
	other := d.put(drivers.Message{Body: body})
	if first.Outcome != drivers.Acked || second != (drivers.Receipt{Token: 2, Outcome: drivers.Acked, Position: first.Position}) {
		t.Errorf("the same message twice: %+v, %+v", first, second)
	}
	if !first.Position.Before(other.Position) {
		t.Errorf("another message: %+v", other)
	}
}

func TestPassword(t *testing.T) {
	nodes := startNodes(t, 1, "; authorization { user: joe, password: secret }")
	open := func(password string) error {
		cfg := drivers.Config{Servers: addresses(nodes), Auth: drivers.Auth{User: "joe", Password: password}}
		s, err := New().Open(t.Context(), cfg, drivertest.Env(""))
		if err == nil {
			err = s.Close(t.Context())
		}
		return err
	}
	if err := open("secret"); err != nil {
		t.Error(err)
	}
	if err := open("guess"); !errors.Is(err, natsgo.ErrAuthorization) || bytes.Contains([]byte(err.Error()), []byte("guess")) {
		t.Errorf("a wrong password: %v", err)
	}
}

// TestLeaderCrash kills the leader of a stream under a producer and a consumer that are connected to another node.
func TestLeaderCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("an election takes seconds")
	}
	nodes := startNodes(t, 3, "")
	admin := connect(t, nil, addresses(nodes)...)
	topic := orders(3)
	if err := admin.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	place, err := admin.Locate(t.Context(), topic, 0)
	if err != nil || len(place.Followers) != 2 {
		t.Fatalf("placement: %+v, %v", place, err)
	}
	var leader, other *node
	for _, n := range nodes {
		if n.name == place.Leader {
			leader = n
		} else {
			other = n
		}
	}
	s := connect(t, map[string]string{optPublishTimeout: "1s"}, other.client)
	d := newSender(t, s, topic)
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	got := receiveAll(t, c)
	if r := d.put(drivers.Message{Body: []byte("0")}); r.Outcome != drivers.Acked {
		t.Fatalf("before: %s, %v", r.Outcome, r.Err)
	}
	leader.kill()
	acked := map[string]bool{"0": true}
	eventually(t, 30*time.Second, func() error {
		n := strconv.Itoa(int(d.next))
		r := d.put(drivers.Message{Body: []byte(n)})
		if r.Outcome == drivers.Acked {
			acked[n] = true
		}
		return r.Err
	})
	after := strconv.Itoa(int(d.next))
	if r := d.put(drivers.Message{Body: []byte(after)}); r.Outcome != drivers.Acked {
		t.Fatalf("after: %s, %v", r.Outcome, r.Err)
	}
	acked[after] = true
	late := time.After(30 * time.Second)
	for len(acked) > 0 {
		select {
		case body := <-got:
			delete(acked, body)
		case <-late:
			t.Fatalf("acked and not delivered: %v", acked)
		}
	}
	if now, err := s.Locate(t.Context(), topic, 0); err != nil || now.Leader == place.Leader {
		t.Errorf("placement: %+v, %v", now, err)
	}
}

// receiveAll acknowledges everything and passes the bodies on, until the test ends.
func receiveAll(t *testing.T, c drivers.Consumer) <-chan string {
	got := make(chan string, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		dst := make([]drivers.Delivery, 100)
		for {
			n, err := c.Receive(ctx, dst)
			for _, d := range dst[:n] {
				got <- string(d.Body)
			}
			if err == nil {
				err = c.Ack(ctx, dst[:n])
			}
			if err != nil {
				if ctx.Err() == nil {
					t.Errorf("receive: %v", err)
				}
				return
			}
		}
	}()
	return got
}
