package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ordeal/drivers"
)

// broadcast is a topic whose one listener reads so many messages ahead.
func broadcast(prefetch int) drivers.Topic {
	return drivers.Topic{
		Name: "news", Model: drivers.Broadcast, Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 1, Prefetch: prefetch}},
	}
}

func publish(ctx context.Context, s *session, topic drivers.Topic, n int, body string) error {
	for range n {
		if _, err := s.control.ask(ctx, "PUBLISH", newRoute(topic).keys[0], body); err != nil {
			return err
		}
	}
	return nil
}

// TestListenerReadsNoFurther: no more than prefetch wait for Receive, none is lost by that, and leaving does not wait for them.
func TestListenerReadsNoFurther(t *testing.T) {
	k := startNode(t)
	s := connect(t, drivers.Config{Servers: []string{k.address}})
	topic, ds := broadcast(10), make([]drivers.Delivery, 100)
	c := consume(t, s, topic, 0)
	if err := publish(t.Context(), s, topic, 200, "x"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // in which a reader without a bound reads them all
	for got := 0; got < 200; {
		n, err := c.Receive(t.Context(), ds)
		if err != nil || n > 10 {
			t.Fatalf("%d at once with %d of 200, %v", n, got, err)
		}
		got += n
	}
	if err := publish(t.Context(), s, topic, 200, "x"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if n := c.(*listener).inbox.length(); n != 10 {
			return fmt.Errorf("%d wait to be received", n)
		}
		return nil
	})
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestListenerTooSlow: who receives too slowly is cut off by the server, as any subscriber is, and learns it once he has what came before.
func TestListenerTooSlow(t *testing.T) {
	k := startNode(t, "--client-output-buffer-limit", "pubsub 16mb 0 0")
	s := connect(t, drivers.Config{Servers: []string{k.address}})
	topic := broadcast(10)
	c := consume(t, s, topic, 0)
	body, sent := strings.Repeat("x", 100_000), 0
	eventually(t, func() error {
		if err := publish(t.Context(), s, topic, 5, body); err != nil {
			return err
		}
		sent += 5
		members, err := c.(*listener).roster.present(t.Context(), s.control)
		if err == nil && len(members) > 0 {
			err = fmt.Errorf("after %d messages that nobody receives it is still connected", sent)
		}
		return err
	})
	got, ds := 0, make([]drivers.Delivery, 100)
	for {
		n, err := c.Receive(t.Context(), ds)
		if got += n; err == nil {
			continue
		}
		if !errors.Is(err, errLost) || got == 0 || got >= sent {
			t.Errorf("it ended with %v after %d of %d", err, got, sent)
		}
		return
	}
}

// TestListenerJoinsBusyTopic: what comes before anybody can receive does not keep a listener from joining.
func TestListenerJoinsBusyTopic(t *testing.T) {
	k := startNode(t)
	topic, quit := broadcast(1), make(chan struct{})
	busy := connect(t, drivers.Config{Servers: []string{k.address}})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for {
			select {
			case <-quit:
				return
			default:
				if err := publish(t.Context(), busy, topic, 10, "x"); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	defer publishing.Wait()
	defer close(quit)
	for range 20 {
		c := consume(t, connect(t, drivers.Config{Servers: []string{k.address}}), topic, 0)
		receive(t, c, 3)
		if err := c.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
