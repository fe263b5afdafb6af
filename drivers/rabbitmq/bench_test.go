package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

const (
	benchMessages = 20_000
	benchWindow   = 2000
	benchAcks     = 100
)

// BenchmarkConfirmAndConsume runs the driver and the plainest loop on the client library in turns: a window of confirmed persistent
// publishes to a classic queue, and a consumer that acknowledges a hundred at once. It prints the ratio of their rates, their CPU a
// message, and the driver's write calls a publish.
func BenchmarkConfirmAndConsume(b *testing.B) {
	c := startRabbitMQ(b, 1, nil)
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			body := make([]byte, size)
			var ours, plain, oursCPU, plainCPU time.Duration
			var writes int64
			for i := range b.N {
				topic := drivers.Topic{
					Name: fmt.Sprintf("bench-%d-%d-%d", size, b.N, i), Model: drivers.Queue, Shards: 1, Replicas: 1,
					Groups: []drivers.Group{{Name: "g", Members: 1, Prefetch: benchWindow}},
				}
				cfg := drivers.Config{Servers: c.Servers()}
				admin := connect(b, cfg)
				if err := admin.Declare(b.Context(), topic); err != nil {
					b.Fatal(err)
				}
				measure := func(run func()) (took, cpu time.Duration) {
					began, before := time.Now(), cpuTime()
					run()
					return time.Since(began), cpuTime() - before
				}
				took, cpu := measure(func() { writes += driverLoop(b, cfg, topic, body) })
				ours, oursCPU = ours+took, oursCPU+cpu
				took, cpu = measure(func() { plainLoop(b, c.Servers()[0], topic.Name+".0", body) })
				plain, plainCPU = plain+took, plainCPU+cpu
				if err := admin.Delete(b.Context(), topic); err != nil {
					b.Fatal(err)
				}
			}
			n := float64(b.N * benchMessages)
			b.ReportMetric(n/ours.Seconds(), "msg/s")
			b.ReportMetric(n/plain.Seconds(), "plain-msg/s")
			b.ReportMetric(plain.Seconds()/ours.Seconds(), "ratio")
			b.ReportMetric(float64(oursCPU.Microseconds())/n, "cpu-µs/msg")
			b.ReportMetric(float64(plainCPU.Microseconds())/n, "plain-cpu-µs/msg")
			b.ReportMetric(float64(writes)/n, "writes/publish")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkModerate runs 20,000 messages of 100 B a second through the driver, a few every millisecond, in turns with acknowledgements that
// wait for others, as ever, and with one for every batch. It prints their CPU a message and the write calls of both sides.
func BenchmarkModerate(b *testing.B) {
	c := startRabbitMQ(b, 1, nil)
	cfg := drivers.Config{Servers: c.Servers()}
	const each, batches = 20, 2000
	var cpu [2]time.Duration
	var writes [2]int64
	for i := range b.N {
		for way := range cpu {
			topic := drivers.Topic{
				Name: fmt.Sprintf("moderate-%d-%d-%d", b.N, i, way), Model: drivers.Queue, Shards: 1, Replicas: 1,
				Groups: []drivers.Group{{Name: "g", Members: 1, Prefetch: benchWindow}},
			}
			if err := connect(b, cfg).Declare(b.Context(), topic); err != nil {
				b.Fatal(err)
			}
			before := cpuTime()
			writes[way] += moderateLoop(b, cfg, topic, each, batches, way == 1)
			cpu[way] += cpuTime() - before
		}
	}
	n := float64(b.N * each * batches)
	b.ReportMetric(float64(cpu[0].Microseconds())/n, "cpu-µs/msg")
	b.ReportMetric(float64(cpu[1].Microseconds())/n, "at-once-cpu-µs/msg")
	b.ReportMetric(float64(writes[0])/n, "writes/msg")
	b.ReportMetric(float64(writes[1])/n, "at-once-writes/msg")
	b.ReportMetric(0, "ns/op")
}

// moderateLoop sends batches of each message, one a millisecond, and returns the write calls.
func moderateLoop(b *testing.B, cfg drivers.Config, topic drivers.Topic, each, batches int, atOnce bool) int64 {
	var writes atomic.Int64
	s, err := New().Open(b.Context(), cfg, drivers.Env{Logger: quiet(), Name: b.Name(), Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := drivertest.Dial(ctx, network, addr)
		return counted{conn, &writes}, err
	}})
	if err != nil {
		b.Fatal(err)
	}
	c, err := s.Consumer(b.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		b.Fatal(err)
	}
	if atOnce {
		c.(*consumer).acks.most = 0
	}
	p, err := s.Producer(b.Context(), drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Accepted, Window: each * batches}, func(drivers.Receipt) {})
	if err != nil {
		b.Fatal(err)
	}
	received := make(chan error, 1)
	go func() { received <- receiveAll(b.Context(), c, each*batches) }()
	batch, body := make([]drivers.Message, each), make([]byte, 100)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range batches {
		<-tick.C
		for j := range batch {
			batch[j] = drivers.Message{Token: uint64(i*each + j), Body: body}
		}
		if err := p.Send(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(p.Flush(b.Context()), <-received, s.Close(b.Context())); err != nil {
		b.Fatal(err)
	}
	return writes.Load()
}

// counted counts write calls.
type counted struct {
	net.Conn
	writes *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// driverLoop sends and receives by the driver and returns the producer's write calls.
func driverLoop(b *testing.B, cfg drivers.Config, topic drivers.Topic, body []byte) int64 {
	var writes atomic.Int64
	open := func(dial func(context.Context, string, string) (net.Conn, error)) drivers.Session {
		s, err := New().Open(b.Context(), cfg, drivers.Env{Dial: dial, Logger: quiet(), Name: b.Name()})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	sending := open(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := drivertest.Dial(ctx, network, addr)
		return counted{conn, &writes}, err
	})
	receiving := open(drivertest.Dial)
	consumer, err := receiving.Consumer(b.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		b.Fatal(err)
	}
	room := make(chan struct{}, benchWindow)
	spec := drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Accepted, Window: benchWindow}
	producer, err := sending.Producer(b.Context(), spec, func(drivers.Receipt) { <-room })
	if err != nil {
		b.Fatal(err)
	}
	received := make(chan error, 1)
	go func() { received <- receiveAll(b.Context(), consumer, benchMessages) }()
	writes.Store(0)
	batch := make([]drivers.Message, 0, benchWindow)
	for i := 0; i < benchMessages; {
		room <- struct{}{}
		batch = append(batch[:0], drivers.Message{Token: uint64(i), Body: body})
		i++
		for full := false; !full && i < benchMessages; { // as many as there is room for
			select {
			case room <- struct{}{}:
				batch = append(batch, drivers.Message{Token: uint64(i), Body: body})
				i++
			default:
				full = true
			}
		}
		if err := producer.Send(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	if err := producer.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := <-received; err != nil {
		b.Fatal(err)
	}
	n := writes.Load()
	for _, s := range []drivers.Session{sending, receiving} {
		if err := s.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

func receiveAll(ctx context.Context, c drivers.Consumer, all int) error {
	ds := make([]drivers.Delivery, 512)
	for got := 0; got < all; {
		n, err := c.Receive(ctx, ds)
		if err != nil {
			return err
		}
		got += n
		if err := c.Ack(ctx, ds[:n]); err != nil {
			return err
		}
	}
	return nil
}

// plainLoop does the same as people write it.
func plainLoop(b *testing.B, server, queue string, body []byte) {
	open := func() (*amqp.Connection, *amqp.Channel) {
		conn, err := amqp.Dial("amqp://guest:guest@" + server)
		if err != nil {
			b.Fatal(err)
		}
		ch, err := conn.Channel()
		if err != nil {
			b.Fatal(err)
		}
		return conn, ch
	}
	sending, out := open()
	defer sending.Close() //nolint:errcheck // everything was confirmed
	receiving, in := open()
	defer receiving.Close() //nolint:errcheck // everything was received
	if err := in.Qos(benchWindow, 0, false); err != nil {
		b.Fatal(err)
	}
	deliveries, err := in.Consume(queue, "plain", false, false, false, false, nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := out.Confirm(false); err != nil {
		b.Fatal(err)
	}
	confirms := out.NotifyPublish(make(chan amqp.Confirmation, benchWindow))
	room := make(chan struct{}, benchWindow)
	go func() {
		for range confirms {
			<-room
		}
	}()
	received := make(chan error, 1)
	go func() {
		for i := 1; i <= benchMessages; i++ {
			d := <-deliveries
			if i%benchAcks == 0 {
				if err := d.Ack(true); err != nil {
					received <- err
					return
				}
			}
		}
		received <- nil
	}()
	message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body}
	for range benchMessages {
		room <- struct{}{}
		if err := out.PublishWithContext(b.Context(), "", queue, true, false, message); err != nil {
			b.Fatal(err)
		}
	}
	for range benchWindow { // full only when everything is confirmed
		room <- struct{}{}
	}
	if err := <-received; err != nil {
		b.Fatal(err)
	}
}
