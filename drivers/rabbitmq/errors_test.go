package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
	"ordeal/faults"
	"ordeal/internal/cluster"
)

// TestOutcomes is the table of what is known of a message after each error, and after each answer.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want drivers.Outcome
	}{
		{&unsentError{errShard}, drivers.Rejected},
		{&unsentError{errKey}, drivers.Rejected},
		{&unsentError{errClosed}, drivers.Rejected},
		{&unsentError{context.Canceled}, drivers.Rejected},
		{&unsentError{fmt.Errorf("%w: %w", errLost, amqp.ErrClosed)}, drivers.Rejected},
		{errClosed, drivers.Unknown},
		{amqp.ErrClosed, drivers.Unknown},
		{errLost, drivers.Unknown},
		{errSilent, drivers.Unknown},
		{errRefusing, drivers.Unknown},
		{errFrame, drivers.Unknown},
		{context.Canceled, drivers.Unknown},
		{fmt.Errorf("%w: %w", errChannel, &amqp.Error{Code: amqp.NotFound}), drivers.Unknown},
		{fmt.Errorf("%w: %w", errChannel, &amqp.Error{Code: amqp.PreconditionFailed}), drivers.Unknown},
		{fmt.Errorf("%w: %w", errLost, &amqp.Error{Code: amqp.ConnectionForced}), drivers.Unknown},
		{fmt.Errorf("%w: %w", errLost, &amqp.Error{Code: amqp.FrameError}), drivers.Unknown},
		{fmt.Errorf("%w: %w", errLost, &amqp.Error{Code: amqp.InternalError}), drivers.Unknown},
	} {
		if got := sendOutcome(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
	for _, c := range []struct {
		answer answer
		want   drivers.Outcome
		err    error
	}{
		{answer{ack: true}, drivers.Acked, nil},
		{answer{ack: true, doubtful: true}, drivers.Acked, nil},
		{answer{ack: true, returned: true}, drivers.Rejected, errReturned},
		{answer{}, drivers.Rejected, errNack},
		{answer{doubtful: true}, drivers.Unknown, errNack},
	} {
		if outcome, err := c.answer.outcome(); outcome != c.want || !errors.Is(err, c.err) {
			t.Errorf("%+v: %s, %v", c.answer, outcome, err)
		}
	}
}

// try is a producer on a session of its own with what it was told.
type try struct {
	testing.TB
	*producer
	receipts chan drivers.Receipt
	next     uint64
}

func newTry(t testing.TB, cfg drivers.Config, topic drivers.Topic) *try {
	t.Helper()
	x := &try{TB: t, receipts: make(chan drivers.Receipt, 100_000)}
	spec := drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Accepted, Window: 1000}
	p, err := connect(t, cfg).Producer(t.Context(), spec, func(r drivers.Receipt) { x.receipts <- r })
	if err != nil {
		t.Fatal(err)
	}
	x.producer = p.(*producer)
	return x
}

func (x *try) send(m drivers.Message) error {
	x.next++
	m.Token = x.next
	return x.Send(x.Context(), []drivers.Message{m})
}

// expect sends a message and checks what becomes of it.
func (x *try) expect(m drivers.Message, outcome drivers.Outcome, err error) {
	x.Helper()
	x.send(m) //nolint:errcheck // its receipt tells
	x.receipt(outcome, err)
}

func (x *try) receipt(outcome drivers.Outcome, err error) {
	x.Helper()
	select {
	case r := <-x.receipts:
		if r.Outcome != outcome || !errors.Is(r.Err, err) {
			x.Errorf("%s, %v; want %s, %v", r.Outcome, r.Err, outcome, err)
		}
	case <-time.After(20 * time.Second):
		x.Errorf("no receipt; want %s, %v", outcome, err)
	}
}

// until sends until the producer ends, and returns why.
func (x *try) until() error {
	x.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(20 * time.Second); ; {
		if err := x.send(drivers.Message{}); err != nil {
			return err
		}
		select {
		case <-late:
			x.Fatal("the producer does not end")
		case <-tick.C:
		}
	}
}

// mustHave looks for a receipt among those that have come.
func (x *try) mustHave(outcome drivers.Outcome, err error) {
	x.Helper()
	for len(x.receipts) > 0 {
		if r := <-x.receipts; r.Outcome == outcome && errors.Is(r.Err, err) {
			return
		}
	}
	x.Errorf("no message is %s with %v", outcome, err)
}

