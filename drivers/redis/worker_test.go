package redis

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// listed is a queue in lists with n messages, and the way to it.
func listed(t *testing.T, k *node, n int) (drivers.Config, *session, drivers.Topic) {
	t.Helper()
	return listedIn(t, k, n, 1, 100)
}

// listedIn is the same for one in several shards, whose members hold at most prefetch messages. All are in the last shard.
func listedIn(t *testing.T, k *node, n, shards, prefetch int) (drivers.Config, *session, drivers.Topic) {
	t.Helper()
	cfg := drivers.Config{
		Servers: []string{k.address}, Options: drivers.Options{optClaimIdle: claimIdle.String(), optQueue: "list"},
	}
	s := connect(t, cfg)
	topic := drivers.Topic{
		Name: "jobs", Model: drivers.Queue, Shards: shards, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 2, Prefetch: prefetch}},
	}
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	p := produce(t, s, topic, drivers.Accepted)
	batch := make([]drivers.Message, n)
	for i := range batch {
		batch[i] = drivers.Message{Token: uint64(i), Shard: int32(shards - 1), Body: []byte{byte(i)}}
	}
	if err := errors.Join(p.Send(t.Context(), batch), p.Flush(t.Context()), p.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return cfg, s, topic
}

// vanish cuts all of a worker's connections, as a kill would.
func vanish(c drivers.Consumer) {
	for _, l := range c.(*worker).lines {
		l.cut()
	}
}

// TestListDeadIsTakenOver: what a worker held that vanished comes to another, marked; also what its next life held, to itself.
func TestListDeadIsTakenOver(t *testing.T) {
	k := startNode(t)
	cfg, s, topic := listed(t, k, 5)
	first := consume(t, connect(t, cfg), topic, 0)
	held := receive(t, first, 5)
	if err := first.Ack(t.Context(), held[:1]); err != nil {
		t.Fatal(err)
	}
	owed(t, s, topic, 4)
	vanish(first)
	second := consume(t, connect(t, cfg), topic, 1)
	for i, d := range receive(t, second, 4) {
		if !d.Redelivered || d.Body[0] != byte(i+1) {
			t.Errorf("delivery %d: body %v, redelivered %v", i, d.Body, d.Redelivered)
		}
	}
	owed(t, s, topic, 4)
	vanish(second)
	again := consume(t, connect(t, cfg), topic, 1) // a new life of the second
	if err := again.Ack(t.Context(), receive(t, again, 4)); err != nil {
		t.Fatal(err)
	}
	owed(t, s, topic, 0)
	quiet(t, again, 2*claimIdle)
}

