package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"ordeal/drivers"
)

// hand receives up to n messages within a moment.
func hand(t *testing.T, c drivers.Consumer, n int, patience time.Duration) []drivers.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var got []drivers.Delivery
	for len(got) < n {
		dst := make([]drivers.Delivery, n-len(got))
		k, err := c.Receive(ctx, dst)
		got = append(got, dst[:k]...)
		if errors.Is(err, context.DeadlineExceeded) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// TestBalancers shares four shards between two members, of whom one goes without having acknowledged all: with any way of sharing out, the
// other gets what was not.
func TestBalancers(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	balancers := []drivers.Options{
		{optBalancer: "cooperative-sticky"},
		{optBalancer: "cooperative-sticky", optStatic: "false"},
		{optBalancer: "range"},
		{optBalancer: "broker"},
	}
	if testing.Short() {
		balancers = balancers[:1]
	}
	for _, options := range balancers {
		t.Run(options[optBalancer]+options[optStatic], func(t *testing.T) {
			if options[optBalancer] != balancerBroker {
				options[optSession] = "2s"
			}
			shareAndLeave(t, drivers.Config{Servers: server, Options: options})
		})
	}
}

func shareAndLeave(t *testing.T, cfg drivers.Config) {
	s := connect(t, cfg)
	group := drivers.Group{Name: "a", Members: 2, Prefetch: 100}
	topic := drivers.Topic{Name: fmt.Sprintf("t%d", time.Now().UnixNano()), Shards: 4, Replicas: 1, Groups: []drivers.Group{group}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Declare(t.Context(), topic))
	var members []drivers.Consumer
	for i := range 2 {
		m, err := connect(t, cfg).Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: group, Member: i})
		must(err)
		members = append(members, m)
	}
	p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Accepted, Window: 40}, func(drivers.Receipt) {})
	must(err)
	var batch []drivers.Message
	for i := range 40 {
		batch = append(batch, drivers.Message{Token: uint64(i), Shard: int32(i % 4), Body: []byte{byte(i)}})
	}
	must(p.Send(t.Context(), batch))
	must(p.Flush(t.Context()))
	seen := map[byte]int{}
	count := func(ds []drivers.Delivery) {
		for _, d := range ds {
			seen[d.Body[0]]++
		}
	}
	first := hand(t, members[0], 40, 500*time.Millisecond)
	second := hand(t, members[1], 40-len(first), 10*time.Second)
	count(first)
	count(second)
	if len(first) == 0 || len(second) == 0 || len(seen) != 40 {
		t.Fatalf("%d and %d of 40 came, %d different", len(first), len(second), len(seen))
	}
	must(members[1].Ack(t.Context(), second))
	must(members[0].Ack(t.Context(), first[:1]))
	must(members[0].Close(t.Context()))
	again := hand(t, members[1], len(first)-1, 15*time.Second)
	count(again)
	if len(again) != len(first)-1 || seen[first[0].Body[0]] != 1 {
		t.Errorf("%d of %d unacknowledged messages came again, the acknowledged one %d times", len(again), len(first)-1, seen[first[0].Body[0]])
	}
	must(members[1].Ack(t.Context(), again))
	depth(t, s, topic, 0)
}

// TestPrefetch leaves everything unacknowledged: no more comes than the prefetch allows.
func TestPrefetch(t *testing.T) {
	c := startKafka(t, 1, nil)
	r := newRig(t, c.Servers(), drivers.Accepted, nil)
	r.topic.Groups[0].Prefetch = 3
	for i := range uint64(3) {
		if err := r.send(10*i+1, "a", "b", "c", "d"); err != nil {
			t.Fatal(err)
		}
	}
	consumer, err := r.Consumer(t.Context(), drivers.ConsumerSpec{Topic: r.topic, Group: r.topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	got := hand(t, consumer, 5, 300*time.Millisecond)
	if len(got) != 3 {
		t.Fatalf("%d messages with a prefetch of 3", len(got))
	}
	if err := consumer.Ack(t.Context(), got[1:]); err != nil { // the oldest is open: nothing may be committed
		t.Fatal(err)
	}
	if more := hand(t, consumer, 5, 300*time.Millisecond); len(more) != 2 {
		t.Errorf("%d more messages after 2 acks", len(more))
	}
	depth(t, r.session, r.topic, 12)
	if err := consumer.Ack(t.Context(), got[:1]); err != nil {
		t.Fatal(err)
	}
	depth(t, r.session, r.topic, 9)
}

// TestInterruptedReceive interrupts a member that acknowledges before the work at every moment of its commits: nothing is skipped by that,
// and nothing comes twice.
func TestInterruptedReceive(t *testing.T) {
	c := startKafka(t, 1, nil)
	s := connect(t, drivers.Config{Servers: c.Servers()})
	group := drivers.Group{Name: "a", Members: 1, Ack: drivers.AckBefore}
	topic := drivers.Topic{Name: "interrupted", Shards: 3, Replicas: 1, Groups: []drivers.Group{group}}
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Accepted, Window: 60}, func(drivers.Receipt) {})
	if err != nil {
		t.Fatal(err)
	}
	var batch []drivers.Message
	for i := range 60 {
		batch = append(batch, drivers.Message{Token: uint64(i), Shard: int32(i % 3), Body: []byte{byte(i)}})
	}
	if err := errors.Join(p.Send(t.Context(), batch), p.Flush(t.Context())); err != nil {
		t.Fatal(err)
	}
	consumer, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: group})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[byte]int{}
	dst := make([]drivers.Delivery, 7)
	for patience := time.Duration(0); len(seen) < 60; patience = (patience + 100*time.Microsecond) % time.Second {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		n, err := consumer.Receive(ctx, dst)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		for _, d := range dst[:n] {
			seen[d.Body[0]]++
		}
	}
	for body, n := range seen {
		if n != 1 {
			t.Errorf("message %d came %d times", body, n)
		}
	}
	depth(t, s, topic, 0)
}

// TestClosedPartsAreForgotten: a session that lives long keeps nothing of what was closed before it.
func TestClosedPartsAreForgotten(t *testing.T) {
	s := connect(t, drivers.Config{Servers: startKafka(t, 1, nil).Servers()})
	for name, topic := range map[string]drivers.Topic{
		"log":       {Name: "l", Groups: []drivers.Group{{Name: "g", Members: 1}}},
		"broadcast": {Name: "b", Model: drivers.Broadcast, Groups: []drivers.Group{{Name: "g", Members: 1}}},
		"audience":  {Name: "a", Model: drivers.Broadcast, Groups: []drivers.Group{{Name: "g", Members: 2}}},
	} {
		topic.Shards, topic.Replicas = 2, 1
		if err := s.Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(s.parts.All()); n != 1 {
			t.Errorf("%s: the session knows %d parts, want 1", name, n)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if n := len(s.parts.All()); n != 0 {
			t.Errorf("%s: the session knows %d closed parts", name, n)
		}
	}
}
