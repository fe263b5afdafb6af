package kafka

import (
	"os"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

func harness(servers []string, replicas int) drivertest.Harness {
	return drivertest.Harness{
		New: func(*testing.T) (drivers.Driver, drivers.Config) {
			return New(), drivers.Config{Servers: servers, Options: drivers.Options{optSession: "1s"}}
		},
		Models:   []drivers.Model{drivers.Log, drivers.Queue, drivers.Broadcast},
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

func TestConformanceCluster(t *testing.T) {
	if os.Getenv("ORDEAL_CLUSTERS") == "" {
		t.Skip("three JVMs on two cores need the machine for themselves: run make clusters")
	}
	h := harness(startKafka(t, 3, nil).Servers(), 3)
	h.Messages = 5_000
	h.Models = []drivers.Model{drivers.Log, drivers.Queue}
	h.Guarantees = func(drivers.Model) []drivers.Guarantee { return []drivers.Guarantee{drivers.Replicated} }
	drivertest.Run(t, h)
}
