package rabbitmq

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"ordeal/drivers"
)

// The broker may answer in any order, one by one or many at once, and more than once: every message is settled exactly once, as the first
// answer to it says.
func TestFlightSettlesOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		settled, more := map[uint64]drivers.Outcome{}, false
		f := newFlight(rapid.IntRange(1, 4).Draw(t, "window"), func(r drivers.Receipt) {
			if _, twice := settled[r.Token]; twice {
				t.Fatalf("token %d is settled twice", r.Token)
			}
			settled[r.Token], more = r.Outcome, r.More
		})
		want := map[uint64]drivers.Outcome{}
		returned := map[uint64]bool{}
		last := uint64(0)
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			switch tag := rapid.Uint64Range(0, last+2).Draw(t, "tag"); rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				var seats []seat
				for range rapid.IntRange(1, 5).Draw(t, "batch") {
					last++
					seats = append(seats, seat{token: last, taken: true}) // the token is the tag, so that both can be told apart from nothing
				}
				if err := f.board(seats); err != nil {
					t.Fatal(err)
				}
			case 1:
				f.returned(tag)
				if _, done := want[tag]; tag > 0 && tag <= last && !done {
					returned[tag] = true
				}
			case 2:
				f.settled()
				if more || len(settled) != len(want) {
					t.Fatalf("%d of %d answered messages are settled, and another is promised: %v", len(settled), len(want), more)
				}
			default:
				multiple, ack := rapid.Bool().Draw(t, "multiple"), rapid.Bool().Draw(t, "ack")
				f.confirmed(tag, multiple, ack)
				for i := uint64(1); i <= tag && tag <= last; i++ {
					if _, done := want[i]; !done && (multiple || i == tag) {
						want[i], _ = answer{ack: ack, returned: returned[i]}.outcome()
					}
				}
			}
		}
		f.end(errLost)
		if more {
			t.Error("the last receipt promises another")
		}
		for i := uint64(1); i <= last; i++ {
			if settled[i] != want[i] { // unknown is the zero value
				t.Errorf("message %d is %s, want %s", i, settled[i], want[i])
			}
		}
		if f.Count() != 0 || len(settled) != int(last) {
			t.Errorf("%d messages, %d settled, %d in flight", last, len(settled), f.Count())
		}
	})
}

func TestFlightStuck(t *testing.T) {
	f := newFlight(1, func(drivers.Receipt) {})
	check := func(want error, patience, refusals time.Duration) {
		t.Helper()
		if got := f.stuck(patience, refusals); !errors.Is(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	check(nil, -1, 0)
	if err := f.board([]seat{{token: 1, taken: true}, {token: 2, taken: true}, {token: 3, taken: true}}); err != nil {
		t.Fatal(err)
	}
	check(errSilent, -1, time.Hour)
	check(nil, time.Hour, 0)
}

// One refusal, and a pause however long, say nothing of the channel; refusals alone for a while do.
func TestFlightIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience, refusals = time.Hour, time.Second
		f := newFlight(1, func(drivers.Receipt) {})
		tag := uint64(0)
		for i, step := range []struct {
			after time.Duration
			ack   bool
			want  error
		}{
			{time.Second, false, nil},
			{time.Minute, true, nil},
			{time.Second, false, nil},
			{refusals / 2, false, nil},
			{time.Millisecond, false, errRefusing},
			{time.Second, true, nil},
			{time.Minute, false, nil},
		} {
			time.Sleep(step.after)
			tag++
			if err := f.board([]seat{{token: tag, taken: true}}); err != nil {
				t.Fatal(err)
			}
			f.confirmed(tag, false, step.ack)
			f.settled()
			for _, quiet := range []time.Duration{0, refusals / 2} {
				time.Sleep(quiet)
				if got := f.stuck(patience, refusals); !errors.Is(got, step.want) {
					t.Errorf("step %d, quiet for %v: got %v, want %v", i, quiet, got, step.want)
				}
			}
		}
		time.Sleep(time.Minute)
		if got := f.stuck(patience, refusals); got != nil {
			t.Errorf("a minute after one nack: %v", got)
		}
	})
}

