package rabbitmq

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// stream is a broker with a driver whose sessions share the places of groups.
type stream struct {
	*testing.T
	driver Driver
	cfg    drivers.Config
	topic  drivers.Topic
}

func newStream(t *testing.T, servers []string, name string, shards, members int) *stream {
	t.Helper()
	x := &stream{T: t, driver: New(), cfg: drivers.Config{Servers: servers, Options: drivers.Options{optQueueType: typeStream}}}
	x.topic = drivers.Topic{
		Name: name, Model: drivers.Log, Shards: shards, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: members, Prefetch: 100 * shards}},
	}
	if err := x.open().Declare(t.Context(), x.topic); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *stream) open() streamSession {
	x.Helper()
	s, err := x.driver.Open(x.Context(), x.cfg, drivertest.Env(x.Name()))
	if err != nil {
		x.Fatal(err)
	}
	x.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.Close(ctx) //nolint:errcheck // the test may have cut it
	})
	return s.(streamSession)
}

// member joins on a session of its own.
func (x *stream) member(number int) *member {
	x.Helper()
	c, err := x.open().Consumer(x.Context(), drivers.ConsumerSpec{Topic: x.topic, Group: x.topic.Groups[0], Member: number})
	if err != nil {
		x.Fatal(err)
	}
	return c.(*member)
}

// publish sends the numbers from first on, n to each shard, and waits until all are acked.
func (x *stream) publish(first, n int) {
	x.Helper()
	var mu sync.Mutex
	acked := 0
	spec := drivers.ProducerSpec{Topic: x.topic, Guarantee: drivers.Accepted, Window: n * x.topic.Shards}
	p, err := x.open().Producer(x.Context(), spec, func(r drivers.Receipt) {
		mu.Lock()
		defer mu.Unlock()
		if r.Outcome == drivers.Acked {
			acked++
		}
	})
	if err != nil {
		x.Fatal(err)
	}
	var batch []drivers.Message
	for i := range n {
		for shard := range x.topic.Shards {
			body := binary.BigEndian.AppendUint64(nil, uint64(first+i))
			batch = append(batch, drivers.Message{Token: uint64(len(batch) + 1), Shard: int32(shard), Body: body})
		}
	}
	if err := errors.Join(p.Send(x.Context(), batch), p.Flush(x.Context()), p.Close(x.Context())); err != nil || acked != len(batch) {
		x.Fatalf("%d of %d acked, %v", acked, len(batch), err)
	}
}

// take receives until there are n, with copies of their bodies.
func (x *stream) take(c drivers.Consumer, n int) (out []drivers.Delivery) {
	x.Helper()
	ctx, cancel := context.WithTimeout(x.Context(), 20*time.Second)
	defer cancel()
	dst := make([]drivers.Delivery, n)
	for len(out) < n {
		k, err := c.Receive(ctx, dst[:n-len(out)])
		for _, d := range dst[:k] {
			d.Body = slices.Clone(d.Body)
			out = append(out, d)
		}
		if err != nil {
			x.Fatalf("after %d of %d: %v", len(out), n, err)
		}
	}
	return out
}

func TestStream(t *testing.T) {
	servers := startRabbitMQ(t, 1, nil).Servers()
	t.Run("end", func(t *testing.T) { streamEnds(newStream(t, servers, "ends", 3, 1)) })
	t.Run("resume", func(t *testing.T) { streamResumes(newStream(t, servers, "resume", 1, 1)) })
	t.Run("handover", func(t *testing.T) { streamHandsOver(newStream(t, servers, "handover", 2, 2)) })
	t.Run("replay", func(t *testing.T) { streamReplays(newStream(t, servers, "replay", 2, 1)) })
	t.Run("trimmed", func(t *testing.T) { streamTrimmed(newStream(t, servers, "trimmed", 1, 1)) })
	t.Run("other kinds", func(t *testing.T) {
		x := newStream(t, servers, "kinds", 1, 1)
		queues := connect(t, drivers.Config{Servers: servers})
		if err := queues.Declare(t.Context(), x.topic); err == nil || !strings.Contains(err.Error(), "stream or not") {
			t.Errorf("declared as queues: %v", err)
		}
		if _, err := x.open().Replay(t.Context(), drivers.Topic{Name: "b", Model: drivers.Broadcast, Shards: 1}, 0, drivers.Position{}); !errors.Is(err, drivers.ErrNoReplay) {
			t.Errorf("replay of a broadcast: %v", err)
		}
		var s drivers.Session = queues
		_, replays := s.(drivers.Replayer)
		_, ends := s.(drivers.Ender)
		if replays || ends {
			t.Error("a session of queues replays, or knows ends")
		}
	})
}

