package reporttest

import (
	"math"
	"strings"
	"time"

	"ordeal/reports"
)

// Case is a run and its name, which suits a file.
type Case struct {
	Name string
	Run  *reports.Run
}

// Cases are all kinds of end: crash passes, lost fails, inconclusive, interrupted and empty are what their names say, and hostile is full
// of what must not break a page. Each call makes them anew, so that a test may change them.
func Cases() []Case {
	return []Case{
		{"crash", Crash()},
		{"lost", Lost()},
		{"inconclusive", Unsure()},
		{"interrupted", Interrupted()},
		{"empty", Empty()},
		{"hostile", Hostile()},
	}
}

const (
	second      = int64(time.Second)
	millisecond = int64(time.Millisecond)
	microsecond = int64(time.Microsecond)
)

// Crash is broker-crash on nats: a real server killed in the middle, everything kept, exit 0.
func Crash() *reports.Run {
	r := base("broker-crash",
		"A broker is killed under a steady load and started again three seconds later. Nothing acknowledged may be missing.")
	f := reports.Fault{
		Kind: "process.kill", Target: "any", Resolved: "n1", Phase: "fault", Requested: 11 * second, Effective: 11*second + 4*millisecond,
		Recovered: 14*second + 21*millisecond, Settled: 14*second + 410*millisecond, Verdict: reports.Pass,
		Why: "process 4711 ended by SIGKILL; process 4820 serves the same port and data",
		Evidence: map[string]string{
			"old pid": "4711", "new pid": "4820", "exit": "signal: killed", "connections lost": "6",
			"acks in the second before": "20,004",
		},
	}
	simulate(r, []stretch{{"warm-up", 2, false}, {"steady", 6, true}, {"fault", 8, true}, {"recovery", 6, true}}, 20_000, &f)
	r.Faults = []reports.Fault{f}
	r.Verdict, r.Exit = reports.Pass, 0
	r.Headline = "All 439,988 acknowledged messages were delivered. The broker was away for 3.4 s."
	r.Counts = reports.Counts{
		Attempted: 440_000, Acked: 439_988, Unknown: 12, Delivered: 880_131, Unique: 879_980, Reconnects: 6, Rebalances: 2,
	}
	r.Checks = checks(439_988, 879_980)
	r.Checks[3].Counts["redelivered"] = 151
	r.Gates = []reports.Gate{
		{Expr: "steady.end_to_end.p99 < 20ms", Value: "1.93 ms", Limit: "20 ms", Met: true, Verdict: reports.Pass},
		{Expr: "fault.gap.max < 15s", Value: "3.41 s", Limit: "15 s", Met: true, Verdict: reports.Pass},
		{Expr: "recovery.received_rate >= 95% of steady.received_rate", Value: "20,011/s", Limit: "19,000/s", Met: true, Verdict: reports.Pass},
	}
	return r
}

// Lost is steady on a memory broker that was told to lose three messages: exit 1, and it names them.
func Lost() *reports.Run {
	r := base("steady", "A steady load on a healthy broker.")
	r.Target = reports.Target{
		Name: "memory?lose=3", Driver: "memory", Version: "1", Guarantee: "accepted", GuaranteeVerdict: reports.Pass,
		Promise: "kept in memory, every group reads all, in order of a shard", Audit: []reports.Fact{},
	}
	r.Command = "ordeal run steady --on 'memory?lose=3' --seed 41"
	simulate(r, []stretch{{"warm-up", 2, false}, {"steady", 10, true}}, 5000, nil)
	r.Verdict, r.Exit = reports.Fail, 1
	r.Headline = "3 of 60,000 acknowledged messages were lost."
	r.Reasons = []string{"no-loss: 3 of 60,000 acknowledged messages never reached group audit, which read to the broker's own end."}
	r.Counts = reports.Counts{Attempted: 60_000, Acked: 60_000, Delivered: 59_997, Unique: 59_997}
	r.Checks = checks(60_000, 59_997)
	for i := range r.Checks {
		r.Checks[i].Promise = map[string]string{"no-loss": "kept in memory", "order": "per shard", "duplicates": "exactly once"}[r.Checks[i].Name]
	}
	loss := &r.Checks[0]
	loss.Verdict, loss.Why = reports.Fail, "3 of 60,000 acknowledged messages never reached group audit."
	loss.Counts["lost"] = 3
	lost := []struct{ id, place string }{
		{"load-1/2/1733", "shard 2, position 1,733"},
		{"load-1/0/9120", "shard 0, position 9,120"},
		{"load-1/3/14002", "shard 3, position 14,002"},
	}
	for i, m := range lost {
		sent := int64(4+3*i)*second + 181*millisecond
		loss.Examples = append(loss.Examples, reports.Example{
			Message: m.id, Kind: "lost", Group: "audit", Detail: "acked at " + reports.Offset(sent+60*microsecond) + ", never delivered",
			Life: []reports.Step{
				{At: sent, What: "sent", Note: "intended " + reports.Offset(sent-millisecond)},
				{At: sent + 60*microsecond, What: "acked", Note: m.place, Tone: "good"},
				{At: 12*second + 310*millisecond, What: "drained to the end", Note: "never delivered", Tone: "bad"},
			},
		})
	}
	r.Drains = []reports.Drain{{
		Topic: "events", Group: "audit", Complete: true, Seconds: 0.31,
		Why: "read to the broker's own end of all 4 shards",
	}}
	return r
}