// Whatever order deliveries are answered in, and however late, an acknowledgement of many never covers one that was not, and no tag is
// named again: the broker closes the channel of a client that does.
func TestAcksCoverOnlyWhatWasAcked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		a := newAcks(out.Write, 7, rapid.SampledFrom([]int{1, 40, 4000}).Draw(t, "prefetch"))
		n := uint64(rapid.IntRange(1, 300).Draw(t, "deliveries"))
		for tag := uint64(1); tag <= n; tag++ {
			a.came(tag)
		}
		asked, told, named := map[uint64]string{}, map[uint64]string{}, map[uint64]bool{}
		for range rapid.IntRange(1, 10).Draw(t, "calls") {
			var ds []drivers.Delivery
			what := rapid.SampledFrom([]string{"ack", "nack"}).Draw(t, "what")
			for _, tag := range rapid.SliceOf(rapid.Uint64Range(0, n+1)).Draw(t, "tags") {
				ds = append(ds, drivers.Delivery{Tag: tag})
				if tag > 0 && tag <= n && asked[tag] == "" {
					asked[tag] = what
				}
			}
			if err := map[string]func() error{"ack": func() error { return a.add(ds) }, "nack": func() error { return a.giveBack(ds, true) }}[what](); err != nil {
				t.Fatal(err)
			}
		}
		a.close()
		const frame = frameEdges + 4 + 8 + 1
		for frames := out.Bytes(); len(frames) > 0; frames = frames[frame:] {
			r := reader{rest: frames[frameHead:]}
			what := map[uint64]string{basicAck: "ack", basicNack: "nack"}[r.number(4)]
			tag, bits := r.number(8), r.number(1)
			if told[tag] != "" || named[tag] {
				t.Fatalf("tag %d is answered twice", tag)
			}
			named[tag] = true
			for i := uint64(1); i <= tag; i++ {
				if told[i] == "" && (i == tag || what == "ack" && bits&ackMultiple != 0) {
					told[i] = what
				}
			}
		}
		for tag := uint64(1); tag <= n; tag++ {
			if told[tag] != asked[tag] {
				t.Errorf("tag %d: told %q, asked for %q", tag, told[tag], asked[tag])
			}
		}
	})
}

// gate is a connection that takes writes and tells of them.
type gate chan []byte

func (g gate) Write(b []byte) (int, error) {
	g <- bytes.Clone(b)
	return len(b), nil
}

// Acknowledgements wait for others, but not for ever, and not when the broker may have no room to send.
func TestAcksWait(t *testing.T) {
	out := make(gate, 10)
	a := newAcks(out.Write, 1, 40)
	defer a.close()
	for tag := uint64(1); tag <= 100; tag++ {
		a.came(tag)
	}
	deliveries := func(from, to uint64) (ds []drivers.Delivery) {
		for ; from <= to; from++ {
			ds = append(ds, drivers.Delivery{Tag: from})
		}
		return ds
	}
	expect := func(highest uint64) {
		t.Helper()
		if got, want := <-out, appendAck(nil, 1, basicAck, highest, ackMultiple); !bytes.Equal(got, want) {
			t.Errorf("wrote %x, want %x", got, want)
		}
	}
	for round := range uint64(3) { // the timer serves again and again
		if err := a.add(deliveries(2*round+1, 2*round+2)); err != nil {
			t.Fatal(err)
		}
		expect(2*round + 2)
	}
	a.writing.Lock() // lets no timer in
	a.tags, a.armed = a.answer(a.tags, deliveries(7, 8)), true
	a.writing.Unlock()
	if err := a.add(deliveries(9, 18)); err != nil { // more than a quarter of the prefetch
		t.Fatal(err)
	}
	expect(18)
	if err := a.add(deliveries(1, 18)); err != nil || len(a.tags) > 0 {
		t.Errorf("acknowledged twice: %d tags, %v", len(a.tags), err)
	}
}

// script is a connection whose other side has said everything, in pieces of random sizes.
type script struct {
	net.Conn
	t    *rapid.T
	said []byte
}

