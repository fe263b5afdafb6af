package redis

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// needRedis8 makes the servers of this test Redis 8, from the root folder that `make brokers` makes. Where it is missing the test is
// skipped, and fails under CI.
func needRedis8(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the suite again")
	}
	path, err := filepath.Abs("../../.brokers/redis-8/redis-server")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		const remedy = "Redis 8 is missing: run make brokers as root, on Debian"
		if os.Getenv("CI") == "true" {
			t.Fatal(remedy)
		}
		t.Skip(remedy)
	}
	t.Setenv("REDIS_SERVER", path)
}

// TestConformanceRedis8 runs the suite on one server of Redis 8.
func TestConformanceRedis8(t *testing.T) {
	needRedis8(t)
	k := startNode(t)
	if s := connect(t, drivers.Config{Servers: addresses(k)}); !strings.HasPrefix(s.version, "8.") {
		t.Fatalf("the server is %s", s.version)
	}
	h := harness(k.address)
	h.Messages = 5_000
	drivertest.Run(t, h)
	h.Models, h.Keys = []drivers.Model{drivers.Broadcast}, false
	t.Run("broadcast", func(t *testing.T) { drivertest.Run(t, h) })
}

// TestConformanceRedis8Replicas runs the suite on a pair, where an ack means a replica, and on three, where it means the files of two.
func TestConformanceRedis8Replicas(t *testing.T) {
	needRedis8(t)
	t.Run("pair", func(t *testing.T) {
		primary := startNode(t)
		h := harness(addresses(append(startReplicas(t, primary, 1), primary)...)...)
		h.Messages, h.Replicas, h.Guarantees = 2_000, 2, only(drivers.Replicated)
		drivertest.Run(t, h)
	})
	t.Run("three", func(t *testing.T) {
		synced := []string{"--appendonly", "yes", "--appendfsync", "always"}
		primary := startNode(t, synced...)
		h := harness(addresses(append(startReplicas(t, primary, 2, synced...), primary)...)...)
		h.Models, h.Messages, h.Replicas, h.Guarantees = []drivers.Model{drivers.Log}, 500, 3, only(drivers.Durable)
		drivertest.Run(t, h)
	})
}