// streamEnds holds the broker's ends against what was acked, in batches of every kind of size.
func streamEnds(x *stream) {
	s := x.open()
	ends := func(want uint64) {
		x.Helper()
		got, err := s.End(x.Context(), x.topic)
		if err != nil {
			x.Fatal(err)
		}
		for shard, end := range got {
			if end.Known != (want > 0) || end.Known && end != drivers.At(want-1) {
				x.Errorf("shard %d ends at %s, with %d messages", shard, end, want)
			}
		}
		if n, err := s.Depth(x.Context(), x.topic, "g"); err != nil || n != int64(want)*int64(x.topic.Shards) {
			x.Errorf("depth %d, %v, with %d messages in each shard", n, err, want)
		}
	}
	ends(0)
	total := 0
	for _, n := range []int{1, 1, 7, 500, 3, 5000, 1, 20_000, 2} {
		x.publish(total, n)
		total += n
		ends(uint64(total))
	}
}

// streamResumes cuts a member's connection: who comes after it begins where it acknowledged, and what it had not acknowledged is marked.
func streamResumes(x *stream) {
	x.publish(0, 50)
	first := x.member(0)
	got := x.take(first, 30)
	if err := first.Ack(x.Context(), slices.Concat(got[:10], got[20:25])); err != nil {
		x.Fatal(err)
	}
	first.session.line.cut()
	second := x.member(0)
	for _, d := range x.take(second, 35) {
		offset := d.Position.Minor
		if offset < 10 || offset >= 20 && offset < 25 || binary.BigEndian.Uint64(d.Body) != offset || d.Redelivered != (offset < 30) {
			x.Errorf("after the cut: %s, body %x, redelivered %v", d.Position, d.Body, d.Redelivered)
		}
	}
	if n, err := x.open().Depth(x.Context(), x.topic, "g"); n != 35 || err != nil {
		x.Errorf("depth %d, %v", n, err)
	}
	// Another driver, as of another process, knows nothing of it.
	stranger := *x
	stranger.driver = New()
	if d := stranger.take(stranger.member(0), 1)[0]; d.Position != drivers.At(0) {
		x.Errorf("a group that is unknown begins at %s", d.Position)
	}
}

// streamHandsOver lets a second member come and go: every shard always has one reader, and both are told.
func streamHandsOver(x *stream) {
	told := make(chan []int32, 100)
	first := x.member(0)
	first.OnRebalance(func(shards []int32) { told <- shards })
	expect := func(want ...int32) {
		x.Helper()
		select {
		case got := <-told:
			if !slices.Equal(got, want) {
				x.Errorf("the first member has %v, want %v", got, want)
			}
		case <-time.After(20 * time.Second):
			x.Errorf("the first member is not told %v", want)
		}
	}
	expect(0, 1)
	x.publish(0, 20)
	got := x.take(first, 40)
	if err := first.Ack(x.Context(), got); err != nil {
		x.Fatal(err)
	}
	second := x.member(1)
	expect(0)
	x.publish(20, 20)
	shard := func(c drivers.Consumer, n int, want int32) {
		x.Helper()
		ds := x.take(c, n)
		for i, d := range ds {
			if d.Shard != want || d.Redelivered || i > 0 && !ds[i-1].Position.Before(d.Position) {
				x.Errorf("position %s of shard %d, redelivered %v; want shard %d", d.Position, d.Shard, d.Redelivered, want)
			}
		}
		if err := c.Ack(x.Context(), ds); err != nil {
			x.Error(err)
		}
	}
	shard(first, 20, 0)
	shard(second, 20, 1)
	if err := second.Close(x.Context()); err != nil {
		x.Error(err)
	}
	expect(0, 1)
	x.publish(40, 5)
	if err := first.Ack(x.Context(), x.take(first, 10)); err != nil {
		x.Error(err)
	}
	if n, err := x.open().Depth(x.Context(), x.topic, "g"); n != 0 || err != nil {
		x.Errorf("depth %d, %v", n, err)
	}
}