// TestProvokedErrors provokes on a real broker what can be provoked, each on a connection of its own.
func TestProvokedErrors(t *testing.T) {
	c := startRabbitMQ(t, 1, nil)
	cfg := drivers.Config{Servers: c.Servers()}
	queue := func(name string) drivers.Topic {
		return drivers.Topic{Name: name, Model: drivers.Queue, Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 1}}}
	}
	// admin declares the only queue of topic with arguments of its own.
	admin := func(t *testing.T, topic drivers.Topic, args amqp.Table) *session {
		t.Helper()
		s := connect(t, cfg)
		err := s.ask(t.Context(), func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(topic.Name+".0", true, false, false, false, args)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	full := amqp.Table{"x-max-length": 1, "x-overflow": "reject-publish"}

	t.Run("refused before it is sent", func(t *testing.T) {
		admin(t, queue("refused"), nil)
		x := newTry(t, cfg, queue("refused"))
		x.expect(drivers.Message{Shard: 1}, drivers.Rejected, errShard)
		x.expect(drivers.Message{Key: make([]byte, shortMax+1)}, drivers.Rejected, errKey)
		x.expect(drivers.Message{Headers: []drivers.Header{{Name: strings.Repeat("n", shortMax+1)}}}, drivers.Rejected, errKey)
		x.expect(drivers.Message{Headers: []drivers.Header{{Name: "trace", Value: []byte("id")}}}, drivers.Acked, nil)
	})
	t.Run("returned and confirmed", func(t *testing.T) {
		s := admin(t, queue("returned"), nil)
		x := newTry(t, cfg, queue("returned"))
		x.expect(drivers.Message{}, drivers.Acked, nil)
		if err := s.Delete(t.Context(), queue("returned")); err != nil {
			t.Fatal(err)
		}
		x.expect(drivers.Message{Body: []byte("nobody is here")}, drivers.Rejected, errReturned)
	})
	t.Run("nack of a classic queue", func(t *testing.T) {
		admin(t, queue("nack-classic"), full)
		x := newTry(t, cfg, queue("nack-classic"))
		x.expect(drivers.Message{}, drivers.Acked, nil)
		x.expect(drivers.Message{}, drivers.Unknown, errNack)
	})
	t.Run("nack of one of two queues", func(t *testing.T) {
		topic := queue("nack-one")
		topic.Model, topic.Groups = drivers.Log, []drivers.Group{{Name: "full", Members: 1}, {Name: "roomy", Members: 1}}
		quorum := cfg
		quorum.Options = drivers.Options{optQueueType: typeQuorum}
		s := connect(t, quorum)
		err := s.ask(t.Context(), func(ch *amqp.Channel) error {
			err := ch.ExchangeDeclare(topic.Name, amqp.ExchangeDirect, true, false, false, false, nil)
			for _, group := range []string{"full", "roomy"} {
				args := amqp.Table{"x-queue-type": "quorum"}
				if group == "full" {
					args["x-max-length"], args["x-overflow"] = 1, "reject-publish"
				}
				name := groupQueues(topic, group)[0]
				_, declared := ch.QueueDeclare(name, true, false, false, false, args)
				err = errors.Join(err, declared, ch.QueueBind(name, "0", topic.Name, false, nil))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		x := newTry(t, quorum, topic)
		if err := x.until(); !errors.Is(err, errRefusing) {
			t.Errorf("the producer ended with: %v", err)
		}
		x.mustHave(drivers.Unknown, errNack)
		for len(x.receipts) > 0 {
			if r := <-x.receipts; r.Outcome == drivers.Rejected && errors.Is(r.Err, errNack) {
				t.Error("rejected by a nack, though another queue took it")
			}
		}
		if w, err := s.ready(t.Context(), groupQueues(topic, "roomy")); err != nil || w.messages < 3 {
			t.Errorf("the other queue took %d: %v", w.messages, err)
		}
	})
	t.Run("nothing but nacks", func(t *testing.T) {
		quorum := cfg
		quorum.Options = drivers.Options{optQueueType: typeQuorum}
		admin(t, queue("nack-quorum"), amqp.Table{"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"})
		x := newTry(t, quorum, queue("nack-quorum"))
		if err := x.until(); !errors.Is(err, errRefusing) {
			t.Errorf("the producer ended with: %v", err)
		}
		x.expect(drivers.Message{}, drivers.Acked, nil) // the receipt of the first one
		nacks := 0
		for len(x.receipts) > 0 {
			if r := <-x.receipts; errors.Is(r.Err, errNack) && r.Outcome == drivers.Rejected {
				nacks++
			}
		}
		if nacks == 0 {
			t.Error("no message was rejected by a nack")
		}
	})
	t.Run("channel closed by the broker", func(t *testing.T) {
		topic := queue("never-declared")
		topic.Model = drivers.Log
		newTry(t, cfg, topic).expect(drivers.Message{}, drivers.Unknown, errChannel)
	})
	t.Run("consumer cancelled by the broker", func(t *testing.T) {
		s := admin(t, queue("cancelled"), nil)
		consumer, err := connect(t, cfg).Consumer(t.Context(), drivers.ConsumerSpec{Topic: queue("cancelled"), Group: drivers.Group{Name: "g"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), queue("cancelled")); err != nil {
			t.Fatal(err)
		}
		if _, err := consumer.Receive(t.Context(), make([]drivers.Delivery, 1)); !errors.Is(err, errCancelled) {
			t.Errorf("receive: %v", err)
		}
	})
	t.Run("exists with other settings", func(t *testing.T) {
		s := admin(t, queue("other"), full)
		if err := s.Declare(t.Context(), queue("other")); err == nil || !strings.Contains(err.Error(), "exists with other settings") {
			t.Errorf("declare: %v", err)
		}
	})
	t.Run("refused connections", func(t *testing.T) { refusedConnections(t, cfg) })
	t.Run("silence, then a goodbye", func(t *testing.T) {
		topic := queue("silence")
		admin(t, topic, nil)
		leaves(t, c, cfg, topic)
	})
}

// refusedConnections opens sessions that the broker does not want. Each error says what to do.
func refusedConnections(t *testing.T, cfg drivers.Config) {
	refused := func(cfg drivers.Config, code int, remedy string) {
		t.Helper()
		_, err := New().Open(t.Context(), cfg, drivertest.Env(t.Name()))
		var e *amqp.Error
		if !errors.As(err, &e) || e.Code != code || !strings.Contains(err.Error(), remedy) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
	wrong := cfg
	wrong.Auth.User, wrong.Auth.Password = "guest", "secret"
	refused(wrong, amqp.AccessRefused, "check user, password")
	wrong = cfg
	wrong.Options = drivers.Options{optVhost: "nowhere"}
	refused(wrong, amqp.NotAllowed, "options.rabbitmq.vhost")

	wrong = cfg
	// A server that never answers costs only a moment when there is another one.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it never answered
	wrong.Servers = append([]string{l.Addr().String()}, cfg.Servers...)
	connect(t, wrong)
}

// leaves pauses the broker under a producer, and stops it politely under another.
func leaves(t *testing.T, c cluster.Cluster, cfg drivers.Config, topic drivers.Topic) {
	impatient := cfg
	impatient.Options = drivers.Options{optConfirmTimeout: "300ms"}
	x, last := newTry(t, impatient, topic), newTry(t, cfg, topic)
	last.expect(drivers.Message{}, drivers.Acked, nil)
	node := c.Nodes()[0]
	if err := node.Signal(t.Context(), faults.Pause); err != nil {
		t.Fatal(err)
	}
	if err := x.until(); !errors.Is(err, errSilent) { // a process of many threads may answer for a moment after it was stopped
		t.Errorf("send after silence: %v", err)
	}
	x.mustHave(drivers.Unknown, errSilent)
	if err := last.send(drivers.Message{}); err != nil { // it waits in the paused broker's socket
		t.Errorf("send to a paused broker: %v", err)
	}
	if err := node.Signal(t.Context(), faults.Resume); err != nil {
		t.Fatal(err)
	}
	last.receipt(drivers.Acked, nil)
	stopped := make(chan error, 1)
	go func() { stopped <- node.Stop(t.Context()) }()
	if err := last.until(); !errors.Is(err, errLost) {
		t.Errorf("send to a broker that left: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestMemoryAlarm lets the broker block publishers: what it does not read is unknown, and the error says why.
func TestMemoryAlarm(t *testing.T) {
	c := startRabbitMQ(t, 1, map[string]string{"vm_memory_high_watermark.absolute": "1MB"})
	cfg := drivers.Config{Servers: c.Servers(), Options: drivers.Options{optConfirmTimeout: "1s"}}
	topic := drivers.Topic{Name: "alarm", Model: drivers.Queue, Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 1}}}
	if err := connect(t, cfg).Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	x := newTry(t, cfg, topic)
	if err := x.until(); !errors.Is(err, errSilent) || !strings.Contains(err.Error(), "blocks publishers: low on memory") {
		t.Errorf("the producer ended with: %v", err)
	}
	x.mustHave(drivers.Unknown, errSilent) // the broker takes the first ones before it says so
}
