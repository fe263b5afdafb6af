package nats

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// limited starts a server with a user joe, whose rights are as allow says.
func limited(t *testing.T, permissions string) drivers.Config {
	t.Helper()
	nodes := startNodes(t, 1, fmt.Sprintf(`; accounts { A { jetstream: enabled, users: [
		{ user: boss, password: boss }, { user: joe, password: secret, permissions: { %s } } ] } }`, permissions))
	cfg := drivers.Config{Servers: addresses(nodes), Auth: drivers.Auth{User: "boss", Password: "boss"}}
	if err := connectAs(t, cfg).Declare(t.Context(), orders(1)); err != nil {
		t.Fatal(err)
	}
	cfg.Auth = drivers.Auth{User: "joe", Password: "secret"}
	return cfg
}

// TestDenied: a server says apart from everything else what it refuses, and goes on. Whoever waits for an answer must hear of it at once.
func TestDenied(t *testing.T) {
	topic := orders(1)
	cast := topic
	cast.Model = drivers.Broadcast
	for _, c := range []struct {
		name, permissions, about string
		try                      func(t *testing.T, s *session) error
	}{
		{"publish to a stream", `publish: { deny: "orders.>" }`, `publish to "orders.0"`, func(t *testing.T, s *session) error {
			d := newSender(t, s, topic)
			r := d.put(drivers.Message{Body: []byte("x")})
			if r.Outcome != drivers.Unknown {
				t.Errorf("it was %s", r.Outcome)
			}
			eventually(t, 20*time.Second, func() error { return ended(d.Producer) })
			return r.Err
		}},
		{"publish a broadcast", `publish: { deny: "orders.>" }`, `publish to "orders.0"`, func(t *testing.T, s *session) error {
			r := newSenderFor(t, s, cast, drivers.Sent).put(drivers.Message{Body: []byte("x")})
			if r.Outcome != drivers.Unknown {
				t.Errorf("it was %s: a PONG says that the server has read it, not that it took it", r.Outcome)
			}
			return r.Err
		}},
		{"answers", `subscribe: { deny: "_INBOX.>" }`, `subscription to "_INBOX.`, func(t *testing.T, s *session) error {
			return newSender(t, s, topic).put(drivers.Message{Body: []byte("x")}).Err
		}},
		{"listen", `subscribe: { deny: "orders.>" }`, `subscription to "orders.*"`, func(t *testing.T, s *session) error {
			c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: cast, Group: cast.Groups[0]})
			if err == nil {
				_, err = c.Receive(t.Context(), make([]drivers.Delivery, 1))
			}
			return err
		}},
		{"listen to several servers", `publish: { deny: "_INBOX.>" }`, `publish to "_INBOX.`, func(t *testing.T, s *session) error {
			s.cfg.Servers = append(s.cfg.Servers, s.cfg.Servers[0]) // by way of each of them an echo is asked for
			_, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: cast, Group: cast.Groups[0]})
			return err
		}},
		{"pull", `publish: { deny: "$JS.API.CONSUMER.MSG.NEXT.>" }`, `publish to "$JS.API.CONSUMER.MSG.NEXT.orders.billing"`, func(t *testing.T, s *session) error {
			c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Receive(t.Context(), make([]drivers.Delivery, 1))
			return err
		}},
		{"declare", `publish: { deny: "$JS.API.STREAM.CREATE.>" }`, `publish to "$JS.API.STREAM.CREATE.other"`, func(t *testing.T, s *session) error {
			other := topic
			other.Name = "other"
			return s.Declare(t.Context(), other)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Now()
			err := c.try(t, connectAs(t, limited(t, c.permissions)))
			if !errors.Is(err, errDenied) || !strings.Contains(err.Error(), c.about) {
				t.Errorf("%v, want a word about %s", err, c.about)
			}
			if took := time.Since(begin); took > 15*time.Second {
				t.Errorf("it took %v to say so", took)
			}
		})
	}
}

// ended tells whether a producer has noticed its end.
func ended(p drivers.Producer) error {
	if p.Send(context.Background(), nil) == nil {
		return errors.New("the producer goes on")
	}
	return nil
}

