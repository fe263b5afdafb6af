//go:build unix

package redis

import (
	"encoding/csv"
	"fmt"
	"hash/crc32"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// The benchmarks compare the driver with others in one run and in turns. "x-plain" is the ratio of messages per second to a plain program
// with the same library, "x-cpu" that of this process's processor time, "x-peer" the ratio to redis-benchmark; each is the median of the
// rounds: more than 1 of the first and the last and less than 1 of the second is better. Deliveries through the driver are checksummed.
const (
	rounds = 5
	step   = 256 // messages in a batch, as the engine sends
	trim   = "100000"
)

// side is one of those compared: it moves n messages, and returns the rate where it measures itself, else 0.
type side func(n int) float64

// compare runs all sides in turns, n messages each time: the driver first, then a plain program, then a peer where there is one.
func compare(b *testing.B, n int, sides ...side) {
	b.Helper()
	for b.Loop() {
		rates, costs := make([][]float64, len(sides)), make([][]float64, len(sides))
		for i := range rounds {
			for turn := range sides {
				s := (turn + i) % len(sides)
				began, before := time.Now(), processor()
				rate := sides[s](n)
				if rate == 0 {
					rate = float64(n) / time.Since(began).Seconds()
				}
				rates[s] = append(rates[s], rate)
				costs[s] = append(costs[s], (processor()-before).Seconds()*1e6/float64(n))
			}
		}
		b.ReportMetric(ratio(rates[0], rates[1]), "x-plain")
		b.ReportMetric(ratio(costs[0], costs[1]), "x-cpu")
		b.ReportMetric(slices.Min(costs[0]), "cpu-µs/msg")
		b.ReportMetric(slices.Max(rates[0]), "msg/s")
		if len(sides) > 2 {
			b.ReportMetric(ratio(rates[0], rates[2]), "x-peer")
		}
	}
}

// ratio is the median of the rounds' own ratios.
func ratio(mine, theirs []float64) float64 {
	var out []float64
	for i := range mine {
		out = append(out, mine[i]/theirs[i])
	}
	slices.Sort(out)
	return out[len(out)/2]
}

// processor is how much processor time this process has taken.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSend adds to one stream over one connection; plain is a loop of pipelines of 64, as redis-benchmark -P 64 is.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			k := startNode(b)
			cfg := drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optMaxLen: trim}}
			topic := drivers.Topic{Name: "bench", Shards: 1, Replicas: 1}
			sides := []side{benchSender(b, cfg, topic, size), plainSender(b, k, size)}
			if peer := peerSender(b, k, size); peer != nil {
				sides = append(sides, peer)
			}
			compare(b, 400*step, sides...)
		})
	}
}

