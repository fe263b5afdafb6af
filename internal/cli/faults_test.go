package cli

import (
	"strings"
	"testing"

	"ordeal/reports"
)

// long skips what takes seconds when tests are to be short.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a run with a real broker takes seconds; make unit runs it")
	}
}

// Every fault bites on a real broker, heals, and leaves everything that was acked in its place.
func TestFaultsBite(t *testing.T) {
	long(t)
	tests := []struct {
		name, fault string
		evidence    []string
	}{
		{"kill", "{kind: process.kill, target: any, at: 1s, for: 300ms}", []string{"old pid", "new pid", "exit"}},
		{"pause", "{kind: process.pause, target: n1, at: 1s, for: 300ms}", []string{"pid"}},
		{"stop", "{kind: process.stop, target: leader(orders), at: 1s, for: 300ms}", []string{"old pid", "new pid"}},
		{"latency", "{kind: network.latency, target: all, at: 1s, for: 500ms, delay: 20ms, jitter: 5ms}", nil},
		{"reset", "{kind: network.reset, target: all, at: 1s, for: 300ms, every: 100ms}", nil},
		{"reset to the end", "{kind: network.reset, target: all, at: 1s, for: 1800ms, every: 300ms}", nil},
		{"blackhole", "{kind: network.blackhole, target: producers, at: 1s, for: 400ms}", nil},
		{"stall", "{kind: network.blackhole, target: consumers, at: 1s, for: 400ms, mode: stall}", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			phases := "  - {name: steady, for: 1s}\n  - name: fault\n    for: 2s\n    faults:\n      - " +
				strings.Replace(test.fault, "at: 1s", "at: 200ms", 1)
			c := start(t, "run", scenario(t, phases))
			c.ends(0)
			r := c.report()
			f := r.Faults[0]
			if f.Verdict != reports.Pass || f.Why == "" {
				t.Errorf("the fault is %s: %s", f.Verdict, f.Why)
			}
			if f.Requested <= 0 || f.Effective < f.Requested || f.Recovered <= f.Effective || f.Settled < f.Recovered {
				t.Errorf("its times are no course: %+v", f)
			}
			for _, name := range test.evidence {
				if f.Evidence[name] == "" {
					t.Errorf("its evidence has no %q: %v", name, f.Evidence)
				}
			}
			if f.Evidence["old pid"] != "" && f.Evidence["old pid"] == f.Evidence["new pid"] {
				t.Errorf("the new process is the old one: %v", f.Evidence)
			}
			if !r.Drains[0].Complete || r.Counts.Unsent != 0 || r.Counts.Attempted != 1500 {
				t.Errorf("drain %+v, counts %+v", r.Drains[0], r.Counts)
			}
			again := startIn(t, c.dir, "check", c.folder())
			again.ends(0)
			if left := processesOf(t, c.dir); len(left) > 0 {
				t.Errorf("left running: %v", left)
			}
		})
	}
}

// A fault in the first second of a run meets the load that there is.
func TestFaultAtOnce(t *testing.T) {
	long(t)
	c := start(t, "run", scenario(t, "  - name: fault\n    for: 2s\n    faults:\n      - {kind: network.latency, target: all, at: 600ms, for: 500ms, delay: 5ms}"))
	c.ends(0)
	if f := c.report().Faults[0]; f.Evidence["acks in the second before"] == "0" {
		t.Errorf("the fault: %+v", f)
	}
}

func TestLeaderCrashOnACluster(t *testing.T) {
	long(t)
	c := start(t, "run", "leader-crash", "--on", "nats:3", "--set", "producers.checkout.rate=500/s", "--set", "phases.warm-up.for=500ms",
		"--set", "phases.steady.for=1s", "--set", "phases.fault.for=8s", "--set", "phases.recovery.for=1s",
		"--set", "phases.fault.faults=[{kind: process.kill, target: leader(orders), at: 500ms, for: 5s}]", "--set", "drain.idle=200ms",
		"--set", "gates=[]", "--report", "none")
	c.ends(0)
	r := c.report()
	if f := r.Faults[0]; f.Verdict != reports.Pass || !strings.HasPrefix(f.Resolved, "n") || f.Evidence["exit"] != "signal: killed" {
		t.Errorf("the fault: %+v", f)
	}
	if len(r.Target.Nodes) != 3 || r.Target.Guarantee != "replicated" || r.Target.GuaranteeVerdict != reports.Pass {
		t.Errorf("the target: %+v", r.Target)
	}
	if left := processesOf(t, c.dir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

// A fault that meets no load, or nobody, proves nothing: exit 3 though every check passed.
func TestFaultsThatDoNotBite(t *testing.T) {
	long(t)
	tests := []struct{ name, phases, rate, want string }{
		{
			"no load", "  - {name: steady, for: 500ms}\n  - name: fault\n    for: 2500ms\n    faults:\n" +
				"      - {kind: process.kill, target: any, at: 1800ms, for: 100ms}",
			"{steps: [{rate: 500/s, for: 300ms}, {rate: 0/s, for: 10s}]}", "No message was acked in the second before, so it met no load",
		},
		{
			"nothing to delay", "  - {name: steady, for: 500ms}\n  - name: fault\n    for: 2s\n    faults:\n" +
				"      - {kind: network.reset, target: checkout, at: 300ms, for: 100ms, share: 0%}",
			"500/s", "chooses no open connection now",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := start(t, "run", scenario(t, test.phases), "--set", "producers.checkout.rate="+test.rate)
			c.ends(3)
			c.said(test.want)
			r := c.report()
			if r.Faults[0].Verdict != reports.Inconclusive || r.Verdict != reports.Inconclusive {
				t.Errorf("the fault is %s, the run %s", r.Faults[0].Verdict, r.Verdict)
			}
			for i := range r.Checks {
				if r.Checks[i].Verdict != reports.Pass {
					t.Errorf("%s is %s: %s", r.Checks[i].Name, r.Checks[i].Verdict, r.Checks[i].Why)
				}
			}
			again := startIn(t, c.dir, "check", c.folder())
			again.ends(3)
		})
	}
}
