package kafka

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
)

// longSession is longer than any test waits.
const longSession = "50s"

// TestComesBack cuts off a member with a name. The one that comes next under it goes on at once, long before the session of the first
// times out, whoever shares out the shards.
func TestComesBack(t *testing.T) {
	server := startKafka(t, 1, map[string]string{"group.consumer.session.timeout.ms": "50000"}).Servers()
	for _, options := range []drivers.Options{
		{optBalancer: "cooperative-sticky", optSession: longSession}, {optBalancer: balancerBroker},
	} {
		t.Run(options[optBalancer], func(t *testing.T) {
			r := newRig(t, server, drivers.Accepted, options)
			spec := drivers.ConsumerSpec{Topic: r.topic, Group: r.topic.Groups[0]}
			first, err := r.Consumer(t.Context(), spec)
			must(t, err)
			must(t, r.send(1, "one", "two"))
			got := hand(t, first, 2, 20*time.Second)
			if len(got) != 2 {
				t.Fatalf("received %v", got)
			}
			must(t, first.Ack(t.Context(), got[:1]))
			depth(t, r.session, r.topic, 1)
			first.(*member).lose(errLost)
			if _, err := first.Receive(t.Context(), got); !errors.Is(err, errLost) {
				t.Fatalf("a member that was cut off says %v", err)
			}
			must(t, first.Close(t.Context()))
			again := comes(t, r, spec)
			if got := hand(t, again, 1, 20*time.Second); len(got) != 1 || string(got[0].Body) != "two" {
				t.Errorf("received %v", got)
			}
		})
	}
}

// comes joins the group, within a time that is shorter than sessions are here.
func comes(t *testing.T, r *rig, spec drivers.ConsumerSpec) drivers.Consumer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := r.Consumer(ctx, spec)
	must(t, err)
	return c
}

// TestJoinGivenUp has a member wait in vain for the only shard. Once it has given up nothing is kept for it: the next one gets the shard.
func TestJoinGivenUp(t *testing.T) {
	server := startKafka(t, 1, map[string]string{"group.consumer.session.timeout.ms": "50000"}).Servers()
	for _, static := range []string{"true", "false"} {
		t.Run("names "+static, func(t *testing.T) {
			r := newRig(t, server, drivers.Accepted, map[string]string{optBalancer: balancerBroker, optStatic: static})
			spec := drivers.ConsumerSpec{Topic: r.topic, Group: r.topic.Groups[0]}
			first, err := r.Consumer(t.Context(), spec)
			must(t, err)
			spec.Member = 1
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if c, err := r.Consumer(ctx, spec); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("a second member for one shard: %v, %v", c, err)
			}
			must(t, first.Close(t.Context()))
			must(t, r.send(1, "one"))
			if got := hand(t, comes(t, r, spec), 1, 20*time.Second); len(got) != 1 {
				t.Errorf("received %v", got)
			}
		})
	}
}

// TestSessionTimeoutOfTheBroker: what the broker alone decides is not set without a word.
func TestSessionTimeoutOfTheBroker(t *testing.T) {
	for _, test := range []struct {
		options drivers.Options
		refused bool
	}{
		{drivers.Options{optBalancer: balancerBroker, optSession: "10s"}, true},
		{drivers.Options{optBalancer: balancerBroker, optStatic: "true"}, false},
		{drivers.Options{optBalancer: "range", optSession: "10s"}, false},
	} {
		cfg := drivers.Config{Options: test.options, Guarantee: drivers.Accepted}
		_, opened := New().settings(cfg)
		reached := New().Reach(cfg, drivers.Topic{Name: "t", Replicas: 1})
		for _, err := range []error{opened, reached} {
			if (err != nil) != test.refused || err != nil && !strings.Contains(err.Error(), "set the broker's group.consumer.session.timeout.ms") {
				t.Errorf("%v: %v", test.options, err)
			}
		}
	}
	for options, want := range map[string]time.Duration{"": 10 * time.Second, "3s": 3 * time.Second} {
		given := drivers.Options{}
		if options != "" {
			given[optSession] = options
		}
		if set, err := New().settings(drivers.Config{Options: given}); err != nil || set.session != want {
			t.Errorf("%q is a session of %s, %v", options, set.session, err)
		}
	}
}
