package memory_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"log/slog"
	"maps"
	"runtime"
	"strconv"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/memory"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func group(name string) drivers.Group {
	return drivers.Group{Name: name, Members: 1, Prefetch: 1 << 20}
}

func topic(shards int, groups ...drivers.Group) drivers.Topic {
	return drivers.Topic{Name: "orders", Shards: shards, Replicas: 1, Groups: groups}
}

func open(t testing.TB, d *memory.Driver, options map[string]string) drivers.Session {
	t.Helper()
	s, err := d.Open(context.Background(), drivers.Config{Options: options}, drivers.Env{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// receiver collects what one member gets.
type receiver struct {
	drivers.Consumer
	got []drivers.Delivery
}

func (r *receiver) drain(t testing.TB, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	dst := make([]drivers.Delivery, 64)
	for len(r.got) < n {
		k, err := r.Receive(ctx, dst)
		if err != nil {
			t.Fatalf("after %d of %d: %v", len(r.got), n, err)
		}
		r.got = append(r.got, dst[:k]...)
		if err := r.Ack(ctx, dst[:k]); err != nil {
			t.Fatal(err)
		}
	}
}

// empty tells that nothing more comes, by the broker's own count.
func empty(t testing.TB, s drivers.Session, topic drivers.Topic, g string) {
	t.Helper()
	depth, err := s.(drivers.Depther).Depth(t.Context(), topic, g)
	if err != nil || depth != 0 {
		t.Fatalf("depth of %s: %d, %v", g, depth, err)
	}
}

// body of message i, with a checksum, so that no flipped bit makes it the body of another.
func body(i int) []byte {
	b := fmt.Appendf(nil, "message %06d", i)
	return fmt.Appendf(b, " %08x", crc32.ChecksumIEEE(b))
}

// send sends n messages in batches of size, and returns the receipts by token.
func send(t testing.TB, s drivers.Session, topic drivers.Topic, n, size int) []drivers.Receipt {
	t.Helper()
	receipts := make([]drivers.Receipt, n)
	p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic}, func(r drivers.Receipt) { receipts[r.Token] = r })
	if err != nil {
		t.Fatal(err)
	}
	var batch []drivers.Message
	for i := range n {
		batch = append(batch, drivers.Message{Token: uint64(i), Shard: int32(i % topic.Shards), Body: body(i)})
		if len(batch) == size || i == n-1 {
			if err := p.Send(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return receipts
}

// TestLies asks for k lies of every kind at once and finds, with bookkeeping of its own, exactly those that the driver says it told.
func TestLies(t *testing.T) {
	for _, k := range []int{0, 1, 17} {
		t.Run(strconv.Itoa(k), func(t *testing.T) {
			for seed := range 12 {
				for _, size := range []int{1, 3, 100} {
					lies(t, k, seed, size)
				}
			}
		})
	}
}

func lies(t *testing.T, k, seed, size int) {
	d := memory.New()
	options := map[string]string{"seed": strconv.Itoa(seed), "spread": "50"}
	for kind := memory.Lose; kind <= memory.Resurrect; kind++ {
		options[kind.String()] = strconv.Itoa(k)
	}
	s := open(t, d, options)
	const n, shards = 2000, 3
	topic := topic(shards, group("a"))
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	consumer, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	receipts := send(t, s, topic, n, size)
	in := &receiver{Consumer: consumer}
	in.drain(t, n-k+k+k) // k lost, k doubled, k invented
	empty(t, s, topic, "a")
	if left := d.Untold(); len(left) != 0 {
		t.Fatalf("not told: %v", left)
	}
	want := map[memory.Kind]map[string]int{}
	for _, l := range d.Lies() {
		if want[l.Kind] == nil {
			want[l.Kind] = map[string]int{}
		}
		want[l.Kind][string(l.Body)]++
	}
	got := find(receipts, in.got, shards, want[memory.Corrupt])
	for kind := memory.Lose; kind <= memory.Resurrect; kind++ {
		if !maps.Equal(got[kind], want[kind]) || len(want[kind]) != k {
			t.Errorf("k=%d seed=%d batch=%d: %s: found %v, told %v", k, seed, size, kind, got[kind], want[kind])
		}
	}
}

// find is the naive oracle: it sees receipts and deliveries only, and for damage, which has no identity here, the originals.
func find(receipts []drivers.Receipt, got []drivers.Delivery, shards int, damaged map[string]int) map[memory.Kind]map[string]int {
	found := map[memory.Kind]map[string]int{}
	add := func(k memory.Kind, body string) {
		if found[k] == nil {
			found[k] = map[string]int{}
		}
		found[k][body]++
	}
	sent := map[string]int{}
	for i := range receipts {
		sent[string(body(i))] = i
	}
	seen := map[string]int{}
	highest := make([]int, shards)
	for _, d := range got {
		i, known := sent[string(d.Body)]
		if !known {
			original := ""
			for b := range damaged {
				if flipped([]byte(b), d.Body) {
					original = b
				}
			}
			if original == "" {
				add(memory.Phantom, string(d.Body))
			} else {
				add(memory.Corrupt, original)
				seen[original]++
			}
			continue
		}
		seen[string(d.Body)]++
		if seen[string(d.Body)] == 2 {
			add(memory.Duplicate, string(d.Body))
			continue
		}
		if i < highest[d.Shard] {
			add(memory.Reorder, string(d.Body))
		}
		highest[d.Shard] = max(highest[d.Shard], i)
	}
	for i, r := range receipts {
		b := string(body(i))
		switch {
		case r.Outcome == drivers.Acked && seen[b] == 0:
			add(memory.Lose, b)
		case r.Outcome == drivers.Rejected && seen[b] > 0:
			add(memory.Resurrect, b)
		}
	}
	return found
}

// flipped tells whether a and b differ in exactly one bit.
func flipped(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	bits := 0
	for i := range a {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			bits++
		}
	}
	return bits == 1
}

func TestSameSeedSameLies(t *testing.T) {
	tell := func(seed string, more map[string]string) []memory.Lie {
		d := memory.New()
		options := map[string]string{"lose": "5", "seed": seed, "spread": "40"}
		maps.Copy(options, more)
		s := open(t, d, options)
		topic := topic(2)
		if err := s.Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		send(t, s, topic, 500, 7)
		var lost []memory.Lie
		for _, l := range d.Lies() {
			if l.Kind == memory.Lose {
				lost = append(lost, l)
			}
		}
		return lost
	}
	bodies := func(ls []memory.Lie) (out string) {
		for _, l := range ls {
			out += string(l.Body) + ";"
		}
		return out
	}
	one, two, other := tell("1", nil), tell("1", nil), tell("2", nil)
	if len(one) != 5 || bodies(one) != bodies(two) {
		t.Errorf("seed 1 told %s and then %s", bodies(one), bodies(two))
	}
	if bodies(one) == bodies(other) {
		t.Errorf("seeds 1 and 2 told the same: %s", bodies(one))
	}
}

func TestUntoldLiesAreKnown(t *testing.T) {
	d := memory.New()
	s := open(t, d, map[string]string{"lose": "3", "reorder": "1", "spread": "1"})
	topic := topic(1)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	send(t, s, topic, 2, 1) // one lost; the other held back, and stored in its place when the producer closes
	if left := d.Untold(); !maps.Equal(left, map[memory.Kind]int{memory.Lose: 1, memory.Reorder: 1}) &&
		!maps.Equal(left, map[memory.Kind]int{memory.Lose: 2, memory.Reorder: 1}) {
		t.Errorf("untold: %v, told %v", left, d.Lies())
	}
}

func TestOtherOptionsAreRefused(t *testing.T) {
	d := memory.New()
	open(t, d, map[string]string{"lose": "3"})
	_, err := d.Open(t.Context(), drivers.Config{}, drivers.Env{Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Error("a second session got other options")
	}
}

func TestDelayHoldsBack(t *testing.T) {
	const delay = 30 * time.Millisecond
	s := open(t, memory.New(), map[string]string{"delay": delay.String()})
	topic := topic(1, group("a"))
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	send(t, s, topic, 10, 10)
	in := &receiver{Consumer: c}
	in.drain(t, 10)
	if took := time.Since(start); took < delay {
		t.Errorf("delivered after %v", took)
	}
}

// TestBacklogMakesSendWait fills a topic up and sees Send go on as soon as the group reads.
func TestBacklogMakesSendWait(t *testing.T) {
	s := open(t, memory.New(), map[string]string{"backlog": "1"})
	topic := topic(1, group("a"))
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	var receipts []drivers.Receipt
	p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic}, func(r drivers.Receipt) { receipts = append(receipts, r) })
	if err != nil {
		t.Fatal(err)
	}
	batch := []drivers.Message{{Body: make([]byte, 1<<20)}}
	if err := p.Send(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	sent := make(chan error)
	go func() { sent <- p.Send(t.Context(), batch) }()
	select {
	case err := <-sent:
		t.Fatalf("the full topic took more: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	in := &receiver{Consumer: c}
	in.drain(t, 1)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if len(receipts) != 2 || receipts[1].Outcome != drivers.Acked {
		t.Errorf("receipts: %v", receipts)
	}
}

// TestReadMessagesAreFreed sends far more than it keeps.
func TestReadMessagesAreFreed(t *testing.T) {
	s := open(t, memory.New(), map[string]string{"retain": "0"})
	topic := topic(2, group("a"))
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic}, func(drivers.Receipt) {})
	if err != nil {
		t.Fatal(err)
	}
	batch := make([]drivers.Message, 100)
	for i := range batch {
		batch[i] = drivers.Message{Shard: int32(i % 2), Body: bytes.Repeat([]byte{1}, 1024)}
	}
	dst := make([]drivers.Delivery, len(batch))
	kept := false
	round := func() {
		if err := p.Send(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < len(batch); {
			n, err := c.Receive(t.Context(), dst)
			if err != nil {
				t.Fatal(err)
			}
			done := dst[:n]
			if !kept { // one message that is never acknowledged must not hold on to all that follow it
				done, kept = dst[1:n], true
			}
			if err := c.Ack(t.Context(), done); err != nil {
				t.Fatal(err)
			}
			got += n
		}
	}
	round()
	before := heap()
	for range 1000 { // 100 MB
		round()
	}
	if grown := int64(heap()) - int64(before); grown > 5<<20 {
		t.Errorf("grew by %d bytes over 100 MB", grown)
	}
	runtime.KeepAlive(c)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestPromise(t *testing.T) {
	d := memory.New()
	pair := drivers.Group{Name: "pair", Members: 2}
	for _, c := range []struct {
		model drivers.Model
		group drivers.Group
		want  drivers.Promise
	}{
		{drivers.Log, pair, drivers.Promise{Delivery: drivers.AtLeastOnce, Order: drivers.PerShard}},
		{drivers.Queue, group("a"), drivers.Promise{Delivery: drivers.AtLeastOnce, Order: drivers.PerShard}},
		{drivers.Queue, pair, drivers.Promise{Delivery: drivers.AtLeastOnce, Order: drivers.Unordered}},
		{drivers.Broadcast, group("a"), drivers.Promise{Delivery: drivers.AtMostOnce, Order: drivers.PerShard}},
	} {
		topic := topic(1, c.group)
		topic.Model = c.model
		got := d.Promise(drivers.Config{}, topic)
		if got.Why == "" {
			t.Errorf("%s, %s: no reason given", c.model, c.group.Name)
		}
		if got.Why = ""; got != c.want {
			t.Errorf("%s, %s: %+v, want %+v", c.model, c.group.Name, got, c.want)
		}
	}
	if err := d.Reach(drivers.Config{Guarantee: drivers.Replicated}, topic(1)); err == nil {
		t.Error("one node claims to replicate")
	}
	if err := d.Reach(drivers.Config{Guarantee: drivers.Accepted}, topic(1)); err != nil {
		t.Error(err)
	}
}

func BenchmarkPassage(b *testing.B) {
	s := open(b, memory.New(), nil)
	topic := topic(1, group("a"))
	if err := s.Declare(b.Context(), topic); err != nil {
		b.Fatal(err)
	}
	c, err := s.Consumer(b.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		b.Fatal(err)
	}
	p, err := s.Producer(b.Context(), drivers.ProducerSpec{Topic: topic}, func(drivers.Receipt) {})
	if err != nil {
		b.Fatal(err)
	}
	batch := make([]drivers.Message, 256)
	for i := range batch {
		batch[i].Body = make([]byte, 100)
	}
	dst := make([]drivers.Delivery, len(batch))
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += len(batch) {
		if err := p.Send(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		for got := 0; got < len(batch); {
			k, err := c.Receive(b.Context(), dst)
			if err != nil {
				b.Fatal(err)
			}
			if err := c.Ack(b.Context(), dst[:k]); err != nil {
				b.Fatal(err)
			}
			got += k
		}
	}
}