// Unsure is a run that shows nothing: the drain did not reach the end, the generator was the bottleneck, the fault left no evidence.
func Unsure() *reports.Run {
	r := base("broker-pause", "A broker is paused under a steady load.")
	r.Target.GuaranteeVerdict = reports.Inconclusive
	r.Target.Audit = append(r.Target.Audit, reports.Fact{
		Topic: "orders", Setting: "sync_interval", Want: "always", Status: "unverified",
		Note: "the server does not tell",
	})
	f := reports.Fault{
		Kind: "process.pause", Target: "n1", Resolved: "n1", Phase: "fault",
		Requested: 6 * second, Effective: 6*second + 2*millisecond, Recovered: 8 * second,
		Verdict: reports.Inconclusive, Why: "acks went on while the process was paused", Evidence: map[string]string{"pid": "812"},
	}
	simulate(r, []stretch{{"steady", 4, true}, {"fault", 6, true}}, 20_000, &f)
	r.Faults = []reports.Fault{f}
	r.Verdict, r.Exit = reports.Inconclusive, 3
	r.Headline = "Nothing can be said about loss: group payment was not read to its end, and ordeal itself was the bottleneck."
	r.Reasons = []string{
		"no-loss: 12,040 acknowledged messages are unseen, and the drain of group payment ended after 60 s without reaching the end.",
		"generator-bound: ordeal's own lateness was 41 ms at the 99th percentile, the limit is 5 ms.",
		"process.pause n1: acks went on while the process was paused.",
	}
	r.Counts = reports.Counts{
		Attempted: 200_000, Acked: 199_400, Unknown: 580, Rejected: 20, Delivered: 187_360, Unique: 187_360,
		Unsent: 12,
	}
	r.Checks = checks(199_400, 187_360)
	r.Checks[0].Verdict, r.Checks[0].Counts["unseen"] = reports.Inconclusive, 12_040
	r.Checks[0].Why = "12,040 acknowledged messages are unseen: the drain of group payment was not complete."
	r.Checks[0].Examples = []reports.Example{{
		Message: "checkout-1/0/49800", Kind: "unseen", Group: "payment",
		Detail: "acked, not delivered so far",
	}}
	r.Checks[1].Verdict, r.Checks[1].Comparisons, r.Checks[1].Promised = reports.Inconclusive, 0, false
	r.Checks[1].Why, r.Checks[1].Promise = "No messages have keys, so there is no order per key to compare.", "order is per subject only"
	r.Gates = []reports.Gate{
		{
			Expr: "steady.end_to_end.p99 < 20ms", Value: "24 ms", Limit: "20 ms", Verdict: reports.Inconclusive,
			Why: "ordeal's own lateness of 41 ms is larger than what it is missed by",
		},
		{Expr: "recovery.gap.max < 15s", Value: "–", Limit: "15 s", Verdict: reports.Inconclusive, Why: "phase recovery was not reached"},
		{Expr: "steady.received_rate >= 19k/s", Value: "17,210/s", Limit: "19,000/s", Verdict: reports.Fail},
	}
	r.Drains[0].Complete, r.Drains[0].Seconds = false, 60
	r.Drains[0].Why = "still 12,040 messages before the end of subject orders.0 after 60 s"
	r.Harness.Verdict, r.Harness.LagP99, r.Harness.CPUShare = reports.Inconclusive, 41*millisecond, 0.97
	r.Harness.Why = "ordeal used 97 % of all cores and was 41 ms late at the 99th percentile"
	r.Harness.ClockStep, r.Harness.Overflow, r.Harness.HistoryCut = -820*millisecond, 14, "no space left on device after 31 MiB"
	return r
}

// Interrupted is a run that the user ended in its third phase, while the broker was away.
func Interrupted() *reports.Run {
	r := Crash()
	r.Interrupted, r.Verdict, r.Exit = true, reports.Inconclusive, 130
	r.Headline = "Interrupted after 12.6 s, while n1 was down. Until then nothing was lost."
	r.Reasons = []string{
		"Interrupted by the user in phase fault.",
		"no-loss: 31,220 acknowledged messages are unseen, for nothing was drained.",
	}
	r.Ended = r.Started.Add(12_600 * time.Millisecond)
	r.Series, r.Heat.Cells = r.Series[:12], r.Heat.Cells[:12]
	r.Phases = r.Phases[:3]
	r.Phases[2].End, r.Phases[2].Seconds = 12*second+600*millisecond, 4.6
	r.Curves = r.Curves[:8]
	f := &r.Faults[0]
	f.Recovered, f.Settled, f.Verdict = 12*second+700*millisecond, 0, reports.Inconclusive
	f.Why = "healed by the guard when the run was interrupted"
	delete(f.Evidence, "new pid")
	r.Checks[0].Verdict, r.Checks[0].Counts["unseen"] = reports.Inconclusive, 31_220
	r.Checks[0].Why = "Nothing was drained."
	r.Drains = nil
	for i := range r.Gates[1:] {
		g := &r.Gates[i+1]
		g.Met, g.Verdict, g.Value, g.Why = false, reports.Inconclusive, reports.None, "the phase was not reached, or not to its end"
	}
	return r
}

