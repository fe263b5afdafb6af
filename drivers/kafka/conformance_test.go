package kafka

import (
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

func harness(servers []string, replicas int) drivertest.Harness {
	return drivertest.Harness{
		New: func(*testing.T) (drivers.Driver, drivers.Config) {
			return New(), drivers.Config{Servers: servers, Options: drivers.Options{optSession: "1s"}}
		},
		Models:  []drivers.Model{drivers.Log, drivers.Queue, drivers.Broadcast},
		Replays: []drivers.Model{drivers.Log, drivers.Queue}, Rebalances: []drivers.Model{drivers.Log, drivers.Queue},
		Replicas: replicas,
		Network:  true,
		Keys:     true,
	}
}

func TestConformance(t *testing.T) {
	h := harness(startKafka(t, 1, nil).Servers(), 1)
	h.Messages = 10_000
	if testing.Short() {
		h.Messages = 2_000
	}
	drivertest.Run(t, h)
}

// TestConformanceCluster runs the suite where every topic has three replicas. Three JVMs share the machine with other tests here, so the brokers
// take their time before they hold each other, or a member, for dead: what is tested is the driver, and not how soon a controller is elected.
func TestConformanceCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster takes a while")
	}
	patient := map[string]string{
		"broker.session.timeout.ms": "9000", "broker.heartbeat.interval.ms": "1000",
		"controller.quorum.election.timeout.ms": "2000", "controller.quorum.fetch.timeout.ms": "6000",
		"replica.lag.time.max.ms": "30000",
	}
	h := harness(startKafka(t, 3, patient).Servers(), 3)
	h.Messages, h.Patience = 1_000, time.Minute
	h.Models = []drivers.Model{drivers.Log, drivers.Queue}
	h.Guarantees = func(drivers.Model) []drivers.Guarantee { return []drivers.Guarantee{drivers.Replicated} }
	drivertest.Run(t, h)
}
