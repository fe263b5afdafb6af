package rabbitmq

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// queueTopic is a queue with one shard and one member.
func queueTopic(name string) drivers.Topic {
	return drivers.Topic{
		Name: name, Model: drivers.Queue, Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 1, Prefetch: 100}},
	}
}

// TestBadDays provokes what people run into, each on topics of its own of one broker, and wants to be told the remedy.
func TestBadDays(t *testing.T) {
	c := startRabbitMQ(t, 1, map[string]string{"max_message_size": "100000"})
	cfg := drivers.Config{Servers: c.Servers()}
	a := admin{t, c.Nodes()[0]}
	t.Run("rights", func(t *testing.T) { missingRights(t, a, cfg) })
	t.Run("documented rights", func(t *testing.T) { documentedRights(t, a, cfg) })
	t.Run("vhost", func(t *testing.T) {
		a.put(map[string]string{}, "vhosts", "private")
		a.user("outsider", ".*", ".*", ".*")
		wrong := cfg
		wrong.Options = drivers.Options{optVhost: "private"}
		wrong.Auth = drivers.Auth{User: "outsider", Password: "secret"}
		if err := openError(t, wrong); !strings.Contains(err.Error(), "options.rabbitmq.vhost") {
			t.Error(err)
		}
		connect(t, drivers.Config{Servers: cfg.Servers, Options: wrong.Options})
	})
	t.Run("exists as another type", func(t *testing.T) {
		topic := queueTopic("other-type")
		s := connect(t, cfg)
		if err := s.Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		quorum := cfg
		quorum.Options = drivers.Options{optQueueType: typeQuorum}
		err := connect(t, quorum).Declare(t.Context(), topic)
		if err == nil || !strings.Contains(err.Error(), "other settings") || !strings.Contains(err.Error(), "x-queue-type") {
			t.Errorf("declared as another type: %v", err)
		}
	})
	t.Run("message too large", func(t *testing.T) {
		topic := queueTopic("too-large")
		if err := connect(t, cfg).Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		x := newTry(t, cfg, topic)
		x.expect(drivers.Message{Body: make([]byte, 100_000)}, drivers.Acked, nil)
		x.expect(drivers.Message{Body: make([]byte, 100_001)}, drivers.Rejected, errChannel)
		if err := x.until(); !strings.Contains(err.Error(), "raise the broker's max_message_size") {
			t.Error(err)
		}
	})
	t.Run("one of many too large", func(t *testing.T) {
		topic := queueTopic("one-too-large")
		if err := connect(t, cfg).Declare(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		x := newTry(t, cfg, topic)
		batch := make([]drivers.Message, 6)
		for i, size := range []int{10, 100_000, 100_002, 10, 100_002, 100_003} {
			batch[i] = drivers.Message{Token: uint64(i), Body: make([]byte, size)}
		}
		x.Send(t.Context(), batch) //nolint:errcheck // the receipts tell
		for range batch {
			r := <-x.receipts
			if r.Token == 2 && (r.Outcome != drivers.Rejected || !errors.Is(r.Err, errChannel)) {
				t.Errorf("the one that ended the channel is %s: %v", r.Outcome, r.Err)
			}
			var unsent *unsentError // the broker's word may come before it is written
			if r.Token > 2 && r.Outcome != drivers.Unknown && !errors.As(r.Err, &unsent) {
				t.Errorf("message %d, behind it, is %s: %v", r.Token, r.Outcome, r.Err)
			}
			if r.Token < 2 && r.Outcome == drivers.Rejected {
				t.Errorf("message %d, before it, is rejected: %v", r.Token, r.Err)
			}
		}
	})
	t.Run("policies", func(t *testing.T) { policies(t, a, cfg) })
	t.Run("dead letters", func(t *testing.T) { deadLetters(t, a, cfg) })
	t.Run("other protocols", func(t *testing.T) { otherProtocols(t, cfg) })
	t.Run("memory alarm", func(t *testing.T) {
		alarm(t, a, cfg, "low on memory", "vm_memory_monitor:set_vm_memory_high_watermark(%s)", "{absolute, 1000000}", "0.9")
	})
	t.Run("disk alarm", func(t *testing.T) {
		alarm(t, a, cfg, "low on disk", "rabbit_disk_monitor:set_disk_free_limit(%s)", "1000000000000000", "50000000")
	})
	t.Run("maintenance", func(t *testing.T) { maintenance(t, a, cfg) }) // last, because it closes every connection
}

// openError opens a session that must not open, within seconds.
func openError(t *testing.T, cfg drivers.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := New().Open(ctx, cfg, drivertest.Env(t.Name()))
	if err == nil {
		s.Close(t.Context()) //nolint:errcheck // the test has failed already
		t.Fatal("it opens")
	}
	if ctx.Err() != nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("it hangs, or tells the password: %v", err)
	}
	return err
}