// TestFullStream: at a limit a stream refuses what is new, or drops what is old and was acked. The audit tells the two apart.
func TestFullStream(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, ""))...)
	for i, c := range []struct {
		name  string
		limit func(c *jetstream.StreamConfig)
		full  drivers.Outcome
		fact  string
		want  drivers.FactStatus
	}{
		{"messages, new", func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 3, jetstream.DiscardNew }, drivers.Rejected, "max_msgs", drivers.Confirmed},
		{"messages, old", func(c *jetstream.StreamConfig) { c.MaxMsgs = 3 }, drivers.Acked, "max_msgs", drivers.Contradicted},
		{"bytes, new", func(c *jetstream.StreamConfig) { c.MaxBytes, c.Discard = 4000, jetstream.DiscardNew }, drivers.Rejected, "max_bytes", drivers.Confirmed},
		{"bytes, old", func(c *jetstream.StreamConfig) { c.MaxBytes = 4000 }, drivers.Acked, "max_bytes", drivers.Contradicted},
		{"of a subject, new", func(c *jetstream.StreamConfig) {
			c.MaxMsgs, c.MaxMsgsPerSubject, c.Discard, c.DiscardNewPerSubject = 100, 3, jetstream.DiscardNew, true
		}, drivers.Rejected, "max_msgs_per_subject", drivers.Confirmed},
		{"of a subject, old", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 3 }, drivers.Acked, "max_msgs_per_subject", drivers.Contradicted},
	} {
		t.Run(c.name, func(t *testing.T) {
			topic := another(i)
			if err := s.Declare(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			config := s.streamConfig(topic)
			c.limit(&config)
			if _, err := s.js.UpdateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			d := newSender(t, s, topic)
			var r drivers.Receipt
			for n := range 4 {
				if r = d.put(drivers.Message{Body: make([]byte, 1000)}); n < 3 && r.Outcome != drivers.Acked {
					t.Errorf("message %d was %s, %v", n, r.Outcome, r.Err)
				}
			}
			if r.Outcome != c.full {
				t.Errorf("the fourth was %s, %v; want %s", r.Outcome, r.Err, c.full)
			}
			info, err := s.streamInfo(t.Context(), topic)
			if err != nil || info.State.Msgs > 3 || info.State.FirstSeq == 1 != (c.full == drivers.Rejected) {
				t.Errorf("the stream holds %+v, %v; the fourth: %v", info.State, err, r.Err)
			}
			facts, err := s.Audit(t.Context(), topic)
			if err != nil {
				t.Fatal(err)
			}
			if got, have := status(facts, "stream "+topic.Name+" "+c.fact); got != c.want {
				t.Errorf("%s: %s, %s; want %s", c.fact, got, have, c.want)
			}
		})
	}
}

// TestFullAccount: what an account may store is used up.
func TestFullAccount(t *testing.T) {
	nodes := startNodes(t, 1, "; accounts { A { jetstream { max_file: 50KB }, users: [ { user: joe, password: secret } ] } }")
	s := connectAs(t, drivers.Config{Servers: addresses(nodes), Auth: drivers.Auth{User: "joe", Password: "secret"}})
	topic := orders(1)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	d := newSender(t, s, topic)
	r, acked := drivers.Receipt{Outcome: drivers.Acked}, -1
	for ; r.Outcome == drivers.Acked; acked++ {
		r = d.put(drivers.Message{Body: make([]byte, 10_000)})
	}
	api, ok := errors.AsType[*serverError](r.Err)
	if r.Outcome != drivers.Rejected || !ok || api.Code != 10002 {
		t.Errorf("a full account: %s, %v", r.Outcome, r.Err)
	}
	if info, err := s.streamInfo(t.Context(), topic); err != nil || info.State.Msgs != uint64(acked) {
		t.Errorf("%d were acked, the stream holds %d, %v", acked, info.State.Msgs, err)
	}
}

// TestNoJetStream: one server without it has nobody else who could answer, so that nothing is waited for.
func TestNoJetStream(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, without+";"))...)
	begin := time.Now()
	err := s.Declare(t.Context(), orders(1))
	if !errors.Is(err, jetstream.ErrJetStreamNotEnabled) || !strings.Contains(err.Error(), "jetstream {") {
		t.Errorf("%v, want the way to enable it", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v to say so", took)
	}
}

