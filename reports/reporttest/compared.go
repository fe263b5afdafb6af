package reporttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"ordeal/reports"
)

// Compared are sets of runs to compare, in the order in which a command makes them: brokers has three that rank, one that failed once and
// one of another guarantee, five times each; anecdote has two, twice; spread is one, five times; broken ended before it measured
// anything; hostile has words from outside that try to break out.
func Compared() []struct {
	Name string
	Runs []*reports.Run
} {
	nats, kafka := contender{"nats:3", "nats", "2.15.2", "replicated", 1, 1}, contender{"kafka:3", "kafka", "4.1.0", "replicated", 2.4, 1.8}
	rabbit := contender{"rabbitmq:3", "rabbitmq", "4.2.0", "replicated", 1.02, 3}
	failing := contender{"redis:2", "redis", "8.2.1", "replicated", 0.6, 0.5}
	weaker := contender{"redis", "redis", "8.2.1", "accepted", 0.4, 0.4}
	brokers := repeated(5, nats, kafka, rabbit, failing, weaker)
	lost := brokers[8] // the failing one's second
	lost.Verdict, lost.Exit, lost.Headline = reports.Fail, 1, "31 of 439,988 acknowledged messages never reached group payment."
	hostile := append(repeated(1, nats), Hostile(), Hostile())
	for _, r := range hostile[1:] {
		hostile[0].Scenario = r.Scenario
		r.Verdict = reports.Pass
	}
	return []struct {
		Name string
		Runs []*reports.Run
	}{
		{"brokers", brokers},
		{"anecdote", repeated(2, nats, kafka)},
		{"spread", repeated(5, nats)},
		{"broken", []*reports.Run{Empty(), Empty()}},
		{"hostile", hostile},
	}
}

// contender is a target with how slow it is, and how long it is away, beside nats.
type contender struct {
	name, driver, version, guarantee string
	slow, away                       float64
}

func repeated(n int, all ...contender) []*reports.Run {
	random := rand.New(rand.NewPCG(41, 5)) //nolint:gosec // figures to look at
	var runs []*reports.Run
	for i := range n {
		for _, c := range all {
			r := Crash()
			r.ID = fmt.Sprintf("20261121T1042%02dZ-%08x", len(runs), 0x7f3a0000+len(runs))
			r.Folder = "runs/broker-crash/" + r.ID
			r.Started = r.Started.Add(time.Duration(len(runs)) * 30 * time.Second)
			r.Ended = r.Started.Add(24 * time.Second)
			r.Target.Name, r.Target.Driver, r.Target.Version, r.Target.Guarantee = c.name, c.driver, c.version, c.guarantee
			if c.driver == "redis" && i == 0 {
				r.Target.GuaranteeVerdict = reports.Inconclusive
			}
			slower(r, c.slow*math.Exp(0.06*random.NormFloat64()), c.away*math.Exp(0.1*random.NormFloat64()))
			runs = append(runs, r)
		}
	}
	return runs
}

// slower multiplies the latencies, and what the fault did.
func slower(r *reports.Run, slow, away float64) {
	times := func(p *reports.Percentiles) {
		for _, v := range []*int64{&p.P50, &p.P90, &p.P99, &p.P999, &p.Max} {
			*v = int64(float64(*v) * slow)
		}
	}
	for i := range r.Phases {
		p := &r.Phases[i]
		times(&p.Ack)
		times(&p.EndToEnd)
		p.GapMax = int64(float64(p.GapMax) * away)
		p.Unknown = int64(float64(p.Unknown) * away)
	}
	for i := range r.Curves {
		for j := range r.Curves[i].Points {
			r.Curves[i].Points[j].Value = int64(float64(r.Curves[i].Points[j].Value) * slow)
		}
	}
	f := &r.Faults[0]
	f.Settled = f.Effective + int64(float64(f.Settled-f.Effective)*away)
	r.Harness.CPUPerMsg = int64(float64(r.Harness.CPUPerMsg) * math.Sqrt(slow))
	r.Target.CPUSeconds *= slow
	r.Target.RSSMax = int64(float64(r.Target.RSSMax) * slow * away)
}
