//go:build unix

package cli

import (
	"strings"
	"testing"

	"ordeal/internal/cluster/clustertest"
	"ordeal/reports"
)

// byCommand is a fault on a broker that ordeal did not start, and what its evidence must say.
type byCommand struct {
	fault, evidence, says string
	restarted             bool
}

// A Kafka that ordeal did not start is killed and paused by the user's commands. Each fault bites, by what a new client meets, heals,
// and takes nothing that was acked.
func TestKafkaByTargetFile(t *testing.T) {
	byTargetFile(t, "kafka", []byCommand{
		{"{kind: process.kill, target: leader(orders), at: 500ms, for: 500ms}", "exit", "its kill command ended with 0; a new client: ", true},
		{"{kind: process.pause, target: any, at: 500ms, for: 500ms}", "state", "its pause command ended with 0, and a new client got no byte", false},
	})
}

// The same on RabbitMQ, on a durable topic: what it confirms of that is synced, so that a kill takes none of it.
func TestRabbitMQByTargetFile(t *testing.T) {
	byTargetFile(t, "rabbitmq", []byCommand{
		{"{kind: process.kill, target: leader(orders), at: 500ms, for: 500ms}", "exit", "its kill command ended with 0; a new client: ", true},
		{"{kind: process.pause, target: any, at: 500ms, for: 500ms}", "state", "its pause command ended with 0, and a new client got no byte", false},
	}, "--set", "producers.checkout.guarantee=durable")
}

func byTargetFile(t *testing.T, kind string, tests []byCommand, args ...string) {
	t.Helper()
	long(t)
	clustertest.Need(t, kind)
	t.Parallel() // most of it is waiting for the broker
	o := elsewhereOf(t, kind, 1, nil)
	path := o.file("", 0)
	for _, test := range tests {
		_, name, _ := strings.Cut(test.fault, "process.")
		name, _, _ = strings.Cut(name, ",")
		t.Run(name, func(t *testing.T) {
			before := pidOf(t, o)
			c := start(t, append([]string{
				"run", scenario(t, "  - {name: steady, for: 1s}\n  - name: fault\n    for: 8s\n    faults:\n      - "+test.fault),
				"--on", path, "--report", "none",
			}, args...)...)
			c.ends(0)
			r := c.report()
			f := r.Faults[0]
			if f.Verdict != reports.Pass || f.Resolved != "n1" || !strings.Contains(f.Evidence[test.evidence], test.says) {
				t.Errorf("the fault is %s on %s, because %s: %v", f.Verdict, f.Resolved, f.Why, f.Evidence)
			}
			if f.Effective < f.Requested || f.Recovered <= f.Effective || f.Settled < f.Recovered {
				t.Errorf("its times are no course: %+v", f)
			}
			if after := pidOf(t, o); (before != after) != test.restarted {
				t.Errorf("its process was %d and is %d", before, after)
			}
			if old := f.Evidence["old pid"]; test.restarted && (old == "" || old == f.Evidence["new pid"]) {
				t.Errorf("the new process is the old one: %v", f.Evidence)
			}
			if len(r.Target.Nodes) != 1 || r.Target.Nodes[0] != "n1 "+o.Nodes()[0].Address() || r.Counts.Acked == 0 || !r.Drains[0].Complete {
				t.Errorf("the target %+v, counts %+v, drain %+v", r.Target, r.Counts, r.Drains[0])
			}
		})
	}
}

// pidOf is that of the only node, which must run.
func pidOf(t *testing.T, o *others) int {
	t.Helper()
	now, err := o.Nodes()[0].Status(t.Context())
	if err != nil || !now.Running {
		t.Fatalf("the node is down: %+v, %v", now, err)
	}
	return now.PID
}
