//go:build unix

package kafka

import (
	"fmt"
	"hash/crc32"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// The benchmarks compare the driver with what a plain program does with the library, in one run and in turns. "x-plain" is the ratio of
// messages per second, "x-cpu" that of this process's processor time for a message, each the median of the rounds: more than 1 of the
// former and less than 1 of the latter is better than plain. Every delivery that goes through the driver is checksummed.
const (
	rounds      = 5
	benchWindow = 10_000
)

// compare runs both sides in turns, n messages each time, and reports.
func compare(b *testing.B, n int, plain, driver func(n int)) {
	b.Helper()
	for b.Loop() {
		var speed, cost []float64
		var best float64
		for i := range rounds {
			var took, cpu [2]time.Duration
			for turn := range 2 {
				side := (turn + i) % 2
				run := [2]func(int){plain, driver}[side]
				began, before := time.Now(), processor()
				run(n)
				took[side], cpu[side] = time.Since(began), processor()-before
			}
			speed = append(speed, took[0].Seconds()/took[1].Seconds())
			cost = append(cost, cpu[1].Seconds()/cpu[0].Seconds())
			best = max(best, float64(n)/took[1].Seconds())
			b.ReportMetric(cpu[1].Seconds()*1e6/float64(n), "cpu-µs/msg")
		}
		slices.Sort(speed)
		slices.Sort(cost)
		b.ReportMetric(speed[rounds/2], "x-plain")
		b.ReportMetric(cost[rounds/2], "x-cpu")
		b.ReportMetric(best, "msg/s")
	}
}

// processor is how much processor time this process has taken.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkProduce sends to six partitions with acks=1, the most that a single node can promise.
func BenchmarkProduce(b *testing.B) {
	server := startKafka(b, 1, nil).Servers()[0]
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			topic := benchTopic(b, server, fmt.Sprintf("produce-%d", size))
			compare(b, 200_000, plainSender(b, server, topic, size), driverSender(b, server, topic, size))
		})
	}
}

// BenchmarkPassage sends, receives and acknowledges.
func BenchmarkPassage(b *testing.B) {
	server := startKafka(b, 1, nil).Servers()[0]
	plain := benchTopic(b, server, "plain")
	driver := benchTopic(b, server, "driver")
	compare(b, 200_000, plainPassage(b, server, plain), driverPassage(b, server, driver))
}

func benchTopic(b *testing.B, server, name string) drivers.Topic {
	t := drivers.Topic{Name: name, Shards: 6, Replicas: 1, Groups: []drivers.Group{{Name: "a", Members: 1, Prefetch: 10_000}}}
	if err := connect(b, drivers.Config{Servers: []string{server}}).Declare(b.Context(), t); err != nil {
		b.Fatal(err)
	}
	return t
}

func plainSender(b *testing.B, server string, topic drivers.Topic, size int) func(n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(server), kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(),
		kgo.MaxProduceRequestsInflightPerBroker(inFlight), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(benchWindow))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	body := make([]byte, size)
	return func(n int) {
		for i := range n {
			r := &kgo.Record{Topic: topic.Name, Partition: int32(i % topic.Shards), Value: body}
			client.Produce(b.Context(), r, func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
		}
		if err := client.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func driverSender(b *testing.B, server string, topic drivers.Topic, size int) func(n int) {
	const most = 256 // the engine's batches
	room := make(chan struct{}, benchWindow)
	spec := drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Accepted, Window: benchWindow}
	p, err := connect(b, drivers.Config{Servers: []string{server}}).Producer(b.Context(), spec, func(r drivers.Receipt) {
		if r.Outcome != drivers.Acked {
			b.Error(r.Err)
		}
		<-room
	})
	if err != nil {
		b.Fatal(err)
	}
	content := make([]byte, size)
	batch := make([]drivers.Message, 0, most)
	return func(n int) {
		for i := range n {
			room <- struct{}{}
			batch = append(batch, drivers.Message{Token: uint64(i), Shard: int32(i % topic.Shards), Body: content})
			if len(batch) == most || i == n-1 || len(room) == cap(room) {
				if err := p.Send(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				batch = batch[:0]
			}
		}
		if err := p.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func plainPassage(b *testing.B, server string, topic drivers.Topic) func(n int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(server), kgo.ConsumerGroup("plain"), kgo.ConsumeTopics(topic.Name),
		kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	send := plainSender(b, server, topic, 100)
	return func(n int) {
		done := make(chan error, 1)
		go func() {
			for got := 0; got < n; {
				got += client.PollFetches(b.Context()).NumRecords()
				if err := client.CommitUncommittedOffsets(b.Context()); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		send(n)
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

func driverPassage(b *testing.B, server string, topic drivers.Topic) func(n int) {
	spec := drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]}
	c, err := connect(b, drivers.Config{Servers: []string{server}}).Consumer(b.Context(), spec)
	if err != nil {
		b.Fatal(err)
	}
	send := driverSender(b, server, topic, 100)
	dst := make([]drivers.Delivery, 1024)
	return func(n int) {
		done := make(chan error, 1)
		go func() {
			sum := uint32(0)
			for got := 0; got < n; {
				k, err := c.Receive(b.Context(), dst)
				for _, d := range dst[:k] {
					sum += crc32.ChecksumIEEE(d.Body)
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
			_ = sum
			done <- nil
		}()
		send(n)
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
