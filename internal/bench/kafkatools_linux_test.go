package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ordeal/internal/cluster"
)

// kafkaTools are the load tools that come with Apache Kafka: they are in the jars that its brokers need, too.
type kafkaTools struct {
	java, jars, version string
}

func findKafkaTools(b *testing.B) kafkaTools {
	b.Helper()
	found := cluster.FindKafka()
	for _, f := range found {
		if !f.Found {
			b.Fatalf("%s: %s", f.What, f.Remedy)
		}
	}
	return kafkaTools{java: found[0].Path, jars: found[1].Path, version: found[1].Version}
}

// start starts a tool with the JVM settings of kafka-run-class.sh.
func (k kafkaTools) start(b *testing.B, lines func(string), tool string, args ...string) *child {
	b.Helper()
	return start(b, lines, k.java, append([]string{
		"-Xmx512M", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", "-Djava.awt.headless=true",
		"-cp", filepath.Join(k.jars, "*"), "org.apache.kafka.tools." + tool,
	}, args...)...)
}

// moment is how far a tool had come at a time.
type moment struct {
	at       time.Time
	messages int64
	cpu      time.Duration
}

// since is the figure from an earlier moment to this one.
func (m moment) since(before moment) figure {
	n := float64(m.messages - before.messages)
	return figure{Rate: n / m.at.Sub(before.at).Seconds(), CPU: (m.cpu - before.cpu).Seconds() * 1e6 / n}
}

// course collects the moments of a tool as it prints them.
type course struct {
	mu      sync.Mutex
	child   *child
	moments []moment
	news    chan struct{}
}

func newCourse() *course { return &course{news: make(chan struct{}, 1)} }

// note takes a line of output; parse says how many messages it tells of, and whether that is a total.
func (c *course) note(line string, parse func(string) (n int64, total, ok bool)) {
	n, total, ok := parse(line)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := moment{at: time.Now(), messages: n}
	if len(c.moments) > 0 && !total {
		m.messages += c.moments[len(c.moments)-1].messages
	}
	if c.child != nil {
		m.cpu = c.child.cpu()
	}
	c.moments = append(c.moments, m)
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// reach waits until done says so of the moments so far, or the tool has ended.
func (c *course) reach(b *testing.B, done func([]moment) bool) []moment {
	b.Helper()
	limit := time.After(2 * time.Minute)
	for {
		c.mu.Lock()
		ms := append([]moment(nil), c.moments...)
		c.mu.Unlock()
		if done(ms) {
			return ms
		}
		select {
		case <-c.news:
		case <-limit:
			b.Fatalf("the tool came no further than %d reports\n%s", len(ms), c.child.stderr.String())
		}
	}
}

// producerLine is what ProducerPerformance prints every five seconds: the messages of those five.
var producerLine = regexp.MustCompile(`^([0-9]+) records sent, [0-9.,]+ records/sec .* ms max latency\.$`)

func parseProducer(line string) (n int64, total, ok bool) {
	m := producerLine.FindStringSubmatch(line)
	if m == nil {
		return 0, false, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	return n, false, err == nil
}

// parseConsumer reads a line of ConsumerPerformance --show-detailed-stats: time, thread, MB, MB/s, messages so far and so on.
func parseConsumer(line string) (n int64, total, ok bool) {
	fields := strings.Split(line, ", ")
	if len(fields) != 10 || !strings.HasPrefix(fields[0], "20") {
		return 0, false, false
	}
	n, err := strconv.ParseInt(fields[4], 10, 64)
	return n, true, err == nil
}

// endless is more messages than any tool sends before it is ended.
const endless = "2000000000"

// producing starts ProducerPerformance with the settings that serve it best: large batches, room for them, its own linger.
func (k kafkaTools) producing(b *testing.B, w *work, topic string, idempotent bool) *course {
	b.Helper()
	c := newCourse()
	c.mu.Lock() // until the child is known
	c.child = k.start(b, func(line string) { c.note(line, parseProducer) }, "ProducerPerformance", "--topic", topic, "--num-records", endless,
		"--record-size", strconv.Itoa(w.Size), "--throughput", "-1", "--producer-props", "bootstrap.servers="+w.Server, "acks=all",
		"enable.idempotence="+strconv.FormatBool(idempotent), "linger.ms=5", "batch.size=131072", "buffer.memory=67108864")
	c.mu.Unlock()
	return c
}

// A tool makes some of its five-second reports before it is measured, until its CPU for a message falls by no more than a tenth from one to
// the next: by then its JVM has compiled what matters. It then stays alive, stopped by a signal while the other side works, so that
// every pair meets it warm.
const (
	leastWarmUp, mostWarmUp = 4, 12
	stillFalling            = 0.9
)

// warmed tells whether a tool's reports so far show that.
func warmed(ms []moment) bool {
	if len(ms) < leastWarmUp || len(ms) >= mostWarmUp {
		return len(ms) >= mostWarmUp
	}
	last := ms[len(ms)-3:]
	return last[2].since(last[1]).CPU >= stillFalling*last[1].since(last[0]).CPU
}

// turn lets stopped tools go on until done, and stops them again.
func turn(b *testing.B, done func(), tools ...*course) {
	b.Helper()
	for _, c := range tools {
		if err := c.child.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			b.Fatal(err)
		}
	}
	done()
	for _, c := range tools {
		if err := c.child.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			b.Fatal(err)
		}
	}
}

// count is how many reports have come.
func (c *course) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.moments)
}

// window waits for two reports, of which the first has the time in which the tool was stopped, and returns both: what lies between them is
// five seconds of work.
func (c *course) window(b *testing.B) (from, to moment) {
	b.Helper()
	k := c.count()
	ms := c.reach(b, func(ms []moment) bool { return len(ms) >= k+2 })
	return ms[k], ms[k+1]
}

