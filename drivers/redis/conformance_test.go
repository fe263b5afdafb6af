package redis

import (
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

func harness(servers ...string) drivertest.Harness {
	return drivertest.Harness{
		New: func(*testing.T) (drivers.Driver, drivers.Config) {
			return New(), drivers.Config{Servers: servers, Options: drivers.Options{optClaimIdle: "1s", optWaitTimeout: "5s"}}
		},
		Models:  []drivers.Model{drivers.Log, drivers.Queue},
		Keys:    true,
		Network: true,
		Flagged: true,
		Replays: []drivers.Model{drivers.Log},
		Trim:    trimmer(servers),
	}
}

// trimmer makes a stream forget what it has before a position.
func trimmer(servers []string) func(*testing.T, drivers.Topic, int, drivers.Position) {
	return func(t *testing.T, topic drivers.Topic, shard int, oldest drivers.Position) {
		t.Helper()
		s := connect(t, drivers.Config{Servers: servers})
		if _, err := s.control.ask(t.Context(), "XTRIM", newRoute(topic).keys[shard], "MINID", oldest.String()); err != nil {
			t.Fatal(err)
		}
	}
}

func only(g drivers.Guarantee) func(drivers.Model) []drivers.Guarantee {
	return func(drivers.Model) []drivers.Guarantee { return []drivers.Guarantee{g} }
}

func TestConformance(t *testing.T) {
	h := harness(startNode(t).address)
	if testing.Short() {
		h.Messages = 5_000
	}
	drivertest.Run(t, h)
}

// TestConformanceBroadcast is apart because keys do not travel by pub/sub.
func TestConformanceBroadcast(t *testing.T) {
	h := harness(startNode(t).address)
	h.Models, h.Keys, h.Messages = []drivers.Model{drivers.Broadcast}, false, 20_000
	drivertest.Run(t, h)
}

// TestConformanceList is apart because a list keeps neither keys nor counts.
func TestConformanceList(t *testing.T) {
	k := startNode(t)
	h := harness(k.address)
	h.Models, h.Keys, h.Flagged, h.Messages = []drivers.Model{drivers.Queue}, false, false, 10_000
	h.New = func(*testing.T) (drivers.Driver, drivers.Config) {
		return New(), drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optClaimIdle: "1s", optQueue: "list"}}
	}
	drivertest.Run(t, h)
}

func TestConformanceDurable(t *testing.T) {
	if testing.Short() {
		t.Skip("the suite again")
	}
	h := harness(startNode(t, "--appendonly", "yes", "--appendfsync", "always").address)
	h.Messages, h.Guarantees = 5_000, only(drivers.Durable)
	drivertest.Run(t, h)
}

func TestConformanceReplicated(t *testing.T) {
	if testing.Short() {
		t.Skip("the suite again")
	}
	primary := startNode(t)
	replicas := startReplicas(t, primary, 2)
	h := harness(addresses(append(replicas, primary)...)...) // the primary is last, and has to be found
	h.Messages, h.Replicas, h.Guarantees = 5_000, 3, only(drivers.Replicated)
	drivertest.Run(t, h)
}
