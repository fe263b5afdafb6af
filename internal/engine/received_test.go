package engine

import (
	"testing"

	"ordeal/drivers"
	"ordeal/internal/worker"
)

// A slow group of one topic says nothing of what another topic's groups receive.
func TestReceivedIsOfTheSlowestGroupOfEachTopic(t *testing.T) {
	orders, audit := drivers.Topic{Name: "orders"}, drivers.Topic{Name: "audit"}
	x := &execution{plan: &plan{topics: []drivers.Topic{orders, audit, {Name: "unread"}}}}
	counts := map[string]float64{}
	for i, g := range []struct {
		topic              drivers.Topic
		received, repeated float64
	}{{orders, 5000, 0}, {audit, 12, 2}, {orders, 4900, 100}} {
		x.plan.worker.Groups = append(x.plan.worker.Groups, worker.Group{ID: uint32(i), Topic: g.topic})
		counts[worker.ReceivedCounter(uint32(i))], counts[worker.RepeatedCounter(uint32(i))] = g.received, g.repeated
	}
	if got := x.received(counts); got != 4810 {
		t.Errorf("%v messages a second, expected those of the slower group of orders and of audit: 4810", got)
	}
}
