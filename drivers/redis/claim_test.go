package redis

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"ordeal/drivers"
)

// group declares a topic whose one group has two members, and sends n messages.
func group(t *testing.T, s *session, n int) drivers.Topic {
	t.Helper()
	topic := topicOf(t, s, 1)
	topic.Groups[0].Members = 2
	p := produce(t, s, topic, drivers.Accepted)
	batch := make([]drivers.Message, n)
	for i := range batch {
		batch[i] = drivers.Message{Token: uint64(i), Body: []byte{byte(i)}}
	}
	if err := errors.Join(p.Send(t.Context(), batch), p.Flush(t.Context()), p.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return topic
}

func consume(t *testing.T, s *session, topic drivers.Topic, member int) drivers.Consumer {
	t.Helper()
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0], Member: member})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// receive collects n deliveries.
func receive(t *testing.T, c drivers.Consumer, n int) (out []drivers.Delivery) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ds := make([]drivers.Delivery, n)
	for len(out) < n {
		k, err := c.Receive(ctx, ds[:n-len(out)])
		if err != nil {
			t.Fatalf("with %d of %d: %v", len(out), n, err)
		}
		out = append(out, ds[:k]...)
	}
	return out
}

// quiet fails when something comes for d.
func quiet(t *testing.T, c drivers.Consumer, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	ds := make([]drivers.Delivery, 1)
	if n, err := c.Receive(ctx, ds); n > 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d deliveries (%+v), %v; want none", n, ds[0], err)
	}
}

// disappear ends a member without a word, as a kill would.
func disappear(c drivers.Consumer) { c.(*member).intake.end(errLost) }

const claimIdle = 300 * time.Millisecond

func claiming(k *node) drivers.Config {
	return drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optClaimIdle: claimIdle.String()}}
}

// TestSlowIsNotDead: a member works on what it holds for several times claim_idle, and nobody takes it away. That is also so when the
// server itself slept meanwhile.
func TestSlowIsNotDead(t *testing.T) {
	k := startNode(t)
	topic := group(t, connect(t, claiming(k)), 5)
	slow := consume(t, connect(t, claiming(k)), topic, 0)
	held := receive(t, slow, 5)
	other := consume(t, connect(t, claiming(k)), topic, 1)
	quiet(t, other, 4*claimIdle)
	k.pause()
	quiet(t, other, 2*claimIdle)
	k.resume()
	quiet(t, other, 4*claimIdle)
	if err := slow.Ack(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	owed(t, connect(t, claiming(k)), topic, 0)
}

// owed waits until so many messages are owed to the group: acks take a moment.
func owed(t *testing.T, s *session, topic drivers.Topic, want int64) {
	t.Helper()
	eventually(t, func() error {
		n, err := s.Depth(t.Context(), topic, "g")
		if err == nil && n != want {
			err = fmt.Errorf("%d are owed, want %d", n, want)
		}
		return err
	})
}

// TestDeadIsClaimed: what a member held that vanished without a word comes to the other, marked and counted; and when that vanishes, too,
// to a third life of the first.
func TestDeadIsClaimed(t *testing.T) {
	k := startNode(t)
	topic := group(t, connect(t, claiming(k)), 5)
	first := consume(t, connect(t, claiming(k)), topic, 0)
	receive(t, first, 5)
	disappear(first)
	second := consume(t, connect(t, claiming(k)), topic, 1)
	for _, d := range receive(t, second, 5) {
		if !d.Redelivered || d.Attempt != 2 {
			t.Errorf("redelivered %v, attempt %d; want true, 2", d.Redelivered, d.Attempt)
		}
	}
	disappear(second)
	third := consume(t, connect(t, claiming(k)), topic, 0)
	ds := receive(t, third, 5)
	for _, d := range ds {
		if !d.Redelivered || d.Attempt != 3 {
			t.Errorf("redelivered %v, attempt %d; want true, 3", d.Redelivered, d.Attempt)
		}
	}
	if err := third.Ack(t.Context(), ds); err != nil {
		t.Fatal(err)
	}
	quiet(t, third, 2*claimIdle)
}

// TestSameMemberAgain: a member that lost its connection and comes back gets what it held at once, though its earlier life was not silent for long.
func TestSameMemberAgain(t *testing.T) {
	k := startNode(t)
	topic := group(t, connect(t, drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optClaimIdle: "1h"}}), 5)
	lives := drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optClaimIdle: "1h"}}
	first := consume(t, connect(t, lives), topic, 0)
	held := receive(t, first, 5)
	if err := first.Ack(t.Context(), held[:2]); err != nil {
		t.Fatal(err)
	}
	owed(t, connect(t, lives), topic, 3)
	disappear(first)
	again := receive(t, consume(t, connect(t, lives), topic, 0), 3)
	for i, d := range again {
		if d.Position != held[2+i].Position || d.Attempt != 2 {
			t.Errorf("delivery %d at %s, attempt %d; want %s, 2", i, d.Position, d.Attempt, held[2+i].Position)
		}
	}
}