// TestListSlowIsNotDead: nobody takes from a worker that lives, also when the server itself sleeps.
func TestListSlowIsNotDead(t *testing.T) {
	k := startNode(t)
	cfg, s, topic := listed(t, k, 5)
	slow := consume(t, connect(t, cfg), topic, 0)
	held := receive(t, slow, 5)
	other := consume(t, connect(t, cfg), topic, 1)
	quiet(t, other, 4*claimIdle)
	k.pause()
	quiet(t, other, 2*claimIdle)
	k.resume()
	quiet(t, other, 4*claimIdle)
	if err := slow.Ack(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	owed(t, s, topic, 0)
}

// TestListTakenForDead: a worker that was taken for dead and lives shows itself again, so that what it takes afterwards is not forgotten.
func TestListTakenForDead(t *testing.T) {
	k := startNode(t)
	cfg, s, topic := listed(t, k, 1)
	first := consume(t, connect(t, cfg), topic, 0)
	receive(t, first, 1)
	k.run("DEL", newLists(topic).members()) // as if nobody knew it
	p := produce(t, s, topic, drivers.Accepted)
	if r, _ := p.one(t); r.Outcome != drivers.Acked {
		t.Fatal(r.Err)
	}
	receive(t, first, 2)
	owed(t, s, topic, 3)
}

// TestListLateMove: what a worker had asked for before it vanished may reach the server long after that. It is owed, and comes to another.
func TestListLateMove(t *testing.T) {
	k := startNode(t)
	cfg, s, topic := listed(t, k, 1)
	first := consume(t, connect(t, cfg), topic, 0)
	receive(t, first, 1)
	vanish(first)
	second := consume(t, connect(t, cfg), topic, 1)
	receive(t, second, 1)
	quiet(t, second, 2*claimIdle) // the first is dead, and has nothing
	lists, control := newLists(topic), s.control
	late := []rueidis.Completed{
		control.command("MULTI"), control.command("RPUSH", lists.keys[0], "late"),
		control.command("LMOVE", lists.keys[0], lists.taken(0, first.(*worker).name), "LEFT", "RIGHT"), control.command("EXEC"),
	}
	if err := run(t.Context(), control, late); err != nil {
		t.Fatal(err)
	}
	owed(t, s, topic, 2)
	if ds := receive(t, second, 1); string(ds[0].Body) != "late" || !ds[0].Redelivered {
		t.Errorf("it came as %+v", ds[0])
	}
}

// TestListFewerPlacesThanShards: a member with room for fewer messages than there are shards looks at all of them in turn, whichever have
// messages.
func TestListFewerPlacesThanShards(t *testing.T) {
	for _, row := range []struct{ shards, prefetch int }{{2, 1}, {5, 1}, {5, 3}} {
		t.Run(fmt.Sprintf("%d shards, prefetch %d", row.shards, row.prefetch), func(t *testing.T) {
			k := startNode(t)
			_, s, topic := listedIn(t, k, 200, row.shards, row.prefetch)
			c := consume(t, s, topic, 0)
			for range 200 {
				if err := c.Ack(t.Context(), receive(t, c, 1)); err != nil {
					t.Fatal(err)
				}
			}
			owed(t, s, topic, 0)
		})
	}
}

// TestListReturnedFindsPlace: what was given back comes again also to a member whose only place another shard's messages could take.
func TestListReturnedFindsPlace(t *testing.T) {
	k := startNode(t)
	_, s, topic := listedIn(t, k, 5, 1, 1)
	c := consume(t, s, topic, 0)
	for range 20 {
		if err := c.(drivers.Nacker).Nack(t.Context(), receive(t, c, 1), true); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		if err := c.Ack(t.Context(), receive(t, c, 1)); err != nil {
			t.Fatal(err)
		}
	}
	owed(t, s, topic, 0)
}

// TestListReturnedIsNotForgotten: when there comes to be room while what was given back is looked at, shard by shard, whoever looks either
// takes all of it or looks again.
func TestListReturnedIsNotForgotten(t *testing.T) {
	const shards = 200
	k := startNode(t)
	l, err := k.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	lists := newLists(drivers.Topic{Name: "jobs", Shards: shards})
	for range 20 {
		fill := []rueidis.Completed{l.command("FLUSHALL")}
		for shard := range shards {
			fill = append(fill, l.command("RPUSH", lists.returned(shard), "x"))
		}
		w := &worker{lists: lists, name: "m0:1", inbox: newInbox(), places: places{shards: shards}}
		w.lines = make([]*line, shards+1)
		w.wake = make([]chan struct{}, shards+1)
		if err := run(t.Context(), l, fill); err != nil {
			t.Fatal(err)
		}
		var freed sync.WaitGroup
		freed.Go(func() { // room for all as soon as there was none for the first
			for {
				w.mu.Lock()
				if len(w.places.queue) > 0 {
					w.places.limit = 2 * shards
					w.mu.Unlock()
					return
				}
				w.mu.Unlock()
			}
		})
		if err := w.retake(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		freed.Wait()
		if w.seats.count < shards && !w.called(shards) && !w.care.now.Load() {
			t.Fatalf("it took %d of %d and will not look again, though there is room", w.seats.count, shards)
		}
	}
}

// TestListDelete leaves no key behind, whoever holds what.
func TestListDelete(t *testing.T) {
	k := startNode(t)
	cfg, s, topic := listed(t, k, 5)
	c := consume(t, connect(t, cfg), topic, 0)
	ds := receive(t, c, 5)
	if err := c.(drivers.Nacker).Nack(t.Context(), ds[:2], true); err != nil {
		t.Fatal(err)
	}
	vanish(c)
	if err := s.Delete(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	reply, err := s.control.ask(t.Context(), "DBSIZE")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := reply.ToInt64(); n != 0 || err != nil {
		t.Errorf("%d keys are left, %v", n, err)
	}
}

// TestKindOfQueue: a queue that exists as the other kind is told, not mixed.
func TestKindOfQueue(t *testing.T) {
	k := startNode(t)
	_, _, topic := listed(t, k, 1)
	if err := connect(t, drivers.Config{Servers: []string{k.address}}).Declare(t.Context(), topic); err == nil {
		t.Error("a queue in lists was declared as one in streams")
	}
}
