package redis

import (
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

func harness(servers ...string) drivertest.Harness {
	return drivertest.Harness{
		New: func(*testing.T) (drivers.Driver, drivers.Config) {
			return New(), drivers.Config{Servers: servers, Options: drivers.Options{optClaimIdle: "1s"}}
		},
		Network: true,
		Flagged: true,
	}
}

func TestConformance(t *testing.T) {
	h := harness(startNode(t).address)
	h.Models, h.Keys, h.Messages = []drivers.Model{drivers.Log, drivers.Queue}, true, 50_000
	if testing.Short() {
		h.Messages = 5_000
	}
	drivertest.Run(t, h)
}

// TestConformanceBroadcast is apart because keys do not travel by pub/sub.
func TestConformanceBroadcast(t *testing.T) {
	h := harness(startNode(t).address)
	h.Models, h.Messages = []drivers.Model{drivers.Broadcast}, 20_000
	drivertest.Run(t, h)
}