// missingRights lacks one right after the other.
func missingRights(t *testing.T, a admin, cfg drivers.Config) {
	topic := queueTopic("rights")
	if err := connect(t, cfg).Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	as := func(name, configure, write, read string) drivers.Config {
		a.user(name, configure, write, read)
		out := cfg
		out.Auth = drivers.Auth{User: name, Password: "secret"}
		return out
	}
	told := func(what string, err error) {
		t.Helper()
		var e *amqp.Error
		if !errors.As(err, &e) || e.Code != amqp.AccessRefused || !strings.Contains(err.Error(), "set_permissions") {
			t.Errorf("%s: %v", what, err)
		}
	}
	told("declare", connect(t, as("no-configure", "", ".*", ".*")).Declare(t.Context(), topic))
	told("delete", connect(t, as("no-configure", "", ".*", ".*")).Delete(t.Context(), topic))
	x := newTry(t, as("no-write", ".*", "", ".*"), topic)
	x.expect(drivers.Message{}, drivers.Unknown, errChannel)
	told("send", x.until())
	_, err := connect(t, as("no-read", ".*", ".*", "")).Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
	told("consume", err)
	// Who has the rights of a client, and not those of an administrator, gets no word from the management plugin: the audit says so.
	facts, err := connect(t, as("client", ".*", ".*", ".*")).Audit(t.Context(), topic)
	unverified := 0
	for _, f := range facts {
		if f.Status == drivers.Unverified && strings.Contains(f.Note, "401") {
			unverified++
		}
	}
	if err != nil || unverified == 0 {
		t.Errorf("the audit of a client without a tag: %+v, %v", facts, err)
	}
}

