package bench

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// How long both sides of a comparison work: the first part is not measured.
const (
	warm = 500 * time.Millisecond
	full = 2 * time.Second
	// steady is as long as it takes for what clients cost once to count no more.
	steady = 6 * time.Second
)

// BenchmarkPeers holds ordeal against each broker's own load tool and against plain loops, and prints one table; `make bench-peers` runs it.
// docs/benchmarks.md says what is compared with what.
func BenchmarkPeers(b *testing.B) {
	p := &peers{binary: build(b)}
	defer func() { write(os.Stdout, p.rows) }()
	b.Run("kafka", p.kafka)
	b.Run("rabbitmq", p.rabbitmq)
	b.Run("nats", p.nats)
	b.Run("redis", p.redis)
}

// sized words a size.
func sized(n int) string {
	if n >= 1024 {
		return fmt.Sprintf("%d KiB", n/1024)
	}
	return fmt.Sprintf("%d B", n)
}

// sizes are those of the bodies.
func sizes() []int { return []int{100, 1024} }

// common are the rows that every broker has: verified against unverified, four of each client against one, a moderate rate, the stall.
func (p *peers) common(b *testing.B, w work) {
	b.Helper()
	w.Size, w.Warm, w.Full = 100, warm, full
	one := w
	one.Producers, one.Consumers, one.Full = 1, 1, steady
	p.compare(b, &row{what: w.Driver + " whole run, verified", against: "the same driver, unverified", least: 0.95},
		p.ordeal(&one), standIn("driver", &one))
	p.spread(b, w)
	p.moderate(b, w)
	coarse := w
	coarse.Tick = time.Millisecond
	p.moderate(b, coarse)
	p.stall(b, w)
}

// spread is what four producers and four consumers cost for one message, against one of each, on topics of the same four shards.
func (p *peers) spread(b *testing.B, w work) {
	b.Helper()
	many, few := w, w
	many.Shards, few.Shards = 4, 4
	many.Full, few.Full = steady, steady
	many.Producers, many.Consumers, few.Producers, few.Consumers = 4, 4, 1, 1
	r := &row{what: w.Driver + " 4 producers, 4 consumers", against: "ordeal, 1 and 1", unit: unitCPU, most: 1.15}
	p.add(b, r, func(b *testing.B) {
		for i := range pairCount(b) {
			four, one := both(b, i, p.ordeal(&many), p.ordeal(&few))
			r.ours, r.theirs = append(r.ours, four), append(r.theirs, one)
			r.values = append(r.values, four.CPU/one.CPU)
		}
	})
}

// moderate is a minute at a rate that any broker keeps: what ordeal itself costs then.
func (p *peers) moderate(b *testing.B, w work) {
	b.Helper()
	w.Rate, w.Producers, w.Consumers, w.Shards, w.Warm, w.Full = 20_000, 1, 1, 1, time.Second, time.Minute
	name := w.Driver + " 20 k msg/s"
	if w.Tick > 0 {
		name += ", tick " + w.Tick.String()
	}
	memory := &row{what: name + ", memory", against: "a limit", unit: unitMiB, most: 80}
	cpu := &row{what: name + ", client CPU", against: "a limit", unit: unitMicros, most: 8}
	p.add(b, memory, func(b *testing.B) {
		p.rows = append(p.rows, cpu)
		defer cpu.show()
		cpu.failed = memory.failed
		r := p.run(b, &w)
		if at := phase(b, r.Run, "full").AckedRate; at < 0.99*float64(w.Rate) || at > 1.01*float64(w.Rate) {
			memory.failed = fmt.Sprintf("the broker took %.0f messages a second and not the %d that were asked for", at, w.Rate)
			cpu.failed = memory.failed
			b.Fatal(memory.failed)
		}
		memory.values = []float64{float64(max(r.child.high.Load(), r.Harness.RSSMax)) / (1 << 20)}
		cpu.values, cpu.failed = []float64{r.cpu}, ""
		cpu.note = fmt.Sprintf("the whole process from its start to its reports; the run alone %.1f", float64(r.Harness.CPUPerMsg)/1000)
	})
}

// stall pauses the broker for a second of eight. One message in eight is then late by a time spread evenly from 0 to the pause, the first of
// the pause by most. A hundredth of all messages, which are those of a hundredth of the eight seconds, is later than the p99: so that is the
// pause less 80 ms. The rate is low, so that a broker that first stores what has piled up is not really later by that.
func (p *peers) stall(b *testing.B, w work) {
	b.Helper()
	const length = 8 * time.Second
	w.Rate, w.Producers, w.Consumers, w.Shards, w.Window, w.Prefetch = 1000, 1, 1, 1, 20_000, 20_000
	w.Warm, w.Full, w.Fault = time.Second, length, "{kind: process.pause, target: any, at: 2s, for: 1s}"
	nodes := max(1, w.Replicas)
	r := &row{what: w.Driver + " paused 1 s, end-to-end p99", against: "the exact value", unit: unitExact, least: 0.97, most: 1.03}
	p.add(b, r, func(b *testing.B) {
		run := p.execute(b, w.scenario(), fmt.Sprintf("%s:%d", w.Driver, nodes))
		f := run.Faults[0]
		exact := float64(f.Recovered-f.Effective) - float64(length)/100
		r.values = []float64{float64(phase(b, run.Run, "full").EndToEnd.P99) / exact}
		r.note = fmt.Sprintf("the pause took %s, as its evidence has it", time.Duration(f.Recovered-f.Effective).Round(time.Millisecond))
	})
}

