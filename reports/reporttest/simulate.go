package reporttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"ordeal/reports"
)

// stretch is a phase to simulate.
type stretch struct {
	name     string
	seconds  int
	recorded bool
}

// base is a run on one nats-server with all that does not depend on its course.
func base(name, about string) *reports.Run {
	started := time.Date(2026, 11, 21, 10, 42, 11, 0, time.UTC)
	return &reports.Run{
		Schema: reports.Schema, ID: "20261121T104211Z-7f3a", Seed: 41, Reasons: []string{},
		Started: started, Ended: started.Add(24 * time.Second),
		Command: "ordeal run " + name + " --on nats --seed 41", Folder: "runs/" + name + "/20261121T104211Z-7f3a",
		Scenario: reports.Scenario{Name: name, About: about, SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
		Target: reports.Target{
			Name: "nats", Driver: "nats", Version: "nats-server 2.15.2", Nodes: []string{"n1 127.0.0.1:43117"}, Guarantee: "accepted",
			GuaranteeVerdict: reports.Pass, Promise: "one node has every acked message in its file store; order is per subject",
			Audit: []reports.Fact{
				{Topic: "orders", Setting: "replicas", Want: "1", Have: "1", Status: "confirmed"},
				{Topic: "orders", Setting: "storage", Want: "file", Have: "file", Status: "confirmed"},
				{Topic: "orders", Setting: "retention", Want: "limits", Have: "limits", Status: "confirmed"},
			},
			CPUSeconds: 6.6, RSSMax: 54 << 20,
		},
		Drains: []reports.Drain{
			{Topic: "orders", Group: "payment", Complete: true, Seconds: 0.42, Why: "read to the broker's own end of all 4 subjects"},
			{Topic: "orders", Group: "shipping", Complete: true, Seconds: 0.4, Why: "read to the broker's own end of all 4 subjects"},
		},
		Harness: reports.Harness{
			Verdict: reports.Pass, Why: "ordeal kept its schedule", LagP99: 210 * microsecond, CPUSeconds: 4.9, CPUShare: 0.11,
			CPUPerMsg: 4100, GCCycles: 6, GCPause: 400 * microsecond, HiccupP99: 340 * microsecond, HiccupMax: 4 * millisecond, RSSMax: 31 << 20,
			HistoryBytes: 9_400_112, HistoryEvents: 1_760_107,
		},
		Environment: reports.Environment{
			OS: "linux", Arch: "amd64", Kernel: "6.8.0", CPU: "AMD EPYC 7B13", Cores: 2, Go: "go1.26.8",
			Ordeal: "0.1.0", Broker: "nats-server 2.15.2, child process",
		},
	}
}

// checks are the five rules, all passed.
func checks(acked, unique int64) []reports.Check {
	rule := func(name, guarantee, promise, why string, comparisons int64, counts map[string]int64) reports.Check {
		return reports.Check{
			Name: name, Guarantee: guarantee, Verdict: reports.Pass, Promised: true, Promise: promise, Comparisons: comparisons,
			Counts: counts, Why: why, Examples: []reports.Example{},
		}
	}
	return []reports.Check{
		rule("no-loss", "Every acknowledged message reaches every group that was owed it.", "file storage, one replica",
			"All acknowledged messages were delivered.", acked, map[string]int64{"lost": 0, "unseen": 0}),
		rule("order", "First deliveries of a shard come in the order in which its producer sent them.", "per subject",
			"All first deliveries came in order.", unique, map[string]int64{"reordered": 0}),
		rule("no-phantom", "Nothing is delivered that was not sent, or that was refused.", "", "Everything delivered had been sent.", unique,
			map[string]int64{"phantom": 0}),
		rule("duplicates", "No more than 500 messages are delivered again.", "at least once", "0 messages were delivered again.", unique,
			map[string]int64{"duplicated": 0}),
		rule("no-corruption", "Every delivery is bit for bit what was sent.", "", "Every checksum was right.", unique,
			map[string]int64{"corrupted": 0}),
	}
}

// simulate fills phases, series, heat map, curves and events of r as a run at the given rate would, with the broker away from the fault's
// effect until it settled.
func simulate(r *reports.Run, phases []stretch, rate float64, f *reports.Fault) {
	rnd := rand.New(rand.NewPCG(41, uint64(len(phases)))) //nolint:gosec // figures to look at
	r.Heat.Bounds = bounds()
	away := func(int64) bool { return false }
	var back, from int64
	if f != nil {
		from, back = f.Effective, max(f.Settled, f.Recovered)
		away = func(at int64) bool { return at+second > from && at < back-second/2 }
	}
	var at, backlog int64
	for _, p := range phases {
		phase := reports.Phase{
			Name: p.name, Recorded: p.recorded, Start: at, End: at + int64(p.seconds)*second,
			Seconds: float64(p.seconds), OfferedRate: rate,
		}
		r.Events = append(r.Events, reports.Event{At: at, Kind: "phase", Text: p.name + " begins"})
		for range p.seconds {
			s := reports.Second{At: at, Offered: rate}
			switch {
			case away(at):
				s.Sent = math.Round(rate * 0.05)
				backlog = int64(rate / 20)
			case f != nil && at >= back-second/2 && at < back+2*second:
				catchUp := float64(min(at-from, 4*second)) / 4e9
				s.Sent, s.Acked, s.Received = math.Round(rate*(1+catchUp)), math.Round(rate*(1+catchUp)), math.Round(rate*(1+catchUp*0.9))
				s.P50, s.P99 = int64(1.2e9*catchUp), int64(3.2e9*catchUp)
				s.Max, s.AckP50, s.AckP99 = s.P99+91*millisecond, s.P50, s.P99-12*millisecond
				backlog = int64(rate * catchUp)
			default:
				s.Sent = math.Round(rate + rnd.Float64()*40 - 20)
				s.Acked, s.Received = s.Sent, s.Sent
				s.P50 = 780*microsecond + rnd.Int64N(120*microsecond)
				s.P99 = 1700*microsecond + rnd.Int64N(500*microsecond)
				s.Max, s.AckP50, s.AckP99 = 5*millisecond+rnd.Int64N(7*millisecond), s.P50-200*microsecond, s.P99-400*microsecond
				backlog = rnd.Int64N(40)
			}
			s.Backlog = backlog
			r.Series = append(r.Series, s)
			r.Heat.Cells = append(r.Heat.Cells, cells(r.Heat.Bounds, s))
			phase.SentRate += s.Sent / float64(p.seconds)
			phase.AckedRate += s.Acked / float64(p.seconds)
			phase.ReceivedRate += s.Received / float64(p.seconds)
			at += second
		}
		hurt := f != nil && f.Effective >= phase.Start && f.Effective < phase.End
		measured(&phase, hurt)
		if hurt {
			phase.GapMax, phase.Unknown = max(back-from, second), 12
			r.Events = append(r.Events,
				reports.Event{At: f.Requested, Kind: "fault", Text: f.Kind + " " + f.Resolved + " requested"},
				reports.Event{At: f.Effective, Kind: "fault", Text: f.Kind + " " + f.Resolved + " in effect"},
				reports.Event{At: f.Effective + 3*millisecond, Kind: "connect", Text: "6 connections lost"},
				reports.Event{At: f.Effective + 40*millisecond, Kind: "rebalance", Text: "payment-1 reads no shard"},
				reports.Event{At: f.Recovered, Kind: "fault", Text: f.Kind + " " + f.Resolved + " healed"},
				reports.Event{At: f.Recovered + 80*millisecond, Kind: "rebalance", Text: "payment-1 reads the shards 0-5"})
			r.Counts.Rebalances = 2
		}
		r.Phases = append(r.Phases, phase)
		for _, metric := range []string{"ack", "end_to_end", "service", "lag"} {
			r.Curves = append(r.Curves, curve(p.name, metric, hurt))
		}
	}
	r.Events = append(r.Events, reports.Event{At: at, Kind: "drain", Text: "reading to the broker's own end"},
		reports.Event{At: at + 420*millisecond, Kind: "verdict", Text: fmt.Sprintf("%d phases measured", len(phases))})
}

func measured(p *reports.Phase, hurt bool) {
	n := int64(p.ReceivedRate * p.Seconds)
	p.GapMax = 9 * millisecond
	p.Ack = reports.Percentiles{
		P50: 610 * microsecond, P90: 900 * microsecond, P99: 1420 * microsecond, P999: 3900 * microsecond,
		Max: 9 * millisecond, Mean: 650_000, Count: n,
	}
	p.EndToEnd = reports.Percentiles{
		P50: 810 * microsecond, P90: 1200 * microsecond, P99: 1930 * microsecond, P999: 4200 * microsecond,
		Max: 11 * millisecond, Mean: 850_000, Count: n,
	}
	p.Service = reports.Percentiles{
		P50: 400 * microsecond, P90: 700 * microsecond, P99: 1200 * microsecond, P999: 3700 * microsecond,
		Max: 8 * millisecond, Mean: 440_000, Count: n,
	}
	p.Lag = reports.Percentiles{
		P50: 90 * microsecond, P90: 150 * microsecond, P99: 210 * microsecond, P999: 800 * microsecond,
		Max: 4 * millisecond, Mean: 95_000, Count: n,
	}
	if hurt {
		p.Ack.P90, p.Ack.P99, p.Ack.P999, p.Ack.Max = 2100*millisecond, 3240*millisecond, 3390*millisecond, 3402*millisecond
		p.EndToEnd.P90, p.EndToEnd.P99, p.EndToEnd.P999, p.EndToEnd.Max = 2110*millisecond, 3260*millisecond, 3401*millisecond, 3416*millisecond
	}
}

// curve is a percentile curve of 120 points from the median to 99.999 %.
func curve(phase, metric string, hurt bool) reports.Curve {
	c := reports.Curve{Phase: phase, Metric: metric}
	floor := map[string]float64{"ack": 6e5, "end_to_end": 8e5, "service": 4e5, "lag": 9e4}[metric]
	for i := range 120 {
		tail := 5 * float64(i) / 119 // decades of nines
		q := 1 - math.Pow(10, -tail)
		v := floor * math.Exp(0.62*tail)
		if hurt && metric != "lag" {
			v = floor + 3.4e9*(1-math.Exp(-tail*tail*tail/0.512))
		}
		c.Points = append(c.Points, reports.Point{Quantile: q, Value: int64(v)})
	}
	return c
}

// bounds are 24 from 20 µs to 100 s, evenly spread on a logarithmic scale.
func bounds() []int64 {
	list := make([]int64, 24)
	for i := range list {
		list[i] = int64(1e4 * math.Pow(1e7, float64(i+1)/24))
	}
	return list
}

// cells spreads the second's samples around its median, with a tail up to its largest.
func cells(bounds []int64, s reports.Second) []int64 {
	row := make([]int64, len(bounds))
	if s.Received == 0 || s.P50 == 0 {
		return row
	}
	for j, bound := range bounds {
		if j > 0 && bounds[j-1] > s.Max {
			continue
		}
		d := math.Log10(float64(bound) / float64(s.P50))
		width := 0.18 + 0.25*math.Log10(float64(s.P99)/float64(s.P50))
		row[j] = int64(s.Received / 3 * (math.Exp(-d*d/(2*width*width)) + 0.002*math.Exp(-math.Abs(d))))
	}
	return row
}
