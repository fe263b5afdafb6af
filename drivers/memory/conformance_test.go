package memory_test

import (
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
	"ordeal/drivers/memory"
)

func TestConformance(t *testing.T) {
	drivertest.Run(t, drivertest.Harness{
		New:     func(*testing.T) (drivers.Driver, drivers.Config) { return memory.New(), drivers.Config{} },
		Models:  []drivers.Model{drivers.Log, drivers.Queue, drivers.Broadcast},
		Flagged: true,
		Keys:    true,
	})
}