// TestOtherStream: what exists is told setting by setting.
func TestOtherStream(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, ""))...)
	topic := orders(1)
	config := s.streamConfig(topic)
	config.Storage, config.Retention = jetstream.MemoryStorage, jetstream.InterestPolicy
	if _, err := s.js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	err := s.Declare(t.Context(), topic)
	for _, want := range []string{"storage Memory instead of File", "retention Interest instead of Limits", "delete it first"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// TestSmallRequests: a server that gives few messages for one request gives all of them for many, to a group and to a replay.
func TestSmallRequests(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, "limits: { max_request_batch: 7 }"))...)
	topic := orders(1)
	for range 2 { // what the server wrote into the consumer is no difference
		if err := s.Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	d := newSender(t, s, topic)
	for n := range 20 {
		if r := d.put(drivers.Message{Body: []byte{byte(n)}}); r.Outcome != drivers.Acked {
			t.Fatal(r.Err)
		}
	}
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Replay(t.Context(), topic, 0, drivers.Position{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]drivers.Consumer{"group": c, "replay": again} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		dst := make([]drivers.Delivery, 100)
		for n := 0; n < 20; {
			got, err := c.Receive(ctx, dst)
			if err == nil {
				err = c.Ack(ctx, dst[:got])
			}
			if n += got; err != nil {
				t.Errorf("%s: %d of 20 messages, %v", name, n, err)
				break
			}
		}
		cancel()
	}
}

// TestRequestsRefusedForGood: what no repetition helps is told with its remedy, at the first receive.
func TestRequestsRefusedForGood(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, ""))...)
	for i, c := range []struct {
		about string
		limit func(c *jetstream.ConsumerConfig)
	}{
		{"409 Exceeded MaxRequestBatch of 7", func(c *jetstream.ConsumerConfig) { c.MaxRequestBatch = 7 }},
		{"409 Exceeded MaxRequestExpires of 1s", func(c *jetstream.ConsumerConfig) { c.MaxRequestExpires = time.Second }},
	} {
		t.Run(c.about, func(t *testing.T) {
			topic := another(i)
			if err := s.Declare(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			member, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
			if err != nil {
				t.Fatal(err)
			}
			config := s.groupConfig(topic, topic.Groups[0])
			c.limit(&config)
			if _, err := s.js.UpdateConsumer(t.Context(), topic.Name, config); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err = member.Receive(ctx, make([]drivers.Delivery, 1))
			if !errors.Is(err, errBarred) || !strings.Contains(err.Error(), c.about) || !strings.Contains(err.Error(), `"billing"`) {
				t.Errorf("receive: %v", err)
			}
		})
	}
}

// TestConsumerDeleted takes a group's consumer away, then its stream, while a member receives.
func TestConsumerDeleted(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, ""))...)
	for i, lost := range []struct {
		name string
		take func(t *testing.T, stream string) error
	}{
		{"consumer", func(t *testing.T, stream string) error { return s.js.DeleteConsumer(t.Context(), stream, "billing") }},
		{"stream", func(t *testing.T, stream string) error { return s.js.DeleteStream(t.Context(), stream) }},
	} {
		t.Run(lost.name, func(t *testing.T) {
			topic := another(i)
			if err := s.Declare(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
			if err != nil {
				t.Fatal(err)
			}
			if r := newSender(t, s, topic).put(drivers.Message{Body: []byte("x")}); r.Outcome != drivers.Acked {
				t.Fatal(r.Err)
			}
			dst := make([]drivers.Delivery, 1)
			if _, err := c.Receive(t.Context(), dst); err != nil { // a request is open from now on
				t.Fatal(err)
			}
			if err := lost.take(t, topic.Name); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if _, err := c.Receive(ctx, dst); !absent(err) {
				t.Errorf("receive: %v", err)
			}
		})
	}
}