func (s *script) Read(b []byte) (int, error) {
	if len(s.said) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b, s.said[:rapid.IntRange(1, min(len(s.said), len(b))).Draw(s.t, "read")])
	s.said = s.said[n:]
	return n, nil
}

func (*script) Close() error { return nil }

// deliverFrames is a delivery as a broker writes it.
func deliverFrames(channel uint16, tag uint64, key string, c content, m *drivers.Message) []byte {
	out, begin := openFrame(nil, frameMethod, channel)
	out = append(out, 0, 60, 0, 60)
	out = appendShort(out, []byte("consumer"))
	out = append(out, 0, 0, 0, 0, 0, 0, byte(tag>>8), byte(tag), 1)
	out = appendShort(out, []byte("exchange"))
	out = closeFrame(appendShort(out, []byte(key)), begin)
	c.channel, c.method = channel, nil
	return appendMessage(out, &c, m)
}

// Deliveries come out of the line whole however they were cut into pieces, and everything else is left to the library, byte for byte.
func TestLineTakesDeliveries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &script{t: t}
		l := newLine(s)
		c := &consumer{inbox: newInbox(), auto: true}
		l.routed[3] = &mailbox{receiver: c}
		var want []drivers.Message
		var left []byte
		for i := range rapid.IntRange(0, 12).Draw(t, "frames") {
			body := bytes.Repeat([]byte{byte(i + 1)}, rapid.SampledFrom([]int{0, 1, 50, 300}).Draw(t, "size"))
			m := drivers.Message{Body: body, Key: []byte(strings.Repeat("k", rapid.IntRange(0, 3).Draw(t, "key")))}
			if rapid.Bool().Draw(t, "headers") {
				m.Headers = []drivers.Header{{Name: "trace", Value: []byte("abc")}}
			}
			content := content{piece: 64, persistent: rapid.Bool().Draw(t, "persistent"), id: uint64(i)}
			if rapid.IntRange(0, 3).Draw(t, "whose") == 0 {
				frames := deliverFrames(4, uint64(i), "0", content, &m) // of a channel that nobody routes
				s.said, left = append(s.said, frames...), append(left, frames...)
				continue
			}
			want = append(want, m)
			s.said = append(s.said, deliverFrames(3, uint64(len(want)), "topic.2", content, &m)...)
		}
		var got []byte
		buffer := make([]byte, 100)
		for {
			n, err := l.Read(buffer)
			got = append(got, buffer[:n]...)
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, left) {
			t.Fatalf("the library got %d bytes, want %d", len(got), len(left))
		}
		ds := make([]drivers.Delivery, len(want)+1)
		n, _ := c.inbox.take(ds)
		if n != len(want) {
			t.Fatalf("%d deliveries, want %d", n, len(want))
		}
		for i, d := range ds[:n] {
			if !bytes.Equal(d.Body, want[i].Body) || !bytes.Equal(d.Key, want[i].Key) || d.Shard != 2 || !d.Redelivered {
				t.Errorf("delivery %d: %+v, want %+v", i, d, want[i])
			}
		}
	})
}

// FuzzLine feeds bytes that may be anything: the line must neither panic nor hang.
func FuzzLine(f *testing.F) {
	m := drivers.Message{Body: []byte("body"), Headers: []drivers.Header{{Name: "x-delivery-count", Value: []byte("1")}}}
	f.Add(deliverFrames(1, 1, "t.0", content{piece: 2, id: 5}, &m))
	f.Add(appendAck(nil, 1, basicAck, 7, ackMultiple))
	f.Add([]byte{frameBody, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0})
	f.Fuzz(func(_ *testing.T, said []byte) {
		l := newLine(&whole{said: said})
		l.routed[1] = &mailbox{receiver: &consumer{inbox: newInbox(), acks: newAcks(io.Discard.Write, 1, 1)}}
		l.routed[2] = &mailbox{receiver: &producer{flight: newFlight(4, func(drivers.Receipt) {})}}
		for buffer := make([]byte, 64); ; {
			if _, err := l.Read(buffer); err != nil {
				return
			}
		}
	})
}

