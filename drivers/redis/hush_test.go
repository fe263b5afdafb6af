package redis

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
)

// commandCalls reads how often the server ran a command, and how often it refused to.
func (k *node) commandCalls(command string) (run, refused int) {
	k.Helper()
	l, err := k.dial()
	if err != nil {
		k.Fatal(err)
	}
	defer l.close()
	answer, err := l.ask(context.Background(), "INFO", "commandstats")
	if err != nil {
		k.Fatal(err)
	}
	text, err := answer.ToString()
	if err != nil {
		k.Fatal(err)
	}
	for line := range strings.Lines(text) {
		rest, found := strings.CutPrefix(line, "cmdstat_"+command+":")
		if !found {
			continue
		}
		var usec int
		var per float64
		if _, err := fmt.Sscanf(rest, "calls=%d,usec=%d,usec_per_call=%f,rejected_calls=%d", &run, &usec, &per, &refused); err != nil {
			k.Fatalf("%s: %v", line, err)
		}
	}
	return run, refused
}

// TestAcksAreNotAnswered: a member's acks count although hardly any is answered; where the user may not ask for that, all are.
func TestAcksAreNotAnswered(t *testing.T) {
	for name, rule := range map[string]string{"allowed": "+client|reply", "forbidden": "-client|reply"} {
		t.Run(name, func(t *testing.T) {
			k := startNode(t)
			k.run("ACL", "SETUSER", "default", rule)
			s := connect(t, drivers.Config{Servers: []string{k.address}})
			topic := topicOf(t, s, 1)
			c, p := consume(t, s, topic, 0), produce(t, s, topic, drivers.Accepted)
			const rounds = 50
			for range rounds {
				if r, err := p.one(t); r.Outcome != drivers.Acked || err != nil {
					t.Fatalf("%s: %v, %v", r.Outcome, r.Err, err)
				}
				if err := c.Ack(t.Context(), receive(t, c, 2)); err != nil {
					t.Fatal(err)
				}
			}
			owed(t, s, topic, 0)
			acked, _ := k.commandCalls("xack")
			asked, refused := k.commandCalls("client|reply")
			if name == "forbidden" {
				if asked != 0 || refused != 1 {
					t.Errorf("asked %d times for silence, %d of them refused; want one try that is refused", asked+refused, refused)
				}
			} else if asked < 2 || asked > acked || refused != 0 {
				t.Errorf("asked %d times for silence, %d of them refused, with %d acks", asked, refused, acked)
			}
		})
	}
}

// TestAckWithoutRight: an ack that is refused for want of a right is found out although the one before it was not answered.
func TestAckWithoutRight(t *testing.T) {
	k := startNode(t)
	s := connect(t, drivers.Config{Servers: []string{k.address}})
	topic := topicOf(t, s, 1)
	c, p := consume(t, s, topic, 0), produce(t, s, topic, drivers.Accepted)
	ds := make([]drivers.Delivery, 10)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for round := 0; ; round++ {
		if round == 3 {
			k.run("ACL", "SETUSER", "default", "-xack")
		}
		p.one(t)
		n, err := c.Receive(ctx, ds)
		if err == nil {
			err = c.Ack(ctx, ds[:n])
		}
		switch {
		case err == nil:
			continue
		case round <= 3, code(err) != "NOPERM", !strings.Contains(err.Error(), "xack"):
			t.Errorf("in round %d: %v", round, err)
		}
		return
	}
}