// policies are set by somebody on queues that exist: the audit contradicts the guarantee, whatever the broker then does.
func policies(t *testing.T, a admin, cfg drivers.Config) {
	topic := queueTopic("policed")
	s := connect(t, cfg)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	contradicted := func() string {
		t.Helper()
		facts, err := s.Audit(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range facts {
			if f.Status == drivers.Contradicted {
				out = append(out, f.Setting+" "+f.Have)
			}
		}
		return strings.Join(out, "; ")
	}
	if said := contradicted(); said != "" {
		t.Errorf("without a policy: %s", said)
	}
	for kind, definition := range map[string]map[string]any{
		"policies":          {"max-length": 5, "overflow": "drop-head"},
		"operator-policies": {"message-ttl": 60000, "expires": 3600000},
	} {
		a.put(map[string]any{"pattern": "^policed", "definition": definition, "apply-to": "queues"}, kind, "/", "by-somebody")
		eventually(t, kind+" are told", func() bool {
			said := contradicted()
			for name := range definition {
				if !strings.Contains(said, "by-somebody") || !strings.Contains(said, name) {
					return false
				}
			}
			return true
		})
		if kind == "policies" { // the broker drops what it has acked, as it was told to
			x := newTry(t, cfg, topic)
			for range 20 {
				x.expect(drivers.Message{Body: []byte("dropped, all but five")}, drivers.Acked, nil)
			}
			eventually(t, "messages are dropped", func() bool {
				n, err := s.Depth(t.Context(), topic, "g")
				return err == nil && n == 5
			})
		}
		a.remove(kind, "/", "by-somebody")
	}
	eventually(t, "the policies are gone", func() bool { return contradicted() == "" })
}

// deadLetters gives deliveries back without a requeue: the broker moves them where a policy says, with their bodies and keys.
func deadLetters(t *testing.T, a admin, cfg drivers.Config) {
	cfg.Options = drivers.Options{optQueueType: typeQuorum}
	topic, dead := queueTopic("work"), queueTopic("morgue")
	s := connect(t, cfg)
	if err := errors.Join(s.Declare(t.Context(), topic), s.Declare(t.Context(), dead)); err != nil {
		t.Fatal(err)
	}
	definition := map[string]any{"dead-letter-exchange": "", "dead-letter-routing-key": "morgue.0"}
	a.put(map[string]any{"pattern": "^work", "definition": definition, "apply-to": "queues"}, "policies", "/", "bury")
	consumer := func(of drivers.Topic) *consumer {
		c, err := connect(t, cfg).Consumer(t.Context(), drivers.ConsumerSpec{Topic: of, Group: of.Groups[0]})
		if err != nil {
			t.Fatal(err)
		}
		return c.(*consumer)
	}
	x := newTry(t, cfg, topic)
	x.expect(drivers.Message{Key: []byte("key"), Body: []byte("body")}, drivers.Acked, nil)
	worker, digger := consumer(topic), consumer(dead)
	one := make([]drivers.Delivery, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for attempt := 1; attempt <= 3; attempt++ { // a quorum queue counts them
		if _, err := worker.Receive(ctx, one); err != nil || one[0].Attempt != attempt || one[0].Redelivered != (attempt > 1) {
			t.Fatalf("attempt %d: %+v, %v", attempt, one[0], err)
		}
		if err := worker.Nack(ctx, one, attempt < 3); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := digger.Receive(ctx, one); err != nil || string(one[0].Body) != "body" || string(one[0].Key) != "key" {
		t.Errorf("the dead letter: %+v, %v", one[0], err)
	}
}

// otherProtocols connects to what is no AMQP broker: each error says what it is, within seconds.
func otherProtocols(t *testing.T, cfg drivers.Config) {
	answering := func(answer string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				io.CopyN(io.Discard, conn, 8)    //nolint:errcheck // whatever it is
				io.WriteString(conn, answer)     //nolint:errcheck // likewise
				conn.(*net.TCPConn).CloseWrite() //nolint:errcheck // likewise
				io.Copy(io.Discard, conn)        //nolint:errcheck // until the client has gone
				conn.Close()                     //nolint:errcheck // likewise
			}
		}()
		t.Cleanup(func() { l.Close(); <-done }) //nolint:errcheck // only its end counts
		return l.Addr().String()
	}
	at := func(server string) drivers.Config { return drivers.Config{Servers: []string{server}} }
	refused := func(cfg drivers.Config, kind error, remedy string) {
		t.Helper()
		if err := openError(t, cfg); !errors.Is(err, kind) || !strings.Contains(err.Error(), remedy) || !strings.Contains(err.Error(), cfg.Servers[0]) {
			t.Errorf("want %q, got: %v", remedy, err)
		}
	}
	// The real HTTP server waits for the end of a line, as Redis does.
	refused(at(managementPorts(cfg.Servers)[0]), errMute, "the one for AMQP")
	refused(at(answering("HTTP/1.1 400 Bad Request\r\n\r\n")), errForeign, "it speaks HTTP")
	refused(at(answering("-ERR unknown command\r\n")), errForeign, "redis://")
	refused(at(answering("INFO {}\r\n")), errForeign, "nats://")
	refused(at(answering("AMQP\x00\x00\x08\x00")), errForeign, "AMQP 0-8-0")
	refused(at(answering("AMQP\x03\x01\x00\x00")), errForeign, "AMQP 1-0-0")
	refused(at(answering("\x15\x03\x01\x00\x02\x02\x46")), errForeign, "amqps://")
	refused(at(answering("")), errForeign, "without a word") // as Kafka does
	wrong := cfg
	wrong.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if err := openError(t, wrong); !strings.Contains(err.Error(), "does not speak TLS: use amqp://") {
		t.Errorf("TLS to a plain port: %v", err)
	}
}
