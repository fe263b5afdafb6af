package engine

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"ordeal/drivers"
	"ordeal/internal/judge"
	"ordeal/internal/measure"
	"ordeal/internal/schedule"
	"ordeal/internal/worker"
	"ordeal/scenarios"
)

// plan is a scenario made ready for one target: everything that can be known before a broker is asked.
type plan struct {
	scenario *scenarios.Scenario
	config   drivers.Config
	topics   []drivers.Topic   // in the order of the scenario, with their names on the broker
	names    map[string]string // the scenario's name of a topic, by its name on the broker
	spans    []measure.Span
	worker   worker.Plan
	judge    judge.Plan
	// shortfalls are the topics that have fewer copies than the scenario says.
	shortfalls []shortfall
	// guarantee is the strongest one that any producer asks for; the audit is about it.
	guarantee drivers.Guarantee
	// offered holds the schedule of each producer entry, for the offered rate; nil for closed loops.
	offered []*schedule.Schedule
}

// newPlan lays out a scenario on a driver. Errors are the user's: a setting that the driver does not have, or a guarantee that it
// cannot give.
func newPlan(o *Options, run uint32) (*plan, error) {
	sc := o.Scenario
	p := &plan{scenario: sc, names: map[string]string{}}
	if err := p.configure(o); err != nil {
		return nil, err
	}
	for _, t := range sc.Topics {
		p.topics = append(p.topics, p.topic(t, run))
		p.names[p.topics[len(p.topics)-1].Name] = t.Name
	}
	p.fit(o)
	at := time.Duration(0)
	for _, ph := range sc.Phases {
		p.spans = append(p.spans, measure.Span{Name: ph.Name, Start: int64(at), End: int64(at + ph.For), Recorded: ph.Record})
		at += ph.For
	}
	p.worker = worker.Plan{Run: run, Seed: o.Seed, Until: int64(at)}
	p.judge = judge.Plan{Run: run}
	p.weigh()
	if err := p.producers(o); err != nil {
		return nil, err
	}
	p.consumers(o)
	p.probes()
	return p, nil
}

// configure settles the driver's options: the scenario's, overruled by the target's.
func (p *plan) configure(o *Options) error {
	given := map[string]string{}
	for name, value := range o.Scenario.DriverOptions(o.Driver.Name()).Values {
		given[name] = value
	}
	for name, value := range o.Target.Options {
		given[name] = value
	}
	var declared []drivers.Option
	if d, ok := o.Driver.(drivers.Optioner); ok {
		declared = d.Options()
	}
	options, err := drivers.Resolve(declared, given)
	if err != nil {
		return usage(fmt.Errorf("target %s: %w; see `ordeal drivers list`", o.Target, err))
	}
	if err := authenticate(o.Driver, o.Target.Auth); err != nil {
		return usage(fmt.Errorf("target %s: %w", o.Target, err))
	}
	p.config = drivers.Config{Servers: o.Target.Servers, Options: options, Auth: o.Target.Auth, TLS: o.Target.TLS}
	return nil
}

// topic gives a topic its name on the broker: one that no other run has.
func (p *plan) topic(t scenarios.Topic, run uint32) drivers.Topic {
	out := drivers.Topic{
		Name: fmt.Sprintf("ordeal-%08x-%s", run, t.Name), Model: t.Model, Shards: t.Shards, Replicas: t.Replicas,
	}
	for _, c := range p.scenario.Consumers {
		if c.From == t.Name {
			out.Groups = append(out.Groups, drivers.Group{Name: c.Name, Members: c.Count, Ack: c.Ack.Mode, Prefetch: c.Prefetch})
		}
	}
	return out
}

// weigh notes the weakest guarantee that anybody asks of each topic: what is sent with that much is owed no more.
func (p *plan) weigh() {
	for i := range p.topics {
		t := &p.topics[i]
		for _, e := range p.scenario.Producers {
			if e.To == p.names[t.Name] && (t.Least == 0 || e.Guarantee < t.Least) {
				t.Least = e.Guarantee
			}
		}
	}
}

func (p *plan) topicNamed(name string) drivers.Topic {
	for _, t := range p.topics {
		if p.names[t.Name] == name {
			return t
		}
	}
	return drivers.Topic{} // the loader has refused scenarios that name unknown topics
}

// producers lays out every producer of every entry. IDs are dense from 1, probes come after them.
func (p *plan) producers(o *Options) error {
	total := 0.0
	for _, e := range p.scenario.Producers {
		topic := p.topicNamed(e.To)
		p.guarantee = max(p.guarantee, e.Guarantee)
		cfg := p.config
		cfg.Guarantee = e.Guarantee
		if g, ok := o.Driver.(drivers.Guaranteer); ok {
			if err := g.Reach(cfg, topic); err != nil {
				return environment(fmt.Errorf("producer %s on target %s: guarantee %s: %w", e.Name, o.Target, e.Guarantee, err))
			}
		}
		plan, rate, err := scheduleOf(e, o.Seed)
		if err != nil {
			return usage(fmt.Errorf("producer %s: rate: %w", e.Name, err))
		}
		p.offered = append(p.offered, plan)
		total += rate
		keys := keysOf(e.Keys)
		lanes := uint32(topic.Shards)
		if keys != nil {
			lanes = uint32(e.Keys.Count)
		}
		for i := range e.Count {
			id, name := uint32(len(p.worker.Producers)+1), member(e.Name, i, e.Count)
			p.worker.Producers = append(p.worker.Producers, worker.Producer{
				ID: id, Name: name, Topic: topic, Guarantee: e.Guarantee, Schedule: plan,
				Offset: uint64(i), Stride: uint64(e.Count), Window: e.Window, MinSize: e.Size.Min, MaxSize: e.Size.Max, Keys: keys,
				Attempts: e.Retry.Attempts, ClientRetry: e.Retry.Client, Tick: e.Tick,
			})
			p.judge.Producers = append(p.judge.Producers, judge.Producer{
				ID: id, Name: name, Topic: e.To, Lanes: lanes, KeyLanes: keys != nil, Counted: true,
			})
		}
	}
	for i := range p.worker.Producers {
		if p.worker.Producers[i].Schedule != nil {
			p.worker.Producers[i].Rate = total
		}
	}
	p.config.Guarantee = p.guarantee
	return nil
}

