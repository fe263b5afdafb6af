package nats

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

func harness(servers []string, replicas int) drivertest.Harness {
	return drivertest.Harness{
		New: func(*testing.T) (drivers.Driver, drivers.Config) {
			return New(), drivers.Config{Servers: servers, Options: drivers.Options{optAckWait: "1s", optStorage: "memory"}}
		},
		Models:   []drivers.Model{drivers.Log, drivers.Queue, drivers.Broadcast},
		Replicas: replicas,
		MaxBody:  1 << 20,
		Network:  true,
		Flagged:  true,
		Replays:  []drivers.Model{drivers.Log},
		Trim:     trim(servers),
	}
}

// trim makes a stream forget what a shard has before a position.
func trim(servers []string) func(*testing.T, drivers.Topic, int, drivers.Position) {
	return func(t *testing.T, topic drivers.Topic, shard int, oldest drivers.Position) {
		t.Helper()
		s := connect(t, nil, servers...)
		stream, err := s.js.Stream(t.Context(), topic.Name)
		if err == nil {
			subject := newRoute(topic).subjects[shard]
			err = stream.Purge(t.Context(), jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(oldest.Minor))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestConformance(t *testing.T) {
	h := harness(addresses(startNodes(t, 1, "")), 1)
	if testing.Short() {
		h.Messages = 5_000
	}
	drivertest.Run(t, h)
}

func TestConformanceCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster takes a while")
	}
	h := harness(addresses(startNodes(t, 3, "")), 3)
	h.Messages = 5_000
	h.Guarantees = func(m drivers.Model) []drivers.Guarantee {
		if m == drivers.Broadcast {
			return []drivers.Guarantee{drivers.Sent}
		}
		return []drivers.Guarantee{drivers.Replicated}
	}
	drivertest.Run(t, h)
}
