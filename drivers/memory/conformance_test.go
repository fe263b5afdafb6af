package memory_test

import (
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
	"ordeal/drivers/memory"
)

func TestConformance(t *testing.T) {
	var d *memory.Driver // of the subtest that runs
	drivertest.Run(t, drivertest.Harness{
		New: func(*testing.T) (drivers.Driver, drivers.Config) {
			d = memory.New()
			return d, drivers.Config{}
		},
		Models:  []drivers.Model{drivers.Log, drivers.Queue, drivers.Broadcast},
		Replays: []drivers.Model{drivers.Log}, Rebalances: []drivers.Model{drivers.Log},
		Flagged: true,
		Keys:    true,
		Trim: func(t *testing.T, topic drivers.Topic, shard int, before drivers.Position) {
			if err := d.Trim(topic.Name, shard, before); err != nil {
				t.Fatal(err)
			}
		},
	})
}
