package engine

import (
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/internal/gate"
	"ordeal/internal/measure"
	"ordeal/internal/schedule"
	"ordeal/internal/worker"
	"ordeal/reports"
)

// measuredRun is an execution of one phase of a second at 1000/s, measured and not yet judged for its health.
func measuredRun(t *testing.T, own, lag measure.Percentiles, sent float64) *execution {
	t.Helper()
	s, err := schedule.New([]schedule.Segment{{From: 1000, To: 1000}}, schedule.Uniform, 1)
	if err != nil {
		t.Fatal(err)
	}
	spans := []measure.Span{{Name: "steady", End: int64(time.Second), Recorded: true}}
	phase := measure.PhaseResult{Span: spans[0]}
	phase.Latencies[measure.Own], phase.Latencies[measure.Lag] = own, lag
	return &execution{
		plan:     &plan{spans: spans, offered: []*schedule.Schedule{s}},
		run:      &reports.Run{Phases: []reports.Phase{{Name: "steady", Recorded: true, Seconds: 1, OfferedRate: 1000, SentRate: sent}}},
		result:   &measure.Result{Phases: []measure.PhaseResult{phase}},
		stopped:  &worker.Result{WindowShare: 1},
		ended:    int64(time.Second),
		finished: int64(2 * time.Second),
		hiccups:  measure.NewHiccups(),
		events:   newTestEvents(t),
	}
}