// Empty is a run that ended before its first phase: no broker to speak to, exit 4, all lists nil.
func Empty() *reports.Run {
	return &reports.Run{
		Schema: reports.Schema, ID: "20261121T104211Z-7f3a", Seed: 41, Verdict: reports.Inconclusive, Exit: 4,
		Headline: "The broker at nats://127.0.0.1:4222 could not be reached.",
		Reasons:  []string{"open nats: dial tcp 127.0.0.1:4222: connect: connection refused"},
		Started:  time.Date(2026, 11, 21, 10, 42, 11, 0, time.UTC), Ended: time.Date(2026, 11, 21, 10, 42, 12, 0, time.UTC),
		Command: "ordeal run steady --on nats://127.0.0.1:4222 --seed 41", Folder: "runs/steady/20261121T104211Z-7f3a",
		Scenario: reports.Scenario{Name: "steady"}, Target: reports.Target{Name: "nats://127.0.0.1:4222", Driver: "nats"},
		Phases: []reports.Phase{{Name: "steady", Recorded: true}},
		Checks: []reports.Check{{
			Name: "no-loss", Guarantee: "Every acknowledged message reaches every group that was owed it.",
			Verdict: reports.Inconclusive, Why: "No message was acked.",
		}},
	}
}

// Hostile is Lost with words from outside that try to break out of every format, with figures that are no number, and with more of
// everything than fits.
func Hostile() *reports.Run {
	r := Lost()
	nasty := "</script><script>alert(1)</script> & \"q\" 'a' | `b` *c* ]]> \x1b[31mred\x1b[0m \r\n\u2028 {{.}} \u202etrap \xff"
	r.Scenario.About, r.Scenario.Name = nasty, "</title>"+nasty
	r.Headline, r.Target.Version, r.Target.Name = nasty, nasty, nasty
	r.Reasons = []string{nasty, strings.Repeat("word ", 80), strings.Repeat("long", 60)}
	r.Command, r.Folder = "ordeal run "+nasty, "runs/"+nasty
	r.Phases[1].OfferedRate, r.Phases[1].SentRate, r.Phases[1].AckedRate = -1, math.NaN(), math.Inf(1)
	r.Phases[1].Ack, r.Phases[1].Name = reports.Percentiles{}, nasty
	r.Series[3].Sent, r.Series[4].Offered, r.Series[5].P99 = math.NaN(), -1, -5
	for i := range 40 {
		r.Checks = append(r.Checks, reports.Check{
			Name: nasty, Guarantee: nasty, Verdict: "odd", Promise: nasty, Why: nasty,
			Counts: map[string]int64{nasty: 7, "b": int64(i)}, Examples: []reports.Example{{
				Message: nasty, Kind: nasty, Detail: nasty,
				Life: []reports.Step{{At: -1, What: nasty, Note: nasty, Tone: nasty}},
			}},
		})
		r.Gates = append(r.Gates, reports.Gate{Expr: nasty, Value: nasty, Limit: nasty, Verdict: reports.Fail, Why: nasty})
		r.Faults = append(r.Faults, reports.Fault{
			Kind: nasty, Target: nasty, Resolved: nasty, Why: nasty,
			Evidence: map[string]string{nasty: nasty}, Effective: int64(i) * second / 4, Verdict: reports.Fail,
		})
		r.Drains = append(r.Drains, reports.Drain{Topic: nasty, Group: nasty, Why: nasty, Seconds: math.NaN()})
		r.Target.Audit = append(r.Target.Audit,
			reports.Fact{Topic: nasty, Setting: nasty, Want: nasty, Have: nasty, Status: "contradicted", Note: nasty})
		r.Events = append(r.Events, reports.Event{At: -1, Kind: nasty, Text: nasty})
		r.Phases = append(r.Phases,
			reports.Phase{Name: nasty, Recorded: true, Start: int64(i) * second / 4, End: int64(i+1) * second / 4})
	}
	r.Curves = append(r.Curves, reports.Curve{
		Phase: nasty, Metric: "end_to_end",
		Points: []reports.Point{{Quantile: 1, Value: -1}, {Quantile: math.NaN(), Value: 0}},
	})
	return r
}

// Long is a run of the given length with one fault in its middle, for benchmarks.
func Long(seconds int) *reports.Run {
	r := Crash()
	f := &r.Faults[0]
	third := seconds / 3
	f.Requested, f.Effective = int64(third+5)*second, int64(third+5)*second
	f.Recovered, f.Settled = f.Effective+10*second, f.Effective+14*second
	r.Series, r.Heat, r.Curves, r.Phases = nil, reports.Heat{}, nil, nil
	simulate(r, []stretch{{"steady", third, true}, {"fault", third, true}, {"recovery", seconds - 2*third, true}}, 20_000, f)
	return r
}
