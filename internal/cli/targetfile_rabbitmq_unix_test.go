//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordeal/reports"
)

// rabbitmqElsewhere is a RabbitMQ of one node that ordeal did not start, and a target file for it.
func rabbitmqElsewhere(t *testing.T) (o *others, file string) {
	t.Helper()
	long(t)
	needs(t, "rabbitmq")
	o = elsewhereOf(t, "rabbitmq", 1, nil)
	file = o.file("", 0)
	return o, file
}

// steadyThen is a steady second and a phase with faults on a durable topic: what RabbitMQ confirms of it is synced.
func steadyThen(t *testing.T, fault string) string {
	t.Helper()
	return scenario(t, "  - {name: steady, for: 1s}\n  - name: fault\n    for: 10s\n    faults: ["+fault+"]\n  - {name: recovery, for: 2s}")
}

// Whom a fault names is found by asking the broker where the topic is, or chosen; the user's commands kill it and start it again, and what
// it had confirmed is all there.
func TestRabbitMQKilledByTargetFile(t *testing.T) {
	o, file := rabbitmqElsewhere(t)
	for _, target := range []string{"leader(orders)", "any"} {
		t.Run(target, func(t *testing.T) {
			if err := os.RemoveAll(filepath.Join(o.dir, "started")); err != nil {
				t.Fatal(err)
			}
			c := start(t, "run", steadyThen(t, "{kind: process.kill, target: "+target+", at: 500ms, for: 1s}"), "--on", file,
				"--set", "producers.checkout.guarantee=durable", "--report", "none")
			c.ends(0)
			r := c.report()
			f := r.Faults[0]
			if f.Verdict != reports.Pass || f.Resolved != "n1" || f.Evidence["old pid"] == "" || f.Evidence["old pid"] == f.Evidence["new pid"] {
				t.Errorf("the fault: %+v", f)
			}
			for _, want := range []string{"its kill command ended with 0; a new client: ", "connection refused"} {
				if !strings.Contains(f.Evidence["exit"], want) {
					t.Errorf("the evidence does not say %q: %q", want, f.Evidence["exit"])
				}
			}
			if len(r.Target.Nodes) != 1 || r.Target.Nodes[0] != "n1 "+o.Nodes()[0].Address() || r.Target.GuaranteeVerdict != reports.Pass {
				t.Errorf("the target: %+v", r.Target)
			}
			if started, err := os.ReadFile(filepath.Join(o.dir, "started")); err != nil || !strings.HasPrefix(string(started), "n1 127.0.0.1:") {
				t.Errorf("the start command was run as %q: %v", started, err)
			}
			runs(t, o)
		})
	}
}

// A polite end is one, and a pause bites: a new client is accepted by the kernel and hears nothing.
func TestRabbitMQStoppedAndPausedByTargetFile(t *testing.T) {
	o, file := rabbitmqElsewhere(t)
	for _, test := range []struct{ fault, evidence, says string }{
		{"{kind: process.stop, target: leader(orders), at: 500ms, for: 1s}", "exit", "its stop command ended with 0; a new client: "},
		{"{kind: process.pause, target: any, at: 500ms, for: 1s}", "state", "its pause command ended with 0, and a new client got no byte"},
	} {
		t.Run(test.fault[len("{kind: process."):len("{kind: process.")+5], func(t *testing.T) {
			c := start(t, "run", steadyThen(t, test.fault), "--on", file, "--set", "producers.checkout.guarantee=durable", "--report", "none")
			c.ends(0)
			f := c.report().Faults[0]
			if f.Verdict != reports.Pass || f.Resolved != "n1" || !strings.Contains(f.Evidence[test.evidence], test.says) {
				t.Errorf("the fault: %+v", f)
			}
			runs(t, o)
		})
	}
}

// runs wants every node to run.
func runs(t *testing.T, o *others) {
	t.Helper()
	for _, n := range o.Nodes() {
		if now, err := n.Status(t.Context()); err != nil || !now.Running {
			t.Errorf("%s was left down: %+v, %v", n.Name(), now, err)
		}
	}
}
