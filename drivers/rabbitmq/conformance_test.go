package rabbitmq

import (
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

func harness(servers []string, options drivers.Options) drivertest.Harness {
	return drivertest.Harness{
		New: func(*testing.T) (drivers.Driver, drivers.Config) {
			return New(), drivers.Config{Servers: servers, Options: options}
		},
		Models:   []drivers.Model{drivers.Log, drivers.Queue, drivers.Broadcast},
		Messages: 5_000,
		Network:  true,
		Keys:     true,
	}
}

// TestConformance runs the suite on one node: once on classic queues, once on quorum queues, which count deliveries.
func TestConformance(t *testing.T) {
	servers := startRabbitMQ(t, 1, nil).Servers()
	t.Run("classic", func(t *testing.T) {
		drivertest.Run(t, harness(servers, nil))
	})
	t.Run("quorum", func(t *testing.T) {
		h := harness(servers, drivers.Options{optQueueType: typeQuorum})
		h.Models, h.Flagged = []drivers.Model{drivers.Log, drivers.Queue}, true
		h.Guarantees = func(drivers.Model) []drivers.Guarantee { return []drivers.Guarantee{drivers.Durable} }
		drivertest.Run(t, h)
	})
}

// streamModels are the models that stream queues are for.
func streamModels() []drivers.Model { return []drivers.Model{drivers.Log} }

// TestConformanceStream runs the suite on streams of one node.
func TestConformanceStream(t *testing.T) {
	h := harness(startRabbitMQ(t, 1, nil).Servers(), drivers.Options{optQueueType: typeStream})
	h.Models, h.Replays, h.Rebalances = streamModels(), streamModels(), streamModels()
	drivertest.Run(t, h)
}

// TestConformanceCluster runs the suite where every queue has three replicas.
func TestConformanceCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster takes a while")
	}
	servers := startRabbitMQ(t, 3, nil).Servers()
	for _, kind := range []string{typeQuorum, typeStream} {
		t.Run(kind, func(t *testing.T) {
			h := harness(servers, drivers.Options{optQueueType: kind})
			h.Models, h.Replicas, h.Messages, h.Flagged = []drivers.Model{drivers.Log, drivers.Queue}, 3, 500, true
			if kind == typeStream {
				h.Models, h.Flagged, h.Replays, h.Rebalances = streamModels(), false, streamModels(), streamModels()
			}
			h.Guarantees = func(drivers.Model) []drivers.Guarantee { return []drivers.Guarantee{drivers.Replicated} }
			drivertest.Run(t, h)
		})
	}
}
