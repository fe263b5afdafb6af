package worker

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/internal/judge"
	"ordeal/internal/measure"
	"ordeal/internal/message"
	"ordeal/internal/schedule"
)

// null is a driver without a broker: what is sent is what is received, in the same memory, and it is settled once the consumer is done with
// it. What a run costs on it is what ordeal costs.
type null struct{ batches chan []drivers.Message }

func (null) Name() string                                          { return "null" }
func (null) Promise(drivers.Config, drivers.Topic) drivers.Promise { return drivers.Promise{} }
func (n null) Open(context.Context, drivers.Config, drivers.Env) (drivers.Session, error) {
	return &nullSession{n}, nil
}

type nullSession struct{ null }

func (*nullSession) Declare(context.Context, drivers.Topic) error                 { return nil }
func (*nullSession) Audit(context.Context, drivers.Topic) ([]drivers.Fact, error) { return nil, nil }
func (*nullSession) Delete(context.Context, drivers.Topic) error                  { return nil }
func (*nullSession) Close(context.Context) error                                  { return nil }

func (s *nullSession) Producer(_ context.Context, _ drivers.ProducerSpec, settle func(drivers.Receipt)) (drivers.Producer, error) {
	return &nullProducer{n: s.null, settle: settle}, nil
}

func (s *nullSession) Consumer(context.Context, drivers.ConsumerSpec) (drivers.Consumer, error) {
	return &nullConsumer{n: s.null}, nil
}

type nullProducer struct {
	n      null
	settle func(drivers.Receipt)
	seq    uint64
	held   []drivers.Message
}

// Send waits until the batch before was received, settles that, and hands over this one.
func (p *nullProducer) Send(ctx context.Context, batch []drivers.Message) error {
	if err := p.Flush(ctx); err != nil {
		return err
	}
	p.held = append(p.held[:0], batch...)
	select {
	case p.n.batches <- p.held:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *nullProducer) Flush(ctx context.Context) error {
	if len(p.held) == 0 {
		return nil
	}
	select {
	case p.n.batches <- nil: // taken by the Receive that is done with the batch before
	case <-ctx.Done():
		return ctx.Err()
	}
	for i := range p.held {
		p.seq++
		p.settle(drivers.Receipt{Token: p.held[i].Token, Outcome: drivers.Acked, Position: drivers.At(p.seq), More: i < len(p.held)-1})
	}
	p.held = p.held[:0]
	return nil
}

func (p *nullProducer) Close(ctx context.Context) error { return p.Flush(ctx) }

type nullConsumer struct {
	n   null
	seq uint64
}

func (c *nullConsumer) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	for {
		select {
		case batch := <-c.n.batches:
			if batch == nil {
				continue
			}
			for i := range batch {
				c.seq++
				dst[i] = drivers.Delivery{Shard: batch[i].Shard, Position: drivers.At(c.seq), Body: batch[i].Body}
			}
			return len(batch), nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (*nullConsumer) Ack(context.Context, []drivers.Delivery) error { return nil }
func (*nullConsumer) Close(context.Context) error                   { return nil }

// pathPlan is one producer and one consumer of 100-byte messages.
func pathPlan(b *testing.B, n int, rate float64) (Plan, judge.Plan) {
	b.Helper()
	s, err := schedule.New([]schedule.Segment{{From: rate, To: rate}}, schedule.Uniform, 1)
	if err != nil {
		b.Fatal(err)
	}
	topic := drivers.Topic{Name: "t", Shards: 1, Replicas: 1}
	plan := Plan{
		Run: 1, Seed: 1, Until: int64(float64(n) / rate * 1e9),
		Producers: []Producer{{
			ID: 1, Name: "p", Topic: topic, Schedule: s, Rate: rate, Stride: 1, Window: 1024, MinSize: 100, MaxSize: 100, Attempts: 1,
		}},
		Groups:    []Group{{Name: "g", Topic: topic, Spec: drivers.Group{Name: "g", Members: 1}}},
		Consumers: []Consumer{{Name: "g"}},
	}
	return plan, judge.Plan{
		Run:       1,
		Producers: []judge.Producer{{ID: 1, Name: "p", Topic: "t", Lanes: 1, Counted: true}},
		Groups:    []judge.Group{{Name: "g", Topic: "t", Members: 1, Shards: 1}},
	}
}

// BenchmarkWholePath is the cost of ordeal itself on one core: schedule, stamp, checksum, verify, judge and histograms, without a
// broker and without a history. Its own figure is messages per second; at least 5 million, without an allocation, is what ordeal
// claims.
func BenchmarkWholePath(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const n = 5_000_000
	var before, after runtime.MemStats
	var spent time.Duration
	var allocs uint64
	for range b.N {
		plan, judged := pathPlan(b, n, 100e6)
		book := judge.NewBook(judged)
		w, err := NewLocal(plan, Deps{
			Driver: null{batches: make(chan []drivers.Message)}, Book: book, Logger: slog.New(slog.DiscardHandler),
			Dial:   func(Role, string) Dial { return nil },
			Notify: func(text string) { b.Error(text) },
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Connect(b.Context()); err != nil {
			b.Fatal(err)
		}
		spans := []measure.Span{{Name: "run", End: plan.Until, Recorded: true}}
		clock := measure.NewClock(time.Now())
		collector := measure.NewCollector(clock, spans)
		runtime.ReadMemStats(&before)
		begin := time.Now()
		w.Start(clock, collector, spans)
		<-w.Sent()
		spent += time.Since(begin)
		runtime.ReadMemStats(&after)
		allocs += after.Mallocs - before.Mallocs
		w.Stop()
		collector.Finish()
		f := book.Findings(judge.Evidence{Drains: []judge.Drain{{Complete: true}}})
		if f.Totals.Acked != n || f.Totals.Unique != n {
			b.Fatalf("acked %d and received %d of %d", f.Totals.Acked, f.Totals.Unique, n)
		}
	}
	b.ReportMetric(float64(b.N)*n/spent.Seconds()/1e6, "Mmsg/s")
	b.ReportMetric(float64(allocs)/float64(b.N)/n, "allocs/msg")
	b.ReportMetric(float64(message.HeaderSize), "stampB")
}