type whole struct {
	net.Conn
	said []byte
}

func (w *whole) Read(b []byte) (int, error) {
	if len(w.said) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b, w.said)
	w.said = w.said[n:]
	return n, nil
}

func (*whole) Close() error { return nil }

// Bodies stay as they are until the next receive, also when one is on its way while the halves change.
func TestInboxBodies(t *testing.T) {
	b := newInbox()
	add := func(text string) {
		copy(b.begin(&drivers.Delivery{}, nil, len(text)), text)
		b.end()
	}
	add("first")
	room := b.begin(&drivers.Delivery{}, nil, 6)
	ds := make([]drivers.Delivery, 4)
	n, err := b.take(ds)
	if n != 1 || err != nil {
		t.Fatal(n, err)
	}
	copy(room, "second")
	b.end()
	add("third")
	if string(ds[0].Body) != "first" {
		t.Errorf("the body became %q", ds[0].Body)
	}
	if n, err = b.take(ds); n != 2 || err != nil || string(ds[0].Body) != "second" {
		t.Fatal(n, err, string(ds[0].Body))
	}
	add("other!")
	if string(ds[0].Body) != "second" || string(ds[1].Body) != "third" {
		t.Errorf("the bodies became %q and %q", ds[0].Body, ds[1].Body)
	}
	b.close(errLost, false)
	if n, err = b.take(ds); n != 1 || err != nil {
		t.Errorf("what came before the end: %d, %v", n, err)
	}
	if n, err = b.take(ds); n != 0 || !errors.Is(err, errLost) {
		t.Errorf("after the end: %d, %v", n, err)
	}
}

// A prefetch is shared by the shards, and is never larger than what AMQP can say in 16 bits.
func TestPrefetch(t *testing.T) {
	for _, c := range []struct{ group, shards, want int }{
		{500, 1, 500},
		{500, 3, 166},
		{2, 3, 1},
		{0, 1, 1},
		{65_535, 1, 65_535},
		{65_536, 1, 65_535},
		{65_537, 1, 65_535},
		{1_000_000, 1, 65_535},
		{1_000_000, 20, 50_000},
	} {
		spec := drivers.ConsumerSpec{Topic: drivers.Topic{Shards: c.shards}, Group: drivers.Group{Prefetch: c.group}}
		if got := (*session)(nil).prefetch(spec); got != c.want || int(uint16(got)) != got {
			t.Errorf("a prefetch of %d for %d shards is %d for each, want %d", c.group, c.shards, got, c.want)
		}
	}
}