// produce starts the producer's tool and returns it as one side of a comparison.
func (k kafkaTools) produce(w *work, idempotent bool) func(b *testing.B) side {
	return func(b *testing.B) side {
		b.Helper()
		c := k.producing(b, w, peerTopic(b, w), idempotent)
		turn(b, func() { c.reach(b, warmed) }, c)
		return func(b *testing.B) (f figure) {
			b.Helper()
			turn(b, func() {
				from, to := c.window(b)
				f = to.since(from)
			}, c)
			return f
		}
	}
}

// passage is both tools at once, one sending and one receiving: what counts is what is received, and the CPU of both.
func (k kafkaTools) passage(w *work) func(b *testing.B) side {
	return func(b *testing.B) side {
		b.Helper()
		topic := peerTopic(b, w)
		consumer := k.consuming(b, w, topic, 500*time.Millisecond)
		producer := k.producing(b, w, topic, false)
		turn(b, func() { producer.reach(b, warmed) }, producer, consumer)
		return func(b *testing.B) (f figure) {
			b.Helper()
			turn(b, func() {
				from, to := producer.window(b)
				f = consumer.between(b, from.at, to.at)
				f.CPU += to.since(from).CPU
			}, producer, consumer)
			return f
		}
	}
}

// between is the figure of the reports that lie between two times.
func (c *course) between(b *testing.B, from, to time.Time) figure {
	b.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var inside []moment
	for _, m := range c.moments {
		if m.at.After(from) && m.at.Before(to) {
			inside = append(inside, m)
		}
	}
	if len(inside) < 2 {
		b.Fatalf("the consumer's tool reported %d times while its producer sent for five seconds\n%s", len(inside), c.child.stderr.String())
	}
	return inside[len(inside)-1].since(inside[0])
}

// consuming starts ConsumerPerformance, which reports at an interval while there are messages.
func (k kafkaTools) consuming(b *testing.B, w *work, topic string, interval time.Duration) *course {
	b.Helper()
	c := newCourse()
	c.mu.Lock()
	c.child = k.start(b, func(line string) { c.note(line, parseConsumer) }, "ConsumerPerformance", "--topic", topic, "--messages", endless,
		"--bootstrap-server", w.Server, "--show-detailed-stats",
		"--reporting-interval", strconv.FormatInt(interval.Milliseconds(), 10), "--timeout", "60000",
		"--group", fmt.Sprintf("peer-%d", time.Now().UnixNano()))
	c.mu.Unlock()
	return c
}

// peerTopic makes a topic for a tool with the settings that ordeal's own has, and removes it at the end.
func peerTopic(b *testing.B, w *work) string {
	b.Helper()
	topic, remove, err := declared(context.Background(), w)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := remove(); err != nil {
			b.Error(err)
		}
	})
	return topic.Name
}

func TestKafkaToolsAreUnderstood(t *testing.T) {
	n, total, ok := parseProducer("1234567 records sent, 246913.4 records/sec (23.55 MB/sec), 5.0 ms avg latency, 300.0 ms max latency.")
	if n != 1234567 || total || !ok {
		t.Errorf("a window of the producer is %d, %v, %v", n, total, ok)
	}
	// The summary at the end counts everything again.
	_, _, ok = parseProducer("400000 records sent, 19966.1 records/sec (1.90 MB/sec), 30.67 ms avg latency, 1004.00 ms max latency, " +
		"2 ms 50th, 86 ms 95th, 818 ms 99th, 993 ms 99.9th.")
	if ok {
		t.Error("the producer's summary is taken for a window")
	}
	n, total, ok = parseConsumer("2026-11-21 03:15:07:870, 0, 0.9537, 0.2582, 10000, 2707.0926, 941, 2753, 0.3464, 3632.4010")
	if n != 10000 || !total || !ok {
		t.Errorf("a line of the consumer is %d, %v, %v", n, total, ok)
	}
	for _, line := range []string{"", "time, threadId, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, a, b, c, d", "2026"} {
		if _, _, ok := parseConsumer(line); ok {
			t.Errorf("%q is taken for a report", line)
		}
	}
	began := time.Now()
	f := moment{began.Add(2 * time.Second), 3000, 3 * time.Second}.since(moment{began, 1000, time.Second})
	if f.Rate != 1000 || f.CPU != 1000 {
		t.Errorf("2000 messages in 2 s with 2 s of CPU are %+v", f)
	}
}

func TestToolIsWarmed(t *testing.T) {
	var ms []moment
	add := func(cpus ...int) {
		for _, cpu := range cpus { // each report has one message
			last := moment{}
			if len(ms) > 0 {
				last = ms[len(ms)-1]
			}
			ms = append(ms, moment{at: last.at.Add(time.Second), messages: last.messages + 1, cpu: last.cpu + time.Duration(cpu)*time.Second})
		}
	}
	for add(100, 10); len(ms) < leastWarmUp-1; add(10) {
	}
	if warmed(ms) {
		t.Errorf("warm after %d reports", len(ms))
	}
	if add(10); !warmed(ms) {
		t.Error("as cheap as before, and not warm")
	}
	if add(8); warmed(ms) {
		t.Error("warm though it still falls by a fifth")
	}
	if add(8); !warmed(ms) {
		t.Error("as cheap as before again, and not warm")
	}
	for k := 7; len(ms) < mostWarmUp; k-- {
		add(max(k, 0))
	}
	if !warmed(ms) {
		t.Errorf("not warm after %d reports: it would never be measured", len(ms))
	}
}
