package redis

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

func addresses(nodes ...*node) (out []string) {
	for _, k := range nodes {
		out = append(out, k.address)
	}
	return out
}

// TestFailover promotes a replica after the primary was killed: a new session finds it, and what was replicated is there.
func TestFailover(t *testing.T) {
	first := startNode(t)
	replicas := startReplicas(t, first, 2)
	all := append([]*node{first}, replicas...)
	cfg := drivers.Config{Servers: addresses(all...), Guarantee: drivers.Replicated, Options: drivers.Options{optWaitTimeout: "5s"}}
	s := connect(t, cfg)
	topic := topicOf(t, s, 3)
	place, err := s.Locate(t.Context(), topic, 0)
	slices.Sort(place.Followers)
	if err != nil || place.Leader != "n1" || !slices.Equal(place.Followers, []string{"n2", "n3"}) {
		t.Errorf("placed at %+v, %v", place, err)
	}
	acked, _ := produce(t, s, topic, drivers.Replicated).one(t)
	if acked.Outcome != drivers.Acked {
		t.Fatalf("%s: %v", acked.Outcome, acked.Err)
	}
	first.kill()
	second := replicas[0]
	if slices.Contains(s.positions(t, replicas[1], topic), acked.Position) { // WAIT asked for one of the two
		second = replicas[1]
	}
	second.run("REPLICAOF", "NO", "ONE")
	later := connect(t, cfg)
	if place, err = later.Locate(t.Context(), topic, 0); err != nil || place.Leader != cfgName(cfg, second) {
		t.Errorf("after the failover: %+v, %v", place, err)
	}
	c, err := later.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	ds := make([]drivers.Delivery, 1)
	if n, err := c.Receive(t.Context(), ds); n != 1 || err != nil || ds[0].Position != acked.Position {
		t.Errorf("%d deliveries, %v, at %s; want %s", n, err, ds[0].Position, acked.Position)
	}
}

func cfgName(cfg drivers.Config, k *node) string {
	return map[int]string{0: "n1", 1: "n2", 2: "n3"}[slices.Index(cfg.Servers, k.address)]
}

// positions are those of what a node holds.
func (s *session) positions(t *testing.T, k *node, topic drivers.Topic) (out []drivers.Position) {
	t.Helper()
	l, err := k.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	reply, err := l.ask(t.Context(), "XRANGE", topic.Name+":0", "-", "+")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := reply.ToArray()
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		var d drivers.Delivery
		if _, err := readEntry(&entries[i], &d); err != nil {
			t.Fatal(err)
		}
		out = append(out, d.Position)
	}
	return out
}

// TestTwoPrimaries comes upon a server that slept through a failover and still calls itself the primary: the one with replicas is right.
func TestTwoPrimaries(t *testing.T) {
	stale, primary := startNode(t), startNode(t)
	replica := startReplicas(t, primary, 1)[0]
	s := connect(t, drivers.Config{Servers: addresses(stale, primary, replica)})
	if s.control.server != primary.address {
		t.Errorf("connected to %s, the primary with a replica is %s", s.control.server, primary.address)
	}
	replica.kill()
	primary.await(func(i info) bool { return i.online() == 0 })
	if s := connect(t, drivers.Config{Servers: addresses(stale, primary)}); s.control.server != stale.address {
		t.Errorf("of two alike the first is taken, not %s", s.control.server)
	}
}

// TestDemoted makes a replica of the primary under a session: producer, consumer and session end, with an error that says why.
func TestDemoted(t *testing.T) {
	first, second := startNode(t), startNode(t)
	s := connect(t, drivers.Config{Servers: addresses(first)})
	topic := topicOf(t, s, 1)
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	p := produce(t, s, topic, drivers.Accepted)
	host, port, _ := strings.Cut(second.address, ":")
	first.run("REPLICAOF", host, port)
	if r, after := p.one(t); r.Outcome != drivers.Rejected || after == nil {
		t.Errorf("%s: %v, then %v", r.Outcome, r.Err, after)
	}
	if n, err := c.Receive(t.Context(), make([]drivers.Delivery, 1)); n > 0 || err == nil {
		t.Errorf("%d deliveries, %v", n, err)
	}
	if _, err := s.Locate(t.Context(), topic, 0); !errors.Is(err, errReplica) {
		t.Errorf("locate: %v", err)
	}
	if _, err := s.End(t.Context(), topic); !errors.Is(err, errLost) {
		t.Errorf("a session of a replica answers: %v", err)
	}
}

// TestRefusedServers connects to what is no primary to work with; every error says what to do.
func TestRefusedServers(t *testing.T) {
	primary := startNode(t)
	replica := startNode(t, "--replicaof", strings.Replace(primary.address, ":", " ", 1))
	primary.run("CONFIG", "SET", "requirepass", "secret")
	alone := startNode(t, "--cluster-enabled", "yes")
	silent := startNode(t)
	silent.pause()
	for _, row := range []struct {
		name, want string
		cfg        drivers.Config
	}{
		{"no server", "refused", drivers.Config{Servers: []string{freeAddress(t)}}},
		{"no password", "NOAUTH", drivers.Config{Servers: addresses(primary)}},
		{"wrong password", "WRONGPASS", drivers.Config{Servers: addresses(primary), Auth: drivers.Auth{Password: "guess"}}},
		{"a replica", "address of its primary 127.0.0.1:", drivers.Config{Servers: addresses(replica)}},
		{"only replicas", "no primary", drivers.Config{Servers: []string{replica.address, freeAddress(t)}}},
		{"a cluster", "Redis Cluster", drivers.Config{Servers: addresses(alone)}},
		{"a silent server", "answer", drivers.Config{Servers: addresses(silent), Options: drivers.Options{optAnswerTimeout: "300ms"}}},
		{"an odd option", "wait_timeout", drivers.Config{Servers: addresses(alone), Options: drivers.Options{optWaitTimeout: "0s"}}},
		{"nothing", "no server was given", drivers.Config{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := New().Open(t.Context(), row.cfg, drivertest.Env("refused"))
			if err == nil {
				s.Close(context.Background()) //nolint:errcheck // the test has failed
				t.Fatal("a session was opened")
			}
			if !strings.Contains(err.Error(), row.want) {
				t.Errorf("%q does not say %q", err, row.want)
			}
		})
	}
	if s := connect(t, drivers.Config{Servers: addresses(primary), Auth: drivers.Auth{Password: "secret"}}); s.version == "" {
		t.Error("no version")
	}
}