func TestReach(t *testing.T) {
	config := func(g drivers.Guarantee, queueType string) drivers.Config {
		return drivers.Config{Guarantee: g, Options: drivers.Options{optQueueType: queueType}}
	}
	versioned := func(g drivers.Guarantee, queueType string) drivers.Config {
		return drivers.Config{Guarantee: g, Options: drivers.Options{optQueueType: queueType, optClassicVersion: "2"}}
	}
	for _, c := range []struct {
		cfg   drivers.Config
		topic drivers.Topic
		want  string // part of the refusal; empty where it can be had
	}{
		{config(drivers.Sent, ""), drivers.Topic{Model: drivers.Broadcast}, ""},
		{config(drivers.Accepted, ""), drivers.Topic{Model: drivers.Broadcast}, "guarantee to sent"},
		{config(drivers.Accepted, ""), drivers.Topic{Replicas: 1}, ""},
		{config(drivers.Replicated, ""), drivers.Topic{Replicas: 3}, ""},
		{config(drivers.Replicated, ""), drivers.Topic{Replicas: 1}, "rabbitmq:3"},
		{config(drivers.Replicated, typeClassic), drivers.Topic{Replicas: 3}, "queue_type to quorum"},
		{config(drivers.Durable, ""), drivers.Topic{Replicas: 1}, ""},
		{config(drivers.Durable, typeClassic), drivers.Topic{Replicas: 1}, "set it to quorum"},
		{config(drivers.Accepted, typeStream), drivers.Topic{Replicas: 1}, ""},
		{config(drivers.Replicated, typeStream), drivers.Topic{Replicas: 3}, ""},
		{config(drivers.Replicated, typeStream), drivers.Topic{Replicas: 1}, "rabbitmq:3"},
		{config(drivers.Durable, typeStream), drivers.Topic{Replicas: 3}, "before they are synced"},
		{config(drivers.Accepted, typeStream), drivers.Topic{Model: drivers.Queue, Replicas: 1}, "topic's model to log"},
		{config(drivers.Sent, typeStream), drivers.Topic{Model: drivers.Broadcast}, ""},
		{versioned(drivers.Accepted, ""), drivers.Topic{Replicas: 1}, ""},
		{versioned(drivers.Accepted, typeClassic), drivers.Topic{Replicas: 1}, ""},
		{versioned(drivers.Sent, ""), drivers.Topic{Model: drivers.Broadcast, Replicas: 3}, ""},
		{versioned(drivers.Accepted, typeQuorum), drivers.Topic{Replicas: 1}, "leave classic_version out"},
		{versioned(drivers.Accepted, typeStream), drivers.Topic{Replicas: 1}, "of type stream"},
		{versioned(drivers.Replicated, typeAuto), drivers.Topic{Replicas: 3}, "of type quorum"},
		{versioned(drivers.Durable, ""), drivers.Topic{Replicas: 1}, "of type quorum"},
		{config(drivers.Accepted, ""), drivers.Topic{Model: drivers.Queue, Replicas: 1, Groups: make([]drivers.Group, 2)}, "model to log"},
	} {
		err := New().Reach(c.cfg, c.topic)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v, %+v: %v", c.cfg, c.topic, err)
		}
	}
}

// A stream claims less than a quorum queue, and a different order: its shards have one reader each.
func TestPromiseOfStreams(t *testing.T) {
	topic := drivers.Topic{Shards: 2, Replicas: 3, Groups: []drivers.Group{{Name: "g", Members: 2}}}
	for kind, want := range map[string]drivers.Promise{
		typeQuorum: {Delivery: drivers.AtLeastOnce, Order: drivers.Unordered, Survives: drivers.PowerLoss, Why: "majority has synced"},
		typeStream: {Delivery: drivers.AtLeastOnce, Order: drivers.PerShard, Survives: drivers.NodeLoss, Why: "no place for readers"},
	} {
		cfg := drivers.Config{Guarantee: drivers.Replicated, Options: drivers.Options{optQueueType: kind}}
		got := New().Promise(cfg, topic)
		if !strings.Contains(got.Why, want.Why) {
			t.Errorf("%s: %s", kind, got.Why)
		}
		got.Why = want.Why
		if got != want {
			t.Errorf("%s: %+v", kind, got)
		}
	}
	topic.Replicas = 1
	cfg := drivers.Config{Options: drivers.Options{optQueueType: typeStream}}
	if got := New().Promise(cfg, topic); got.Survives != drivers.Crash {
		t.Errorf("a stream of one survives %s", got.Survives)
	}
}

func TestSettings(t *testing.T) {
	for name, wrong := range map[string]string{
		optHeartbeat: "10ms", optConfirmTimeout: "0s", optClassicVersion: "3", optQueueType: "mirrored",
	} {
		_, err := New().Open(context.Background(), drivers.Config{Options: drivers.Options{name: wrong}}, drivers.Env{})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s %s: %v", name, wrong, err)
		}
	}
}

func TestNodeName(t *testing.T) {
	for erlang, want := range map[string]string{"n2@127.0.0.1": "n2", "rabbit@host-b": "rabbit@host-b", "odd": "odd", "n@a": "n@a", "nx@a": "nx@a"} {
		if got := nodeName(erlang); got != want {
			t.Errorf("%s is %s", erlang, got)
		}
	}
}

func TestManagementPorts(t *testing.T) {
	got := fmt.Sprint(managementPorts([]string{"a:5672", "[::1]:5671", "b:60000", "c"}))
	if got != "[a:15672 [::1]:15671]" {
		t.Error(got)
	}
}
