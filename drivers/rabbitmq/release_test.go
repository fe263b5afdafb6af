package rabbitmq

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// needRabbitMQ4 makes the clusters of this test those of RabbitMQ 4, from the root folder that `make brokers` makes. Where it is missing the test is
// skipped, and fails under CI.
func needRabbitMQ4(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the suite again")
	}
	root, err := filepath.Abs("../../.brokers/debian13")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root); err != nil {
		const remedy = "RabbitMQ 4 is missing: run make brokers as root, on Debian"
		if os.Getenv("CI") == "true" {
			t.Fatal(remedy)
		}
		t.Skip(remedy)
	}
	t.Setenv("RABBITMQ_ROOT", root)
	t.Setenv("RABBITMQ_HOME", "")
}

// TestConformanceRabbitMQ4 runs the suite on one node of 4.x: each type of queue. It has no mirrored queues, gives a message of a quorum queue up
// after 20 deliveries unless told otherwise, and keeps what it knows of queues in another store.
func TestConformanceRabbitMQ4(t *testing.T) {
	needRabbitMQ4(t)
	c := startRabbitMQ(t, 1, nil)
	if !strings.HasPrefix(c.Version(), "4.") {
		t.Fatalf("the broker is %s", c.Version())
	}
	for _, kind := range []string{typeClassic, typeQuorum, typeStream} {
		t.Run(kind, func(t *testing.T) {
			h := harness(c.Servers(), drivers.Options{optQueueType: kind})
			h.Messages, h.Flagged = 1_000, kind == typeQuorum
			switch kind {
			case typeQuorum:
				h.Models = []drivers.Model{drivers.Log, drivers.Queue}
				h.Guarantees = func(drivers.Model) []drivers.Guarantee { return []drivers.Guarantee{drivers.Durable} }
			case typeStream:
				h.Models, h.Replays, h.Rebalances = streamModels(), streamModels(), streamModels()
			}
			drivertest.Run(t, h)
		})
	}
}

// TestConformanceRabbitMQ4Cluster runs the suite on three nodes of 4.x, every queue with three replicas.
func TestConformanceRabbitMQ4Cluster(t *testing.T) {
	needRabbitMQ4(t)
	c := startRabbitMQ(t, 3, nil)
	h := harness(c.Servers(), drivers.Options{optQueueType: typeQuorum})
	h.Models, h.Replicas, h.Messages, h.Flagged = []drivers.Model{drivers.Log, drivers.Queue}, 3, 300, true
	h.Guarantees = func(drivers.Model) []drivers.Guarantee { return []drivers.Guarantee{drivers.Replicated} }
	drivertest.Run(t, h)
}