// member names one of an entry's: the entry's own name where it is alone.
func member(entry string, i, count int) string {
	if count == 1 {
		return entry
	}
	return fmt.Sprintf("%s-%d", entry, i+1)
}

// scheduleOf makes an entry's schedule; nil for a closed loop. rate is its highest, a hint for timers.
func scheduleOf(e scenarios.Producer, seed uint64) (s *schedule.Schedule, rate float64, err error) {
	if e.Rate.Max {
		return nil, 0, nil
	}
	var segments []schedule.Segment
	for _, g := range e.Rate.Segments {
		segments = append(segments, schedule.Segment{From: g.From, To: g.To, For: g.For})
		rate = max(rate, g.From, g.To)
	}
	arrival := schedule.Uniform
	if e.Arrival == scenarios.Poisson {
		arrival = schedule.Poisson
	}
	s, err = schedule.New(segments, arrival, seed^hash(e.Name))
	return s, rate, err
}

// hash keeps the random choices of entries apart, and the same when entries are added.
func hash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

func keysOf(k scenarios.Keys) *worker.Keys {
	switch {
	case k.Count == 0:
		return nil
	case k.Pick == scenarios.PickZipf:
		return worker.ZipfKeys(k.Count)
	default:
		return worker.UniformKeys(k.Count)
	}
}

// consumers lays out groups, in the order of the scenario, and their members.
func (p *plan) consumers(o *Options) {
	for i, e := range p.scenario.Consumers {
		topic := p.topicNamed(e.From)
		spec := drivers.Group{Name: e.Name, Members: e.Count, Ack: e.Ack.Mode, Prefetch: e.Prefetch}
		p.worker.Groups = append(p.worker.Groups, worker.Group{ID: uint32(i), Name: e.Name, Topic: topic, Spec: spec})
		promise := o.Driver.Promise(p.config, topic)
		p.judge.Groups = append(p.judge.Groups, judge.Group{
			ID: uint32(i), Name: e.Name, Topic: e.From, Members: uint32(e.Count), Shards: uint32(topic.Shards),
			AckBefore: e.Ack.Mode == drivers.AckBefore,
			Delivery:  judge.Semantics(promise.Delivery), Order: judge.Scope(promise.Order), Why: promise.Why,
		})
		for m := range e.Count {
			p.worker.Consumers = append(p.worker.Consumers, worker.Consumer{
				Name: member(e.Name, m, e.Count), Group: i, Member: m, AckBatch: e.Ack.Batch, Work: e.Work.Time,
			})
		}
	}
}

// probes gives every topic that somebody sends to a probe. Probes are judged like other messages but not counted.
func (p *plan) probes() {
	for _, t := range p.topics {
		probe := worker.Probe{ID: uint32(len(p.judge.Producers) + 1), Topic: t, Guarantee: p.probeGuarantee(t)}
		for i, g := range p.worker.Groups {
			if g.Topic.Name == t.Name {
				probe.Groups = append(probe.Groups, i)
			}
		}
		if probe.Guarantee == 0 {
			continue // nobody sends to it
		}
		p.worker.Probes = append(p.worker.Probes, probe)
		p.judge.Producers = append(p.judge.Producers, judge.Producer{
			ID: probe.ID, Name: "probe-" + p.names[t.Name], Topic: p.names[t.Name], Lanes: 1, Owed: t.Model != drivers.Broadcast,
		})
	}
}

// probeGuarantee is the strongest guarantee that anybody asks of a topic; 0 where nobody sends.
func (p *plan) probeGuarantee(t drivers.Topic) drivers.Guarantee {
	var g drivers.Guarantee
	for _, producer := range p.worker.Producers {
		if producer.Topic.Name == t.Name {
			g = max(g, producer.Guarantee)
		}
	}
	return g
}

// offeredRate is what the schedules asked for in a phase; -1 where a closed loop takes part.
func (p *plan) offeredRate(from, to int64) float64 {
	sum := 0.0
	for _, s := range p.offered {
		if s == nil {
			return -1
		}
		sum += s.Expected(from, to)
	}
	return sum / (float64(to-from) / 1e9)
}

// dueRate is what the schedules really had due in a phase: with arrivals of chance, or few, it is not what they asked for on the average.
// It is -1 where a closed loop takes part.
func (p *plan) dueRate(from, to int64) float64 {
	sum := uint64(0)
	for _, s := range p.offered {
		if s == nil {
			return -1
		}
		sum += s.Count(to) - s.Count(from)
	}
	return float64(sum) / (float64(to-from) / 1e9)
}

// promise says in one sentence what the driver claims for the topics that are read.
func (p *plan) promise(d drivers.Driver) string {
	var parts []string
	for _, t := range p.topics {
		pr := d.Promise(p.config, t)
		part := fmt.Sprintf("%s, order %s, an ack survives %s", pr.Delivery, pr.Order, pr.Survives)
		if pr.Why != "" {
			part += " (" + pr.Why + ")"
		}
		if len(p.topics) > 1 {
			part = p.names[t.Name] + ": " + part
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}