func (p *peers) redis(b *testing.B) {
	c := p.broker(b, "redis", 1, nil)
	if c == nil {
		return
	}
	w := work{Driver: "redis", Server: c.Servers()[0], Window: 1000, Prefetch: 1000}
	for _, size := range sizes() {
		sending := w
		sending.Size, sending.Producers, sending.Warm, sending.Full = size, 1, warm, full
		sending.Options = map[string]string{"max_len": fmt.Sprint(trim)}
		if tool := redisBenchmark(); tool != "" {
			p.compare(b, &row{what: "redis produce " + sized(size), against: "redis-benchmark -c 1 -P 64 XADD", least: 0.9},
				p.ordeal(&sending), redisTool(tool, &sending))
		}
		r := &row{what: "redis produce " + sized(size) + ", go-redis", against: "plain pipelines of 64 of go-redis", least: 1.3}
		if redisBenchmark() == "" {
			r.note = "redis-benchmark was not found, so this stands in for it: apt-get install redis-tools"
		}
		p.compare(b, r, p.ordeal(&sending), standIn("redis-xadd", &sending))
	}
	p.common(b, w)
}

func (p *peers) nats(b *testing.B) {
	c := p.broker(b, "nats", 1, nil)
	if c == nil {
		return
	}
	server := c.Servers()[0]
	for _, size := range sizes() {
		w := work{Driver: "nats", Server: server, Size: size, Producers: 1, Window: 500, Warm: warm, Full: full}
		r := &row{what: "nats JetStream produce " + sized(size) + ", 500 in flight", against: "PublishAsync of nats.go, 500 in flight", least: 1.3}
		p.compare(b, r, p.ordeal(&w), standIn("nats-publish", &w))
		p.cpuRow(r, 0.5)
	}
	for _, size := range sizes() {
		w := work{
			Driver: "nats", Server: server, Model: "broadcast", Guarantee: "sent", Size: size, Producers: 1, Consumers: 1, Window: 20_000,
			Prefetch: 1000, Warm: warm, Full: full,
		}
		p.compare(b, &row{what: "nats core whole run " + sized(size), against: "publish and subscribe of nats.go", least: 0.95},
			p.ordeal(&w), standIn("nats-core", &w))
	}
	p.common(b, work{Driver: "nats", Server: server, Window: 1000, Prefetch: 2000})
}

func (p *peers) rabbitmq(b *testing.B) {
	c := p.broker(b, "rabbitmq", 1, nil)
	if c == nil {
		return
	}
	w := work{Driver: "rabbitmq", Server: c.Servers()[0], Model: "queue", Window: 2000, Prefetch: 2000}
	for _, size := range sizes() {
		passage := w
		passage.Size, passage.Producers, passage.Consumers, passage.Warm, passage.Full = size, 1, 1, warm, full
		p.compare(b, &row{what: "rabbitmq confirm and consume " + sized(size), against: "plain loop on amqp091-go", least: 1},
			p.ordeal(&passage), standIn("amqp", &passage))
	}
	r := &row{what: "rabbitmq write calls a publish", against: "a limit", unit: unitWrites, most: 0.5}
	p.add(b, r, func(b *testing.B) {
		one := w
		one.Size, one.Producers, one.Consumers, one.Warm, one.Full = 100, 1, 1, warm, full
		run := p.run(b, &one)
		r.values = []float64{float64(run.child.writes.Load()) / float64(run.Counts.Attempted)}
		r.note = "all write calls of the process, also those of its consumer and its files"
	})
	p.common(b, w)
}

func (p *peers) kafka(b *testing.B) {
	tools := findKafkaTools(b)
	b.Run("cluster", func(b *testing.B) {
		c := p.broker(b, "kafka", 3, nil)
		if c == nil {
			return
		}
		for _, size := range sizes() {
			w := work{
				Driver: "kafka", Server: c.Servers()[0], Guarantee: "replicated", Replicas: 3, Size: size, Producers: 1, Window: 50_000,
				Warm: time.Second, Full: 3 * time.Second,
			}
			p.compareTool(b, &row{
				what:    "kafka:3 produce " + sized(size) + ", acks=all, idempotent",
				against: "kafka-producer-perf-test " + tools.version, least: 1,
			}, p.ordeal(&w), tools.produce(&w, true))
		}
		w := work{
			Driver: "kafka", Server: c.Servers()[0], Guarantee: "replicated", Replicas: 3, Size: 100, Producers: 1, Consumers: 1,
			Window: 20_000, Prefetch: 10_000, Warm: warm, Full: steady,
		}
		p.compare(b, &row{what: "kafka:3 whole run, verified, acks=all", against: "the same driver, unverified", least: 0.95},
			p.ordeal(&w), standIn("driver", &w))
	})
	c := p.broker(b, "kafka", 1, nil)
	if c == nil {
		return
	}
	w := work{Driver: "kafka", Server: c.Servers()[0], Window: 20_000, Prefetch: 10_000}
	for _, size := range sizes() {
		one := w
		one.Size, one.Producers, one.Window, one.Warm, one.Full = size, 1, 50_000, time.Second, 3*time.Second
		p.compareTool(b, &row{what: "kafka:1 produce " + sized(size), against: "kafka-producer-perf-test " + tools.version, least: 1},
			p.ordeal(&one), tools.produce(&one, false))
	}
	both := w
	both.Size, both.Producers, both.Consumers, both.Warm, both.Full = 100, 1, 1, time.Second, 3*time.Second
	p.compareTool(b, &row{what: "kafka:1 produce and consume 100 B", against: "kafka-producer- and kafka-consumer-perf-test", least: 1},
		p.ordeal(&both), tools.passage(&both))
	p.kafkaReading(b, tools, w)
	p.common(b, w)
}
