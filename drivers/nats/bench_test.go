package nats

import (
	"context"
	"fmt"
	"hash/crc32"
	"runtime/debug"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
)

// The benchmarks compare the driver with what a plain program does with the library, in one run and in turns, and report the ratio of the
// medians as "x-plain": more than 1 is faster than plain. Every delivery that goes through the driver is checksummed.

const rounds = 7

// gcPercent is what a run of ordeal sets; it holds for both sides.
const gcPercent = 400

// compare runs both sides in turns, n messages each time, and reports.
func compare(b *testing.B, n int, plain, driver func(n int)) {
	b.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	b.ReportAllocs()
	for b.Loop() {
		var ratios []float64
		var best, bestPlain float64
		for i := range rounds {
			var sides [2]float64
			for side := range 2 {
				run := plain
				if (side+i)%2 == 1 {
					run = driver
				}
				begin := time.Now()
				run(n)
				sides[(side+i)%2] = float64(n) / time.Since(begin).Seconds()
			}
			ratios = append(ratios, sides[1]/sides[0])
			best, bestPlain = max(best, sides[1]), max(bestPlain, sides[0])
		}
		b.ReportMetric(median(ratios), "x-plain")
		b.ReportMetric(best, "msg/s")
		b.ReportMetric(bestPlain, "plain-msg/s")
	}
}

func median(v []float64) float64 {
	for i := range v {
		for k := i; k > 0 && v[k] < v[k-1]; k-- {
			v[k], v[k-1] = v[k-1], v[k]
		}
	}
	return v[len(v)/2]
}

// BenchmarkCore publishes and subscribes by core NATS.
func BenchmarkCore(b *testing.B) {
	server := addresses(startNodes(b, 1, ""))[0]
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			plain, driver := plainCore(b, server, size), driverCore(b, server, size)
			compare(b, 1200*step, plain, driver)
		})
	}
}

