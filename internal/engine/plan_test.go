package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/kafka"
	"ordeal/drivers/nats"
	"ordeal/drivers/rabbitmq"
	"ordeal/drivers/redis"
	"ordeal/internal/judge"
)

// What one topic's producers ask for is not owed to the messages of another, nor to those of a careless producer on the same topic.
func TestATopicIsOwedWhatItsOwnProducersAskFor(t *testing.T) {
	const text = `version: 1
name: test
topics: {orders: {replicas: 3}, metrics: {replicas: 3}, mixed: {replicas: 3}}
producers:
  orders: {to: orders, rate: 1/s, guarantee: replicated}
  metrics: {to: metrics, rate: 1/s, guarantee: sent}
  careful: {to: mixed, rate: 1/s, guarantee: replicated}
  careless: {to: mixed, rate: 1/s, guarantee: sent}
consumers: {a: {from: orders}, b: {from: metrics}, c: {from: mixed}}
phases: [{name: only, for: 1s}]
checks: []
`
	path := filepath.Join(t.TempDir(), "scenario.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, d := range []drivers.Driver{kafka.New(), rabbitmq.New(), nats.New(), redis.New()} {
		o := options(t, d, "nats:3", path)
		o.Target.Driver = d.Name()
		p, err := newPlan(&o, 1)
		if err != nil {
			t.Fatalf("%s: %v", d.Name(), err)
		}
		least, most, weak := judge.Semantics(drivers.AtLeastOnce), judge.Semantics(drivers.AtMostOnce), 2
		if d.Name() == "redis" {
			most, weak = least, 0 // it answers every write
		}
		want := map[string]judge.Semantics{"orders": least, "metrics": most, "mixed": most}
		for _, g := range p.judge.Groups {
			if g.Delivery != want[g.Topic] {
				t.Errorf("%s: messages of %s are owed delivery %v, because %s", d.Name(), g.Topic, g.Delivery, g.Why)
			}
		}
		if said := p.promise(d); strings.Count(said, drivers.AtMostOnce.String()) != weak {
			t.Errorf("%s: %s", d.Name(), said)
		}
	}
}