// TestSlowConsumer: a server hangs up on who takes nothing for write_deadline.
func TestSlowConsumer(t *testing.T) {
	nodes := startNodes(t, 1, `; write_deadline: "300ms"`)
	s := connect(t, nil, addresses(nodes)...)
	topic := orders(1)
	topic.Model = drivers.Broadcast
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	d := newSenderFor(t, connect(t, nil, addresses(nodes)...), topic, drivers.Sent)
	eventually(t, 20*time.Second, func() error { // until nobody listens any more
		d.put(drivers.Message{Body: make([]byte, 1<<20)})
		select {
		case <-c.(*listener).intake.gone:
			return nil
		default:
		}
		if d.next < 64 {
			return errors.New("the server still waits")
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	dst := make([]drivers.Delivery, 100)
	for err == nil {
		_, err = c.Receive(ctx, dst)
	}
	if !errors.Is(err, errLost) {
		t.Errorf("receive: %v", err)
	}
}

// TestIdleConsumer does nothing for several of the server's intervals, and is not taken for dead.
func TestIdleConsumer(t *testing.T) {
	nodes := startNodes(t, 1, `; ping_interval: "1s", ping_max: 1`)
	s := connect(t, nil, addresses(nodes)...)
	topic := orders(1)
	topic.Model = drivers.Broadcast
	c, err := s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(4 * time.Second) // that long nobody receives: what is tested is that time passes
	d := newSenderFor(t, connect(t, nil, addresses(nodes)...), topic, drivers.Sent)
	if r := d.put(drivers.Message{Body: []byte("x")}); r.Outcome != drivers.Acked {
		t.Fatal(r.Err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if n, err := c.Receive(ctx, make([]drivers.Delivery, 1)); n != 1 {
		t.Errorf("%d deliveries, %v", n, err)
	}
}

// TestTooManyConnections: the limits of a server and of an account say so.
func TestTooManyConnections(t *testing.T) {
	nodes := startNodes(t, 1, "; max_connections: 1")
	eventually(t, 20*time.Second, func() error { // the server may still count the one by which it was seen to be ready
		s, err := New().Open(t.Context(), drivers.Config{Servers: addresses(nodes)}, drivertest.Env("first"))
		if err == nil {
			t.Cleanup(func() { s.Close(context.Background()) })
		}
		return err
	})
	refused(t, drivers.Config{Servers: addresses(nodes)}, "raise the limit on connections")

	config, credentials := decentral(t, func(l *jwt.OperatorLimits) { l.Conn = 1 })
	nodes = startNodes(t, 1, ";"+config)
	cfg := drivers.Config{Servers: addresses(nodes), Auth: drivers.Auth{Mechanism: byCredentials, Secret: credentials}}
	s := connectAs(t, cfg)
	refused(t, cfg, "raise the limit on connections")
	_, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: orders(1), Guarantee: drivers.Sent, Window: 10}, func(drivers.Receipt) {})
	if err == nil || !strings.Contains(err.Error(), "connections exceeded") {
		t.Errorf("a producer beyond the limit: %v", err)
	}
}

// TestSmallMaxPayload: what the server does not take costs that message alone, whatever the limit is.
func TestSmallMaxPayload(t *testing.T) {
	s := connect(t, nil, addresses(startNodes(t, 1, "; max_payload: 1KB"))...)
	topic := orders(1)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	for _, guarantee := range []drivers.Guarantee{drivers.Accepted, drivers.Sent} {
		d := newSenderFor(t, s, topic, guarantee)
		if r := d.put(drivers.Message{Body: make([]byte, 1025)}); r.Outcome != drivers.Rejected || !errors.Is(r.Err, errTooLarge) {
			t.Errorf("%s: too large: %s, %v", guarantee, r.Outcome, r.Err)
		}
		if r := d.put(drivers.Message{Body: make([]byte, 1024)}); r.Outcome != drivers.Acked {
			t.Errorf("%s: just right: %s, %v", guarantee, r.Outcome, r.Err)
		}
	}
}

// TestOldServer: a server that says it is older than what the driver needs is refused for streams. Its greeting is changed on the way,
// because no such server can be built from today's modules.
func TestOldServer(t *testing.T) {
	nodes := startNodes(t, 1, "")
	cfg := drivers.Config{Servers: addresses(nodes)}
	s, err := New().Open(t.Context(), cfg, drivers.Env{Logger: quiet(), Name: "old", Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := drivertest.Dial(ctx, network, addr)
		return aged{Conn: conn}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	if err := s.Declare(t.Context(), orders(1)); err == nil || !strings.Contains(err.Error(), "2.9.25") || !strings.Contains(err.Error(), oldest) {
		t.Errorf("declare: %v", err)
	}
}

// aged makes a server look like one of 2022, whenever it says what it is: once as a greeting, and again to who has come in.
type aged struct{ net.Conn }

func (a aged) Read(b []byte) (int, error) {
	n, err := a.Conn.Read(b)
	young, old := []byte(`"version":"`+server.VERSION+`"`), fmt.Appendf(nil, `"version":"%-*s"`, len(server.VERSION), "2.9.25")
	copy(b, bytes.ReplaceAll(b[:n], young, old[:len(young)]))
	return n, err
}