// streamReplays reads again what a group has read and acknowledged, without touching its place.
func streamReplays(x *stream) {
	x.publish(0, 2500)
	s := x.open()
	group := x.member(0)
	got := x.take(group, 200)
	if err := group.Ack(x.Context(), got); err != nil {
		x.Fatal(err)
	}
	for _, from := range []drivers.Position{{}, drivers.At(0), drivers.At(7), drivers.At(2499)} {
		c, err := s.Replay(x.Context(), x.topic, 1, from)
		if err != nil {
			x.Fatal(err)
		}
		ds := x.take(c, 2500-int(from.Minor))
		for i, d := range ds {
			if d.Position != drivers.At(from.Minor+uint64(i)) || d.Shard != 1 || d.Redelivered || binary.BigEndian.Uint64(d.Body) != d.Position.Minor {
				x.Fatalf("replay from %s: %s of shard %d, body %x", from, d.Position, d.Shard, d.Body)
			}
		}
		brief, cancel := context.WithTimeout(x.Context(), 50*time.Millisecond)
		if n, err := c.Receive(brief, ds[:1]); n > 0 || !errors.Is(err, context.DeadlineExceeded) {
			x.Errorf("after the end came %d, %v", n, err)
		}
		cancel()
		if err := errors.Join(c.Ack(x.Context(), ds), c.Close(x.Context()), c.Close(x.Context())); err != nil {
			x.Error(err)
		}
	}
	if n, err := s.Depth(x.Context(), x.topic, "g"); n != 5000-200 || err != nil {
		x.Errorf("depth after the replays %d, %v", n, err)
	}
	if _, err := s.Replay(x.Context(), x.topic, 2, drivers.Position{}); !errors.Is(err, errShard) {
		x.Errorf("replay of a shard that is not there: %v", err)
	}
}

// streamTrimmed lets the broker drop the oldest messages: a replay says which it still has, a group goes on behind the gap, and the audit
// does not confirm.
func streamTrimmed(x *stream) {
	s := x.open()
	queue := streamQueues(x.topic)[0]
	err := s.ask(x.Context(), func(ch *amqp.Channel) error {
		if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
			return err
		}
		args := s.arguments(x.topic)
		args["x-max-length-bytes"], args["x-stream-max-segment-size-bytes"] = int64(200_000), int64(50_000)
		if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
			return err
		}
		return ch.QueueBind(queue, "0", x.topic.Name, false, nil)
	})
	if err != nil {
		x.Fatal(err)
	}
	const all = 20_000 // of some 50 bytes
	for i := range 20 {
		x.publish(all/20*i, all/20)
	}
	oldest := uint64(0)
	for late := time.Now().Add(20 * time.Second); oldest == 0; {
		edges, err := s.edges(x.Context(), []string{queue}, fromFirst, []bool{true})
		if err != nil || !edges[0].first.Known || time.Now().After(late) {
			x.Fatalf("nothing is trimmed: %+v, %v", edges, err)
		}
		oldest = edges[0].first.Minor
	}
	_, err = s.Replay(x.Context(), x.topic, 0, drivers.At(1))
	if err == nil || !strings.Contains(err.Error(), "no longer has position 1: the oldest is ") {
		x.Errorf("replay of what is gone: %v", err)
	}
	ends, err := s.End(x.Context(), x.topic)
	if err != nil {
		x.Fatal(err)
	}
	c := x.member(0)
	n := 0
	for last := uint64(0); last < ends[0].Minor; {
		ds := x.take(c, 1)
		last = ds[0].Position.Minor
		n++
		if err := c.Ack(x.Context(), ds); err != nil {
			x.Fatal(err)
		}
	}
	if n >= all {
		x.Errorf("%d of %d came", n, all)
	}
	if n, err := s.Depth(x.Context(), x.topic, "g"); n != 0 || err != nil {
		x.Errorf("depth behind the gap %d, %v", n, err)
	}
	if err := s.Declare(x.Context(), x.topic); err == nil || !strings.Contains(err.Error(), "other settings") {
		x.Errorf("declared with limits: %v", err)
	}
}