func plainConn(b *testing.B, server string) *natsgo.Conn {
	nc, err := natsgo.Connect("nats://" + server)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

func plainCore(b *testing.B, server string, size int) func(n int) {
	pub, sub := plainConn(b, server), plainConn(b, server)
	count, target, done := 0, 0, make(chan struct{}, 1)
	s, err := sub.Subscribe("plain", func(*natsgo.Msg) {
		if count++; count == target {
			done <- struct{}{}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	s.SetPendingLimits(-1, -1) //nolint:errcheck // a fresh subscription
	sub.Flush()                //nolint:errcheck // likewise
	body := make([]byte, size)
	return func(n int) {
		count, target = 0, n
		for range n {
			pub.Publish("plain", body) //nolint:errcheck // a lost message would never end the round
		}
		pub.Flush() //nolint:errcheck // likewise
		<-done
	}
}

func driverCore(b *testing.B, server string, size int) func(n int) {
	topic := drivers.Topic{
		Name: "cast", Model: drivers.Broadcast, Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "a", Members: 1}},
	}
	return driverPassage(b, server, topic, drivers.Sent, size)
}

// driverPassage sends and receives n messages by a producer and a consumer with sessions of their own.
func driverPassage(b *testing.B, server string, topic drivers.Topic, guarantee drivers.Guarantee, size int) func(n int) {
	const window = 16384
	options := map[string]string{optStorage: "memory"}
	ps, cs := connect(b, options, server), connect(b, options, server)
	if err := ps.Declare(b.Context(), topic); err != nil {
		b.Fatal(err)
	}
	c, err := cs.Consumer(b.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]drivers.Delivery, 1024)
	send := driverSender(b, ps, topic, guarantee, size, window)
	return func(n int) {
		done := make(chan error, 1)
		go func() {
			sum := uint32(0)
			for got := 0; got < n; {
				k, err := c.Receive(b.Context(), dst)
				for _, d := range dst[:k] {
					sum ^= crc32.Checksum(d.Body, castagnoli)
				}
				if err == nil {
					err = c.Ack(b.Context(), dst[:k])
				}
				if err != nil {
					done <- err
					return
				}
				got += k
			}
			done <- nil
		}()
		send(n)
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// step is how many messages the driver's side sends at once; every n is a multiple of it.
const step = 256

// driverSender sends n messages within a window and waits for their receipts.
func driverSender(b *testing.B, s *session, topic drivers.Topic, guarantee drivers.Guarantee, size, window int) func(n int) {
	room := make(chan struct{}, window/step+1)
	settled := 0
	p, err := s.Producer(b.Context(), drivers.ProducerSpec{Topic: topic, Guarantee: guarantee, Window: window}, func(r drivers.Receipt) {
		if r.Outcome != drivers.Acked {
			b.Errorf("%s: %v", r.Outcome, r.Err)
		}
		if settled++; settled%step == 0 {
			room <- struct{}{}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	for range window/step - 1 {
		room <- struct{}{}
	}
	batch := make([]drivers.Message, step)
	for i := range batch {
		batch[i].Body = make([]byte, size)
	}
	return func(n int) {
		for range n / step {
			<-room
			if err := p.Send(b.Context(), batch); err != nil {
				b.Error(err)
				return
			}
		}
		if err := p.Flush(b.Context()); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkPublish publishes to a stream in memory; plain is PublishMsgAsync with 500 messages in flight.
func BenchmarkPublish(b *testing.B) {
	server := addresses(startNodes(b, 1, ""))[0]
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			s := connect(b, map[string]string{optStorage: "memory"}, server)
			topic := drivers.Topic{Name: fmt.Sprintf("publish-%d", size), Shards: 1, Replicas: 1}
			if err := s.Declare(b.Context(), topic); err != nil {
				b.Fatal(err)
			}
			defer s.Delete(b.Context(), topic) //nolint:errcheck // the server goes, too
			plain := plainPublish(b, server, topic.Name+".0", size)
			driver := driverSender(b, s, topic, drivers.Accepted, size, 4096)
			cpu := measureCPU()
			var plainCPU, driverCPU time.Duration
			compare(b, 200*step, func(n int) { cpu(); plain(n); plainCPU += cpu() }, func(n int) { cpu(); driver(n); driverCPU += cpu() })
			if plainCPU > 0 {
				b.ReportMetric(float64(driverCPU)/float64(plainCPU), "x-plain-cpu")
			}
			b.ReportMetric(testing.AllocsPerRun(1, func() { driver(200 * step) })/(200*step), "driver-allocs/msg")
		})
	}
}

func plainPublish(b *testing.B, server, subject string, size int) func(n int) {
	const window = 500
	js, err := jetstream.New(plainConn(b, server), jetstream.WithPublishAsyncMaxPending(window))
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, size)
	return func(n int) {
		pending := make(chan jetstream.PubAckFuture, window)
		wait := func(f jetstream.PubAckFuture) {
			select {
			case <-f.Ok():
			case err := <-f.Err():
				b.Error(err)
			}
		}
		for range n {
			if len(pending) == cap(pending) {
				wait(<-pending)
			}
			f, err := js.PublishMsgAsync(&natsgo.Msg{Subject: subject, Data: body})
			if err != nil {
				b.Fatal(err)
			}
			pending <- f
		}
		for len(pending) > 0 {
			wait(<-pending)
		}
	}
}

// BenchmarkConsume reads a stream in memory with explicit acks; plain is the library's Messages.
func BenchmarkConsume(b *testing.B) {
	server := addresses(startNodes(b, 1, ""))[0]
	s := connect(b, map[string]string{optStorage: "memory"}, server)
	group := drivers.Group{Members: 1, Prefetch: 1000}
	topic := drivers.Topic{Name: "consume", Shards: 1, Replicas: 1}
	for _, name := range []string{"plain", "driver"} {
		group.Name = name
		topic.Groups = append(topic.Groups, group)
	}
	if err := s.Declare(b.Context(), topic); err != nil {
		b.Fatal(err)
	}
	send := driverSender(b, s, topic, drivers.Accepted, 100, 4096)
	const n = 80 * step
	send(n * rounds)
	cs := connect(b, map[string]string{optStorage: "memory"}, server)
	c, err := cs.Consumer(b.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[1]})
	if err != nil {
		b.Fatal(err)
	}
	plain := plainConsume(b, server, topic)
	dst := make([]drivers.Delivery, 1024)
	compare(b, n, plain, func(n int) {
		for got := 0; got < n; {
			k, err := c.Receive(b.Context(), dst[:min(len(dst), n-got)])
			if err == nil {
				err = c.Ack(b.Context(), dst[:k])
			}
			if err != nil {
				b.Fatal(err)
			}
			got += k
		}
	})
}

func plainConsume(b *testing.B, server string, topic drivers.Topic) func(n int) {
	js, err := jetstream.New(plainConn(b, server))
	if err != nil {
		b.Fatal(err)
	}
	c, err := js.Consumer(context.Background(), topic.Name, "plain")
	if err != nil {
		b.Fatal(err)
	}
	messages, err := c.Messages(jetstream.PullMaxMessages(1000))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(messages.Stop)
	return func(n int) {
		for range n {
			m, err := messages.Next()
			if err == nil {
				err = m.Ack()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