// TestLateRead: what a member asked for before it lost its connection may reach the server after its next life has come. Then it is claimed
// as that of any dead member.
func TestLateRead(t *testing.T) {
	k := startNode(t)
	s := connect(t, claiming(k))
	topic := group(t, s, 5)
	first := consume(t, connect(t, claiming(k)), topic, 0)
	disappear(first)
	second := consume(t, connect(t, claiming(k)), topic, 0) // it asks for nothing before it receives
	key := newRoute(topic).keys[0]
	if _, err := s.control.ask(t.Context(), "XREADGROUP", "GROUP", "g", first.(*member).name, "COUNT", "3", "STREAMS", key, ">"); err != nil {
		t.Fatal(err)
	}
	ds := receive(t, second, 5)
	if err := second.Ack(t.Context(), ds); err != nil {
		t.Fatal(err)
	}
	again := 0
	for _, d := range ds {
		if d.Redelivered && d.Attempt == 2 {
			again++
		}
	}
	if again != 3 {
		t.Errorf("%d of 5 deliveries came again, want 3: %+v", again, ds)
	}
	owed(t, s, topic, 0)
}

// TestLostData: a server that comes back without its data has neither streams nor groups. Nothing is owed there, and a consumer that joins
// reads what is sent from then on.
func TestLostData(t *testing.T) {
	k := startNode(t)
	topic := group(t, connect(t, claiming(k)), 5)
	k.kill()
	k.start()
	k.ready()
	s := connect(t, claiming(k))
	if n, err := s.Depth(t.Context(), topic, "g"); n != 0 || err != nil {
		t.Errorf("%d are owed by a server without data, %v", n, err)
	}
	if ends, err := s.End(t.Context(), topic); err != nil || ends[0].Known {
		t.Errorf("it ends at %v, %v", ends, err)
	}
	p := produce(t, s, topic, drivers.Accepted)
	r, _ := p.one(t)
	if n, err := s.Depth(t.Context(), topic, "g"); n != 2 || err != nil {
		t.Errorf("%d are owed to a group that is not there, %v; want 2", n, err)
	}
	if ds := receive(t, consume(t, s, topic, 0), 1); ds[0].Position != r.Position {
		t.Errorf("the first delivery is at %s, want %s", ds[0].Position, r.Position)
	}
}

// TestTrimmed: what max_len dropped is owed to nobody, so that a drain can end.
func TestTrimmed(t *testing.T) {
	k := startNode(t, "--stream-node-max-entries", "10")
	cfg := drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optMaxLen: "20"}}
	s := connect(t, cfg)
	topic := group(t, s, 200)
	c := consume(t, s, topic, 0)
	end, err := s.End(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for last := (drivers.Position{}); last != end[0]; n++ {
		ds := receive(t, c, 1)
		last = ds[0].Position
		if err := c.Ack(t.Context(), ds); err != nil {
			t.Fatal(err)
		}
	}
	if n >= 200 || n < 20 {
		t.Errorf("%d of 200 messages came, max_len is 20", n)
	}
	owed(t, s, topic, 0)
}
