package memory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/memory"
)

// replayed are the messages that shard holds from position from on.
func replayed(t *testing.T, s drivers.Session, topic drivers.Topic, shard int, from drivers.Position) []drivers.Delivery {
	t.Helper()
	ends, err := s.(drivers.Ender).End(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.(drivers.Replayer).Replay(t.Context(), topic, shard, from)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background()) //nolint:errcheck // it never fails
	var out []drivers.Delivery
	dst := make([]drivers.Delivery, 50)
	for len(out) == 0 || out[len(out)-1].Position.Before(ends[shard]) {
		n, err := c.Receive(t.Context(), dst)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, dst[:n]...)
	}
	return out
}

// A withheld message reaches no group and is found by a replay at the position of its receipt; a lost one is found by neither.
func TestWithheldIsHeldAndLostIsGone(t *testing.T) {
	for seed := range 10 {
		d := memory.New()
		s := open(t, d, map[string]string{"withhold": "5", "lose": "5", "spread": "40", "seed": fmt.Sprint(seed)})
		topic := topic(2, group("a"), group("b"))
		if err := s.Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		var members []*receiver
		for _, g := range topic.Groups {
			c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: g})
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, &receiver{Consumer: c})
		}
		const n = 1000
		send(t, s, topic, n, 7)
		for i, m := range members {
			m.drain(t, n-10)
			empty(t, s, topic, topic.Groups[i].Name)
			for _, r := range m.got {
				seen[string(r.Body)] = true
			}
		}
		held := map[string]drivers.Position{}
		for shard := range topic.Shards {
			for _, r := range replayed(t, s, topic, shard, drivers.Position{}) {
				if !seen[string(r.Body)] {
					held[string(r.Body)] = r.Position
				}
			}
		}
		want := map[string]drivers.Position{}
		for _, l := range d.Lies() {
			if l.Kind == memory.Withhold {
				want[string(l.Body)] = l.Position
			} else if seen[string(l.Body)] {
				t.Errorf("a lost message came: %s", l.Body)
			}
		}
		if len(want) != 5 || !maps.Equal(held, want) {
			t.Errorf("seed %d: a replay holds %v that no group got, the broker withheld %v", seed, held, want)
		}
	}
}

// The last message of a shard is not withheld: the lie waits for another.
func TestNothingIsWithheldAtTheEnd(t *testing.T) {
	d := memory.New()
	s := open(t, d, map[string]string{"withhold": "1", "spread": "1"})
	topic := topic(1, group("a"))
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	send(t, s, topic, 1, 1)
	in := &receiver{Consumer: c}
	in.drain(t, 1)
	if len(d.Lies()) != 0 || d.Untold()[memory.Withhold] != 1 {
		t.Fatalf("told %v, untold %v", d.Lies(), d.Untold())
	}
	send(t, s, topic, 2, 2)
	in.drain(t, 2)
	empty(t, s, topic, "a")
	if len(d.Lies()) != 1 || len(d.Untold()) != 0 || !bytes.Equal(in.got[1].Body, body(1)) {
		t.Fatalf("told %v, untold %v", d.Lies(), d.Untold())
	}
}

// A log keeps as much as it is told to for replays, and says where what it keeps begins.
func TestRetainBoundsAReplay(t *testing.T) {
	s := open(t, memory.New(), map[string]string{"retain": "1"})
	topic := topic(1)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	const n, size = 4000, 1 << 10
	p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic}, func(drivers.Receipt) {})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := p.Send(t.Context(), []drivers.Message{{Token: uint64(i), Body: make([]byte, size)}}); err != nil {
			t.Fatal(err)
		}
	}
	kept := replayed(t, s, topic, 0, drivers.Position{})
	if len(kept) < 800 || len(kept) > 1<<10 || kept[len(kept)-1].Position != drivers.At(n) {
		t.Errorf("%d messages of 1 KiB are kept of 1 MiB, the last at %s", len(kept), kept[len(kept)-1].Position)
	}
	again := replayed(t, s, topic, 0, kept[0].Position)
	if !slices.EqualFunc(kept, again, func(a, b drivers.Delivery) bool { return a.Position == b.Position }) {
		t.Errorf("from the oldest position on %d messages are kept, then %d", len(kept), len(again))
	}
	_, err = s.(drivers.Replayer).Replay(t.Context(), topic, 0, drivers.At(kept[0].Position.Minor-1))
	if err == nil || !strings.Contains(err.Error(), "the oldest is "+kept[0].Position.String()) {
		t.Errorf("a position that is gone: %v; the oldest is %s", err, kept[0].Position)
	}
	queue := drivers.Topic{Name: "work", Model: drivers.Queue, Shards: 1, Replicas: 1}
	if err := s.Declare(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	if _, err := s.(drivers.Replayer).Replay(t.Context(), queue, 0, drivers.Position{}); !errors.Is(err, drivers.ErrNoReplay) {
		t.Errorf("a queue is replayed: %v", err)
	}
}