// benchSender sends within a window of 1024 and waits for the receipts.
func benchSender(b *testing.B, cfg drivers.Config, topic drivers.Topic, size int) side {
	b.Helper()
	const window = 1024
	room := make(chan struct{}, window/step)
	settled := 0
	s := connect(b, cfg)
	p, err := s.Producer(b.Context(), drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Accepted, Window: window}, func(r drivers.Receipt) {
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
	for range window / step {
		room <- struct{}{}
	}
	batch := make([]drivers.Message, step)
	for i := range batch {
		batch[i].Body = make([]byte, size)
	}
	return func(n int) float64 {
		for range n / step {
			<-room
			if err := p.Send(b.Context(), batch); err != nil {
				b.Error(err)
				return 0
			}
		}
		if err := p.Flush(b.Context()); err != nil {
			b.Error(err)
		}
		return 0
	}
}

func plainClient(b *testing.B, k *node) rueidis.Client {
	b.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{k.address}, ForceSingleClient: true, DisableCache: true, DisableRetry: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	return client
}

func plainSender(b *testing.B, k *node, size int) side {
	b.Helper()
	const pipeline = 64
	client, body := plainClient(b, k), rueidis.BinaryString(make([]byte, size))
	return func(n int) float64 {
		commands := make([]rueidis.Completed, pipeline)
		for range n / pipeline {
			for i := range commands {
				commands[i] = client.B().Arbitrary("XADD", "plain", "MAXLEN", "~", trim, "*", "b", body).Build()
			}
			for _, reply := range client.DoMulti(b.Context(), commands...) {
				if err := reply.Error(); err != nil {
					b.Error(err)
					return 0
				}
			}
		}
		return 0
	}
}

// peerSender is redis-benchmark, which sends one constant buffer; nil where it is not installed.
func peerSender(b *testing.B, k *node, size int) side {
	b.Helper()
	path, err := exec.LookPath("redis-benchmark")
	if err != nil {
		b.Log("redis-benchmark is not installed; get it with: apt-get install -y redis-tools")
		return nil
	}
	_, port, _ := strings.Cut(k.address, ":")
	return func(n int) float64 {
		out, err := exec.Command(path, "-p", port, "-c", "1", "-P", "64", "-n", strconv.Itoa(n), "--csv",
			"XADD", "peer", "MAXLEN", "~", trim, "*", "b", strings.Repeat("x", size)).Output()
		if err != nil {
			b.Error(err)
			return 1
		}
		rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
		if err != nil || len(rows) != 2 {
			b.Errorf("%d rows, %v", len(rows), err)
			return 1
		}
		rate, err := strconv.ParseFloat(rows[1][1], 64)
		if err != nil {
			b.Error(err)
			return 1
		}
		return rate
	}
}

// BenchmarkReceive reads a stream that is there and acknowledges; plain is a loop of XREADGROUP COUNT 500 and one XACK.
func BenchmarkReceive(b *testing.B) {
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			k := startNode(b)
			cfg := drivers.Config{Servers: []string{k.address}}
			topic := drivers.Topic{Name: "bench", Shards: 1, Replicas: 1}
			const n = 200 * step
			benchSender(b, cfg, topic, size)(n)
			compare(b, n, benchReceiver(b, k, cfg, topic), plainReceiver(b, k))
		})
	}
}

func benchReceiver(b *testing.B, k *node, cfg drivers.Config, topic drivers.Topic) side {
	b.Helper()
	s := connect(b, cfg)
	ds := make([]drivers.Delivery, 512)
	table, life := crc32.MakeTable(crc32.Castagnoli), 0
	return func(n int) float64 {
		life++
		topic.Groups = []drivers.Group{{Name: "g" + strconv.Itoa(life), Members: 1, Prefetch: 1000}}
		c, err := s.Consumer(b.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
		if err != nil {
			b.Fatal(err)
		}
		sum := uint32(0)
		for got := 0; got < n; {
			m, err := c.Receive(b.Context(), ds)
			for i := range ds[:m] {
				sum ^= crc32.Checksum(ds[i].Body, table)
			}
			if err == nil {
				err = c.Ack(b.Context(), ds[:m])
			}
			if err != nil {
				b.Fatal(err)
			}
			got += m
		}
		if err := c.Close(b.Context()); err != nil {
			b.Error(err)
		}
		k.run("XGROUP", "DESTROY", "bench:0", topic.Groups[0].Name)
		return 0
	}
}

func plainReceiver(b *testing.B, k *node) side {
	b.Helper()
	client := plainClient(b, k)
	return func(n int) float64 {
		k.run("XGROUP", "CREATE", "bench:0", "plain", "0")
		defer k.run("XGROUP", "DESTROY", "bench:0", "plain")
		read := client.B().Xreadgroup().Group("plain", "c").Count(500).Streams().Key("bench:0").Id(">").Build().Pin()
		for got := 0; got < n; {
			streams, err := client.Do(b.Context(), read).AsXRead()
			if err != nil {
				b.Fatal(err)
			}
			ids := make([]string, 0, 500)
			for _, e := range streams["bench:0"] {
				ids = append(ids, e.ID)
			}
			if err := client.Do(b.Context(), client.B().Xack().Key("bench:0").Group("plain").Id(ids...).Build()).Error(); err != nil {
				b.Fatal(err)
			}
			got += len(ids)
		}
		return 0
	}
}
