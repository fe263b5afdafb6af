package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// counted dials and counts what comes over the connections on which messages are asked for, and how often they are.
type counted struct {
	asked, bytes atomic.Int64
}

type countedConn struct {
	net.Conn
	of      *counted
	fetches atomic.Bool
}

func (c *counted) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := drivertest.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &countedConn{Conn: conn, of: c}, nil
}

func (c *countedConn) Write(b []byte) (int, error) {
	if len(b) >= 6 && binary.BigEndian.Uint16(b[4:]) == keyFetch {
		c.fetches.Store(true)
		c.of.asked.Add(1)
	}
	return c.Conn.Write(b)
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.fetches.Load() {
		c.of.bytes.Add(int64(n))
	}
	return n, err
}

// filled is a topic with messages of a size in each shard, whose keys count them by shard, in turns.
func filled(t *testing.T, cfg drivers.Config, shards, replicas, messages, size int) (*session, drivers.Topic) {
	t.Helper()
	s := connect(t, cfg)
	topic := drivers.Topic{
		Name: strings.NewReplacer("/", "-", " ", "-").Replace(t.Name()), Shards: shards, Replicas: replicas,
		Groups: []drivers.Group{{Name: "a", Members: 1, Prefetch: 1 << 20}},
	}
	must(t, s.Declare(t.Context(), topic))
	fill(t, s, topic, 0, messages, size)
	return s, topic
}

// fill sends more.
func fill(t *testing.T, s *session, topic drivers.Topic, from, messages, size int) {
	t.Helper()
	const window = 1000
	room, failed := make(chan struct{}, window), make(chan error, 1)
	p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Accepted, Window: window}, func(r drivers.Receipt) {
		if r.Outcome != drivers.Acked {
			select {
			case failed <- r.Err:
			default:
			}
		}
		<-room
	})
	must(t, err)
	for i := from; i < from+messages; i++ {
		room <- struct{}{}
		m := drivers.Message{Token: uint64(i), Shard: int32(i % topic.Shards), Key: fmt.Append(nil, i/topic.Shards), Body: make([]byte, size)}
		must(t, p.Send(t.Context(), []drivers.Message{m}))
	}
	must(t, errors.Join(p.Flush(t.Context()), p.Close(t.Context())))
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
}

// inOrder receives n messages, each shard's in order from where it is.
func inOrder(t *testing.T, c drivers.Consumer, n int, at map[int32]int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dst := make([]drivers.Delivery, 256)
	for n > 0 {
		k, err := c.Receive(ctx, dst[:min(n, len(dst))])
		if err != nil {
			t.Fatalf("%v, with %d to come; came %v", err, n, at)
		}
		for _, d := range dst[:k] {
			if string(d.Key) != fmt.Sprint(at[d.Shard]) {
				t.Fatalf("message %s of shard %d came where %d should", d.Key, d.Shard, at[d.Shard])
			}
			at[d.Shard]++
		}
		must(t, c.Ack(ctx, dst[:k]))
		n -= k
	}
}

// join makes a member with connections of its own.
func join(t *testing.T, cfg drivers.Config, topic drivers.Topic, number int, dial func(context.Context, string, string) (net.Conn, error)) drivers.Consumer {
	t.Helper()
	s, err := New().Open(t.Context(), cfg, drivers.Env{Dial: dial, Logger: quiet(), Name: fmt.Sprintf("member-%d", number)})
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.Close(ctx) //nolint:errcheck // the test is over
	})
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0], Member: number})
	must(t, err)
	return c
}

