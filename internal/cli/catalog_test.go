package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ordeal/internal/cluster/clustertest"
	"ordeal/reports"
	"ordeal/scenarios"
)

// shortened is a built-in scenario made short enough for a test: what it does stays, how long it takes does not. What a gate asks of a quiet
// machine is not asked of one that is testing.
type shortened struct {
	sets []string
	// nodes of a target, where one is not enough.
	nodes int
	// restarts tells that a node is started again, for which brokers need their time: see backAfter.
	restarts string
}

func shortenedCatalog() map[string]shortened {
	fault := func(kind, times string) string {
		return "phases.fault.faults=[{kind: " + kind + ", target: any, at: 500ms, " + times + "}]"
	}
	return map[string]shortened{
		"steady":     {sets: []string{"phases.steady.for=1s", "producers.checkout.rate=500/s"}},
		"throughput": {sets: []string{"phases.full-speed.for=1s", "producers.source.window=200"}},
		"slow-network": {sets: []string{
			"phases.steady.for=500ms", "phases.slow.for=2s", "phases.recovery.for=500ms", "producers.checkout.rate=500/s",
			"phases.slow.faults=[{kind: network.latency, target: all, for: 2s, delay: 20ms, jitter: 5ms}]",
		}},
		"lost-connections": {sets: []string{
			"phases.steady.for=500ms", "phases.broken.for=3s", "phases.recovery.for=2s", "producers.checkout.rate=500/s",
			"phases.broken.faults=[{kind: network.reset, target: all, at: 500ms, for: 1500ms, every: 500ms, share: 30%}]",
		}},
		"broker-pause": {sets: []string{
			"phases.steady.for=500ms", "phases.fault.for=2s", "phases.recovery.for=1s", "producers.checkout.rate=500/s",
			fault("process.pause", "for: 1s"),
		}},
		"broker-crash": {
			sets: []string{
				"phases.steady.for=500ms", "phases.fault.for=2s", "producers.checkout.rate=500/s", fault("process.kill", "for: 500ms"),
			},
			restarts: "recovery",
		},
		"leader-crash": {
			sets: []string{
				"phases.steady.for=500ms", "phases.fault.for=8s", "producers.checkout.rate=200/s",
				"phases.fault.faults=[{kind: process.kill, target: leader(orders), at: 500ms, for: 6s}]",
			},
			nodes: 3, restarts: "recovery",
		},
	}
}

// backAfter is how long the phase after a crash lasts: every message that falls due must still be sent in it.
func backAfter(broker string) string {
	if broker == "kafka" || broker == "rabbitmq" {
		return "15s" // a virtual machine has to start
	}
	return "3s"
}

// catalogTargets are where a built-in scenario can run: on every broker, with the nodes it needs, and replication also on a pair of Redis.
func catalogTargets(name string) []string {
	var out []string
	for _, broker := range []string{"nats", "redis", "kafka", "rabbitmq"} {
		if n := shortenedCatalog()[name].nodes; n > 0 {
			broker = fmt.Sprintf("%s:%d", broker, n)
		}
		out = append(out, broker)
	}
	if name == "leader-crash" {
		out = append(out, "redis:2")
	}
	return out
}

// today tells whether a scenario runs on the i-th of its targets in this run of the tests: on one of them, another every day, because all
// of them take minutes. `make catalog` runs all.
func today(scenario, i, of int) bool {
	return os.Getenv("ORDEAL_CATALOG") != "" || (time.Now().YearDay()+scenario)%of == i
}

// Every built-in scenario runs and passes on every broker.
func TestCatalogOnEveryBroker(t *testing.T) {
	long(t)
	for k, builtin := range scenarios.Builtins() {
		short, ok := shortenedCatalog()[builtin.Name]
		if !ok {
			t.Errorf("the built-in scenario %s is not tried on the brokers: add it to shortenedCatalog", builtin.Name)
		}
		targets := catalogTargets(builtin.Name)
		for i, target := range targets {
			if !today(k, i, len(targets)) {
				continue
			}
			t.Run(builtin.Name+" on "+strings.ReplaceAll(target, ":", " "), func(t *testing.T) {
				broker, _, _ := strings.Cut(target, ":")
				clustertest.Need(t, broker)
				out := t.TempDir()
				args := []string{
					"run", builtin.Name, "--on", target, "--out", out, "--report", "none", "--set", "gates=[]", "--set", "phases.warm-up.for=300ms",
					"--set", "drain.timeout=60s",
				}
				for _, s := range short.sets {
					args = append(args, "--set", s)
				}
				if short.restarts != "" {
					args = append(args, "--set", "phases."+short.restarts+".for="+backAfter(broker))
				}
				here, err := os.Getwd() // from where Kafka's jars are found
				if err != nil {
					t.Fatal(err)
				}
				c := startIn(t, here, args...)
				c.ends(0)
				r, err := reports.Read(filepath.Join(out, "latest", "run.json"))
				if err != nil {
					t.Fatal(err)
				}
				wellRun(t, r)
			})
		}
	}
}

// wellRun holds a run against what every scenario of the catalog must show: traffic, every fault proven, nothing lost.
func wellRun(t *testing.T, r *reports.Run) {
	t.Helper()
	if r.Verdict != reports.Pass || r.Counts.Acked < 100 || r.Counts.Unique < r.Counts.Acked || r.Target.GuaranteeVerdict == reports.Fail {
		t.Errorf("%s: %s\ncounts %+v, guarantee %s\n%s", r.Verdict, r.Headline, r.Counts, r.Target.GuaranteeVerdict, strings.Join(r.Reasons, "\n"))
	}
	if len(r.Checks) < 5 || slices.ContainsFunc(r.Checks, func(c reports.Check) bool { return c.Comparisons == 0 }) {
		t.Errorf("the checks compared too little: %+v", r.Checks)
	}
	for _, f := range r.Faults {
		if f.Verdict != reports.Pass {
			t.Errorf("%s on %s is %s: %s", f.Kind, f.Target, f.Verdict, f.Why)
		}
	}
}

// A scenario that needs a leader and followers is refused on a single node, before anything is started, with the target that would do.
func TestLeaderCrashNeedsNodes(t *testing.T) {
	for _, broker := range []string{"nats", "redis", "kafka", "rabbitmq"} {
		c := start(t, "run", "leader-crash", "--on", broker)
		c.ends(4)
		c.said("topic orders wants 3 replicas, and target " + broker + " has 1 node(s); use --on " + broker + ":3")
	}
}
