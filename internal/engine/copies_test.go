package engine

import (
	"fmt"
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/redis"
	"ordeal/reports"
	"ordeal/scenarios"
)

// copiesOptions are a scenario on a target of Redis, which has a cluster of two.
func copiesOptions(t *testing.T, target, guarantee string, replicas int) Options {
	t.Helper()
	text := fmt.Sprintf("version: 1\nname: copies\ntopics: {orders: {replicas: %d}}\n"+
		"producers: {p: {to: orders, rate: 10/s, guarantee: %s}}\nconsumers: {c: {from: orders}}\nphases: [{name: steady, for: 1s}]\n",
		replicas, guarantee)
	words := vocabulary()
	words.Drivers["redis"] = redis.New().Options()
	sc, err := scenarios.Read(strings.NewReader(text), "copies.yaml", words)
	if err != nil {
		t.Fatal(err)
	}
	to, err := ParseTarget(target, []string{"redis"})
	if err != nil {
		t.Fatal(err)
	}
	return Options{Scenario: sc, Target: to, Driver: redis.New(), Faults: kinds(), Out: t.TempDir()}
}

// A topic has no more copies than the target has nodes, where the guarantee holds all the same, and the run says so; else it is refused.
func TestCopiesFollowTheNodes(t *testing.T) {
	tests := []struct {
		target, guarantee string
		replicas          int
		have              int // 0: as many as asked
		refused           string
	}{
		{"redis:3", "replicated", 3, 0, ""},
		{"redis:2", "replicated", 2, 0, ""},
		{"redis:2", "replicated", 3, 2, ""},
		{"redis:2", "durable", 3, 2, ""},
		{"redis:2", "accepted", 3, 0, "topic orders wants 3 replicas, and target redis:2 has 2 node(s); use --on redis:3"},
		{"redis", "replicated", 3, 0, "topic orders wants 3 replicas, and target redis has 1 node(s); use --on redis:3"},
		{"redis", "durable", 3, 0, "has 1 node(s)"},
		{"redis://127.0.0.1:1", "replicated", 3, 0, ""}, // how many nodes there are only that broker knows
	}
	for _, test := range tests {
		name := fmt.Sprintf("%s %s of %d", test.target, test.guarantee, test.replicas)
		text, err := Rehearse(copiesOptions(t, test.target, test.guarantee, test.replicas))
		switch {
		case test.refused != "":
			if err == nil || !strings.Contains(err.Error(), test.refused) || ExitCode(err) != ExitEnvironment {
				t.Errorf("%s: %v, expected %s", name, err, test.refused)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case strings.Contains(text, "copies instead of") != (test.have > 0):
			t.Errorf("%s: rehearsed as\n%s", name, text)
		}
	}
}

// The fact stands with the others that the guarantee rests on and does not contradict it.
func TestFewerCopiesAreAFact(t *testing.T) {
	o := copiesOptions(t, "redis:2", "replicated", 3)
	p, err := newPlan(&o, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p.topics[0].Replicas != 2 || len(p.shortfalls) != 1 {
		t.Fatalf("topic %+v, shortfalls %v", p.topics[0], p.shortfalls)
	}
	for _, producer := range p.worker.Producers {
		if producer.Topic.Replicas != 2 {
			t.Errorf("producer %s sends to %+v", producer.Name, producer.Topic)
		}
	}
	x := &execution{Options: o, plan: p, run: &reports.Run{}}
	if err := x.audit("orders", []drivers.Fact{p.shortfalls[0].fact()}); err != nil {
		t.Fatal(err)
	}
	if f := x.run.Target.Audit[0]; f.Want != "3" || f.Have != "2" || !strings.Contains(f.Note, "a majority of them, 2") {
		t.Errorf("the fact is %+v", f)
	}
}