// TestFetching reads several shards of one broker, compressed or not, larger than an answer may be.
func TestFetching(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			cfg := drivers.Config{Servers: server, Options: drivers.Options{optCompression: compression}}
			_, topic := filled(t, cfg, 4, 1, 20_000, 1000)
			inOrder(t, join(t, cfg, topic, 0, drivertest.Dial), 20_000, map[int32]int{})
		})
	}

	t.Run("slow receiver", func(t *testing.T) {
		cfg := drivers.Config{Servers: server}
		const size, most = 64 << 20, 24 << 20
		_, topic := filled(t, cfg, 1, 1, 1000, size/1000)
		var lines counted
		c := join(t, cfg, topic, 0, lines.dial)
		inOrder(t, c, 1, map[int32]int{})
		var before int64
		eventually(t, func() bool { // nothing comes any more
			was := before
			before = lines.bytes.Load()
			time.Sleep(300 * time.Millisecond)
			return was == before && was > 0
		})
		if before > most {
			t.Errorf("%d bytes came to one who received one message", before)
		}
		inOrder(t, c, 999, map[int32]int{0: 1})
	})

	t.Run("large message", func(t *testing.T) {
		cfg := drivers.Config{Servers: server, Options: drivers.Options{optMaxMessage: "4194304"}}
		s, topic := filled(t, cfg, 2, 1, 20, 1000)
		fill(t, s, topic, 20, 2, 3<<20)
		fill(t, s, topic, 22, 20, 1000)
		inOrder(t, join(t, cfg, topic, 0, drivertest.Dial), 42, map[int32]int{})
	})

	t.Run("idle", func(t *testing.T) {
		cfg := drivers.Config{Servers: server}
		s, topic := filled(t, cfg, 3, 1, 3, 10)
		var lines counted
		c := join(t, cfg, topic, 0, lines.dial)
		at := map[int32]int{}
		inOrder(t, c, 3, at)
		before, began := lines.asked.Load(), time.Now()
		time.Sleep(2 * time.Second)
		n, waits := lines.asked.Load()-before, int64(time.Since(began)/(500*time.Millisecond))
		if n > waits+2 { // the broker keeps each request so long; one was under way, one may just have begun
			t.Errorf("nothing came, and it was asked for %d times where %d requests fit", n, waits)
		}
		fill(t, s, topic, 3, 3, 10)
		inOrder(t, c, 3, at)
	})

	t.Run("what was replaced by an election", func(t *testing.T) {
		s, topic := filled(t, drivers.Config{Servers: server}, 1, 1, 3, 10)
		l := &listener{session: s, what: "listen", topic: topic, shards: map[int32]*progress{0: {began: 5, next: 5}}}
		l.intake = newIntake(s, topic.Name, l.progress, l.explain)
		l.intake.positions.add(l.shards[0], 5, 0) // as one who read five of the leader's present epoch
		var err error
		l.client, err = newClient(s.cfg, s.env, s.set, l.lose, []int16{keyFetch})
		must(t, err)
		l.intake.start(l.client)
		defer l.Close(t.Context()) //nolint:errcheck // it is over
		_, err = l.Receive(t.Context(), make([]drivers.Delivery, 1))
		if !errors.Is(err, errGone) || !strings.Contains(err.Error(), "read up to 4 and its new leader has other messages from 3 on") {
			t.Error(err)
		}

		var committed kadm.Offsets
		committed.Add(kadm.Offset{Topic: topic.Name, Partition: 0, At: 5, LeaderEpoch: 0})
		must(t, s.admin.CommitAllOffsets(t.Context(), groupID(topic, "a"), committed))
		c := join(t, drivers.Config{Servers: server}, topic, 0, drivertest.Dial)
		if _, err = c.Receive(t.Context(), make([]drivers.Delivery, 1)); !errors.Is(err, errGone) {
			t.Errorf("a member of a group that was told of more: %v", err)
		}
		must(t, c.Close(t.Context()))
		fill(t, s, topic, 3, 4, 10)
		inOrder(t, join(t, drivers.Config{Servers: server}, topic, 0, drivertest.Dial), 4, map[int32]int{0: 3})
	})

	t.Run("nothing committed", func(t *testing.T) {
		s, topic := filled(t, drivers.Config{Servers: server}, 1, 1, 5, 10)
		_, err := s.admin.DeleteGroups(t.Context(), groupID(topic, "a"))
		must(t, err)
		var until kadm.Offsets
		until.Add(kadm.Offset{Topic: topic.Name, Partition: 0, At: 2})
		_, err = s.admin.DeleteRecords(t.Context(), until)
		must(t, err)
		inOrder(t, join(t, drivers.Config{Servers: server}, topic, 0, drivertest.Dial), 3, map[int32]int{0: 2})
	})

	t.Run("a topic that was made anew", func(t *testing.T) {
		s, topic := filled(t, drivers.Config{Servers: server}, 1, 1, 5, 10)
		c := join(t, drivers.Config{Servers: server}, topic, 0, drivertest.Dial)
		inOrder(t, c, 5, map[int32]int{})
		_, err := s.admin.DeleteTopics(t.Context(), topic.Name)
		must(t, err)
		eventually(t, func() bool { return s.declareTopic(t.Context(), topic) == nil })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := c.Receive(ctx, make([]drivers.Delivery, 1)); !errors.Is(err, kerr.UnknownTopicID) || !strings.Contains(err.Error(), "made anew") {
			t.Error(err)
		}
	})
}

// TestAbortedAnswers reads past a transaction that was aborted and is larger than several answers.
func TestAbortedAnswers(t *testing.T) {
	options := map[string]string{optTransactions: "true"}
	r := newRig(t, startKafka(t, 1, nil).Servers(), drivers.Durable, options)
	must(t, r.send(1, "first"))
	p := r.producer.(*producer)
	must(t, p.client.BeginTransaction())
	for range 60 {
		p.produceOpen(t, strings.Repeat("x", 100_000))
	}
	must(t, p.client.AbortBufferedRecords(t.Context()))
	must(t, p.client.EndTransaction(t.Context(), false))
	must(t, r.send(2, "last"))
	c, err := r.Consumer(t.Context(), drivers.ConsumerSpec{Topic: r.topic, Group: r.topic.Groups[0]})
	must(t, err)
	got := hand(t, c, 3, 5*time.Second)
	if len(got) != 2 || string(got[0].Body) != "first" || string(got[1].Body) != "last" {
		t.Fatalf("%d messages came", len(got))
	}
	must(t, c.Ack(t.Context(), got))
	depth(t, r.session, r.topic, 0)
}

// TestTakenInMidFetch lets a second member come while the first has answers in its hands: of what the group takes from it nothing more is
// handed out, and the other gets it from the beginning.
func TestTakenInMidFetch(t *testing.T) {
	cfg := drivers.Config{Servers: startKafka(t, 1, nil).Servers(), Options: drivers.Options{optSession: "5s"}}
	_, topic := filled(t, cfg, 2, 1, 20_000, 1000)
	topic.Groups[0].Members = 2
	first := join(t, cfg, topic, 0, drivertest.Dial)
	at := map[int32]int{}
	inOrder(t, first, 10, at)
	var has atomic.Value
	first.(drivers.Rebalancer).OnRebalance(func(shards []int32) { has.Store(shards) })
	second := join(t, cfg, topic, 1, drivertest.Dial)
	eventually(t, func() bool { return len(has.Load().([]int32)) == 1 })
	kept := has.Load().([]int32)[0]
	gone := 1 - kept
	before := at[gone]
	inOrder(t, first, 10_000-at[kept], at)
	if at[gone] != before || at[kept] != 10_000 {
		t.Errorf("the first has received %v; it keeps %d, of the other it had %d", at, kept, before)
	}
	inOrder(t, second, 10_000-before, map[int32]int{gone: before})
}