func newTestEvents(t *testing.T) *events {
	t.Helper()
	e, err := newEvents(Folder{Path: t.TempDir()}, func() int64 { return 0 }, func(reports.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// measuring gives the phase an end-to-end p99.
func measuring(p99 time.Duration) func(x *execution) {
	return func(x *execution) { x.run.Phases[0].EndToEnd = reports.Percentiles{P99: int64(p99), Count: 1000} }
}

func TestGeneratorBound(t *testing.T) {
	late := measure.Percentiles{P99: int64(300 * time.Millisecond), Count: 1000}
	prompt := measure.Percentiles{P99: int64(time.Millisecond), Count: 1000}
	few := measure.Percentiles{P99: int64(time.Millisecond), Count: 10}
	tests := []struct {
		name     string
		own, lag measure.Percentiles
		sent     float64
		change   func(x *execution)
		want     string
	}{
		{"on time", prompt, prompt, 1000, nil, ""},
		{"a little short, as a reading at the border may be", prompt, prompt, 950, nil, ""},
		{
			"late by itself", late, late, 1000, measuring(310 * time.Millisecond),
			"in phase steady ordeal itself was late: p99 300 ms, of a latency of 310 ms",
		},
		{"late beside a broker that was slower", late, late, 1000, measuring(700 * time.Millisecond), ""},
		{"late by half of what was measured", late, late, 1000, measuring(599 * time.Millisecond), "ordeal itself was late"},
		{"late beside slow acks that nobody reads on", late, late, 1000, func(x *execution) {
			x.run.Phases[0].Ack = reports.Percentiles{P99: int64(time.Second), Count: 9}
		}, ""},
		{"all of a short latency is its own", prompt, prompt, 1000, measuring(time.Millisecond), ""},
		{"short by itself", prompt, prompt, 700, nil, "in phase steady ordeal sent 700/s of the 1,000/s that were due"},
		{"short because of the broker", few, late, 700, nil, ""},
		{"late in a phase that does not count", late, late, 1000, func(x *execution) { x.result.Phases[0].Recorded = false }, ""},
		{"late in a phase that was cut short", late, late, 1000, func(x *execution) { x.ended-- }, ""},
		{
			"a closed loop that was never full", prompt, prompt, 1000, func(x *execution) { x.stopped.WindowShare = 0.01 },
			"the closed loop's window was full for 1 % of the time only",
		},
		{"never sent and late by itself", late, late, 1000, func(x *execution) {
			x.run.Counts.Unsent, x.result.Phases[0].Recorded = 5, false
		}, "ordeal itself was late, p99 300 ms, and never sent 5 messages that were due"},
		{"never sent because of the broker", few, late, 1000, func(x *execution) { x.run.Counts.Unsent = 5 }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := measuredRun(t, test.own, test.lag, test.sent)
			if test.change != nil {
				test.change(x)
			}
			x.healthy()
			h := x.run.Harness
			if test.want == "" && h.Verdict != reports.Pass || test.want != "" && h.Verdict != reports.Inconclusive {
				t.Errorf("%s: %s", h.Verdict, h.Why)
			}
			says(t, h.Why, test.want)
			if bound := x.blamed("steady").bound; bound != "" != (test.want != "") || !strings.Contains(bound, test.want) {
				t.Errorf("gates are told %q", bound)
			}
		})
	}
}

// A run that kept its schedule well enough for rates says when its latencies are nevertheless its own.
func TestOwnLatencyIsTold(t *testing.T) {
	for _, test := range []struct {
		own, measured time.Duration
		told          bool
	}{
		{120 * time.Millisecond, 125 * time.Millisecond, true},
		{120 * time.Millisecond, 300 * time.Millisecond, false},
		{time.Millisecond, time.Millisecond, false},
	} {
		own := measure.Percentiles{P99: int64(test.own), Count: 1000}
		x := measuredRun(t, own, own, 1000)
		measuring(test.measured)(x)
		x.healthy()
		h := x.run.Harness
		if told := strings.Contains(h.Why, "most of the latency is its own"); told != test.told || h.Verdict != reports.Pass {
			t.Errorf("%s of %s: %s, %s", test.own, test.measured, h.Verdict, h.Why)
		}
	}
}

// The host's clock cannot be set in a test, so the step is given: measure.Usage works it out, and has tests of its own.
func TestClockStep(t *testing.T) {
	prompt := measure.Percentiles{Count: 1000}
	for step, warned := range map[time.Duration]bool{0: false, 50 * time.Millisecond: false, time.Hour: true, -time.Hour: true} {
		x := measuredRun(t, prompt, prompt, 1000)
		x.noteClock(step)
		if got := len(x.events.all()) > 0; got != warned {
			t.Errorf("a step of %s: warned %v, expected %v", step, got, warned)
		}
		if x.run.Harness.ClockStep != int64(step) {
			t.Errorf("a step of %s is reported as %d", step, x.run.Harness.ClockStep)
		}
	}
}

// Gates read the figures of run.json by their names; what was not measured is no figure, and doubt is ordeal's own lateness only.
func TestFigures(t *testing.T) {
	some := reports.Percentiles{P50: 1, P90: 2, P99: 3, P999: 4, Max: 5, Mean: 2.5, Count: 9}
	r := &reports.Run{
		Phases: []reports.Phase{
			{
				Name: "steady", Recorded: true, Seconds: 1, OfferedRate: 10, SentRate: 11, AckedRate: 12, ReceivedRate: 13, GapMax: 14,
				Ack: some, EndToEnd: some, Service: some, Rejected: 15, Unknown: 16,
			},
			{Name: "warm-up", Seconds: 1, Ack: some},
			{Name: "cut", Recorded: true},
			{Name: "closed", Recorded: true, Seconds: 1, OfferedRate: -1},
		},
		Drains:  []reports.Drain{{Group: "g"}},
		Harness: reports.Harness{LagP99: 20, HiccupP99: 21, CPUShare: 0.5, RSSMax: 22},
	}
	tests := []struct {
		name  string
		value float64
		ok    bool
		doubt float64
	}{
		{"steady.offered_rate", 10, true, 0},
		{"steady.sent_rate", 11, true, 0},
		{"steady.acked_rate", 12, true, 0},
		{"steady.received_rate", 13, true, 0},
		{"steady.gap.max", 14, true, 9},
		{"steady.rejected", 15, true, 0},
		{"steady.unknown", 16, true, 0},
		{"steady.ack.p50", 1, true, 1},
		{"steady.ack.p99", 3, true, 3},
		{"steady.end_to_end.max", 5, true, 4},
		{"steady.end_to_end.mean", 2.5, true, 0.5},
		{"steady.service.p90", 2, true, 2},
		{"steady.service.p99", 3, true, 3},
		{"steady.lag.p50", 0, false, 0},
		{"warm-up.ack.p50", 0, false, 0},
		{"cut.sent_rate", 0, false, 0},
		{"closed.offered_rate", -1, false, 0},
		{"closed.gap.max", 0, false, 0},
		{"nowhere.sent_rate", 0, false, 0},
		{"harness.lag_p99", 20, true, 0},
		{"harness.hiccup_p99", 21, true, 0},
		{"harness.cpu_share", 0.5, true, 0},
		{"harness.rss_max", 22, true, 0},
	}
	blamed := func(string) blame {
		return blame{
			late:    measure.Percentiles{P50: 0, P99: 2, P999: 3, Max: 4, Mean: 0.5},
			stalled: measure.Percentiles{P99: 7, P999: 8, Max: 9},
		}
	}
	for _, test := range tests {
		got, ok := figure(r, blamed, test.name)
		if ok != test.ok || ok && (got.Value != test.value || got.Doubt != test.doubt) {
			t.Errorf("%s is %+v, %v, expected %v, %v, doubt %v", test.name, got, ok, test.value, test.ok, test.doubt)
		}
	}
}

// A figure of what nobody reads is no measurement, though it is 0.
func TestNobodyReads(t *testing.T) {
	r := &reports.Run{Phases: []reports.Phase{{Name: "a", Recorded: true, Seconds: 1}}}
	for _, name := range []string{"a.received_rate", "a.gap.max", "a.end_to_end.p99"} {
		if got, ok := figure(r, func(string) blame { return blame{} }, name); ok {
			t.Errorf("%s is %+v", name, got)
		}
	}
}

// What was missed where ordeal itself was the bottleneck says nothing about the broker; what was missed elsewhere does.
func TestGatesOfABoundGenerator(t *testing.T) {
	r := &reports.Run{
		Phases: []reports.Phase{
			{Name: "a", Recorded: true, Seconds: 1, OfferedRate: 100, AckedRate: 50},
			{Name: "b", Recorded: true, Seconds: 1, OfferedRate: 100, AckedRate: 50},
		},
		Harness: reports.Harness{CPUShare: 0.9},
	}
	blamed := func(phase string) blame {
		if phase == "a" {
			return blame{bound: "generator-bound: it was slow"}
		}
		return blame{}
	}
	want := map[string]reports.Verdict{
		"a.acked_rate >= 95/s":                  reports.Inconclusive,
		"b.acked_rate >= 95/s":                  reports.Fail,
		"b.acked_rate >= 95% of a.offered_rate": reports.Inconclusive,
		"a.acked_rate >= 10/s":                  reports.Pass,
		"harness.cpu_share < 50%":               reports.Fail,
	}
	for expr, verdict := range want {
		g, err := gate.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		got := gates([]*gate.Gate{g}, r, blamed)[0]
		if got.Verdict != verdict || got.Met != (verdict == reports.Pass) {
			t.Errorf("%s is %s, met %v, expected %s: %s", expr, got.Verdict, got.Met, verdict, got.Why)
		}
	}
}

// Arrivals of chance are as many as they happen to be: a run that sent each of them was not too slow, and one that did not was.
func TestArrivalsOfChance(t *testing.T) {
	prompt := measure.Percentiles{P99: int64(time.Millisecond), Count: 1000}
	for seed := range uint64(40) {
		s, err := schedule.New([]schedule.Segment{{From: 20, To: 20}}, schedule.Poisson, seed)
		if err != nil {
			t.Fatal(err)
		}
		due := float64(s.Count(int64(30*time.Second))) / 30
		for _, share := range []float64{1, 0.9} {
			x := measuredRun(t, prompt, prompt, due*share)
			x.plan.spans[0].End, x.plan.offered = int64(30*time.Second), []*schedule.Schedule{s}
			x.ended = x.plan.spans[0].End
			x.run.Phases[0].OfferedRate, x.run.Phases[0].Seconds = x.plan.dueRate(0, x.ended), 30
			x.healthy()
			if bound := x.run.Harness.Verdict != reports.Pass; bound != (share < 1) {
				t.Errorf("seed %d: %.1f/s due, %.0f %% of them sent: %s", seed, due, 100*share, x.run.Harness.Why)
			}
		}
	}
}

// The backlog is that of each group before its own topic: groups that are uneven from second to second have none, nor has a topic that is
// slower than another.
func TestBacklog(t *testing.T) {
	x := &execution{
		plan: &plan{
			topics: []drivers.Topic{{Name: "a"}, {Name: "b"}},
			worker: worker.Plan{Until: int64(time.Hour), Groups: []worker.Group{
				{ID: 0, Topic: drivers.Topic{Name: "a"}}, {ID: 1, Topic: drivers.Topic{Name: "a"}}, {ID: 2, Topic: drivers.Topic{Name: "b"}},
			}},
		},
		run: &reports.Run{}, result: &measure.Result{},
	}
	for second := range 4 {
		uneven := []float64{200, -200}[second%2]
		late := []float64{0, 0, 40, 0}[second]
		x.result.Seconds = append(x.result.Seconds, measure.Second{At: int64(second) * 1e9, Rates: map[string]float64{
			worker.AckedOfCounter("a"): 1000, worker.AckedOfCounter("b"): 100, worker.AckedCounter: 1100,
			worker.ReceivedCounter(0): 1000 - uneven, worker.ReceivedCounter(1): 1000 + uneven, worker.ReceivedCounter(2): 100 - late,
			worker.RepeatedCounter(1): 2 * late,
		}})
	}
	x.finished = 4e9
	x.series()
	for i, want := range []int64{200, 0, 200, 80} { // what comes again takes nothing away
		if got := x.run.Series[i].Backlog; got != want {
			t.Errorf("second %d: %d, want %d", i, got, want)
		}
	}
}
