package kafka

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// deaf dials connections on which, every so often, what the broker answers to a produce request is lost together with the connection: the
// broker has the messages, and the client does not know.
type deaf struct {
	wanted  atomic.Bool
	dropped atomic.Int64
}

func (d *deaf) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := drivertest.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &deafConn{Conn: c, deaf: d}, nil
}

type deafConn struct {
	net.Conn
	*deaf
	produced atomic.Int64
}

func (c *deafConn) Write(b []byte) (int, error) {
	if len(b) > 6 && b[4] == 0 && b[5] == keyProduce {
		c.produced.Add(1)
	}
	return c.Conn.Write(b)
}

// Read loses the answer to a produce request, where one is wanted, and with it the connection.
func (c *deafConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.produced.Load() > 0 && c.wanted.CompareAndSwap(true, false) {
		c.dropped.Add(1)
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// TestResend loses answers under the library's own retries. With numbers the broker drops what comes twice; without them the log has it
// twice. Without retries every message whose answer is lost is unknown, and nothing is sent again.
func TestResend(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	const rounds = 5
	lose := func(t *testing.T, retry bool, options drivers.Options) (*rig, *deaf) {
		d := &deaf{}
		options[optLinger] = "0s"
		cfg := drivers.Config{Servers: server, Guarantee: drivers.Durable, Options: options}
		r := bareRig(t, cfg)
		must(t, r.Declare(t.Context(), r.topic))
		s, err := New().Open(t.Context(), cfg, drivers.Env{Dial: d.dial, Logger: quiet(), Name: "deaf"})
		must(t, err)
		t.Cleanup(func() { s.Close(context.Background()) })
		spec := drivers.ProducerSpec{Topic: r.topic, Guarantee: drivers.Durable, Window: 4, ClientRetry: retry}
		r.producer, err = s.Producer(t.Context(), spec, r.settle)
		must(t, err)
		return r, d
	}
	facts := func(r *rig, want string) {
		t.Helper()
		facts, err := r.Audit(t.Context(), r.topic)
		if fact := factOf(facts, "client enable.idempotence"); err != nil || fact.Have != want {
			t.Errorf("the audit says %+v, %v", fact, err)
		}
	}
	t.Run("numbered", func(t *testing.T) {
		r, d := lose(t, true, drivers.Options{optIdempotent: "true"})
		for i := range uint64(rounds) {
			d.wanted.Store(true)
			must(t, r.send(i, "once"))
			r.want(i, drivers.Acked, nil)
		}
		if d.dropped.Load() != rounds {
			t.Errorf("%d answers were lost", d.dropped.Load())
		}
		r.stored(rounds)
		facts(r, "true")
	})
	t.Run("not numbered", func(t *testing.T) {
		r, d := lose(t, true, drivers.Options{optIdempotent: "false"})
		for i := range uint64(rounds) {
			d.wanted.Store(true)
			must(t, r.send(i, "twice"))
			r.want(i, drivers.Acked, nil)
		}
		if d.dropped.Load() != rounds {
			t.Errorf("%d answers were lost", d.dropped.Load())
		}
		r.stored(2 * rounds)
		facts(r, "false")
	})
	t.Run("no retries", func(t *testing.T) {
		r, d := lose(t, false, drivers.Options{})
		must(t, r.send(1, "once"))
		d.wanted.Store(true)
		must(t, r.send(2, "once"))
		if receipt := r.of(2); receipt.Outcome != drivers.Unknown || receipt.Err == nil {
			t.Errorf("a message without an answer is %s: %v", receipt.Outcome, receipt.Err)
		}
		if err := r.send(3, "not at all"); !errors.Is(err, errLost) {
			t.Errorf("a producer without a connection sends: %v", err)
		}
		r.stored(2)
	})
}

// held dials connections on which answers to produce requests wait for the gate, and counts the requests that wait for theirs at once.
type held struct {
	waiting, most atomic.Int64
	gate          sync.Mutex
}

func (h *held) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := drivertest.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &heldConn{Conn: c, held: h}, nil
}

type heldConn struct {
	net.Conn
	*held
	mine atomic.Int64
}

func (c *heldConn) Write(b []byte) (int, error) {
	if len(b) > 6 && b[4] == 0 && b[5] == keyProduce {
		c.mine.Add(1)
		c.most.Store(max(c.most.Load(), c.waiting.Add(1)))
	}
	return c.Conn.Write(b)
}

func (c *heldConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.mine.Load() > 0 {
		c.gate.Lock()
		c.waiting.Add(-c.mine.Swap(0))
		c.gate.Unlock()
	}
	return n, err
}

// TestOneRequestAtATime sends while answers are outstanding. What is not numbered must wait for them: an answer ends all messages that the
// library holds for a partition, and what was sent beside it may be in the log.
func TestOneRequestAtATime(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	for guarantee, numbered := range map[drivers.Guarantee]bool{drivers.Accepted: false, drivers.Durable: true} {
		t.Run(guarantee.String(), func(t *testing.T) {
			cfg := drivers.Config{Servers: server, Guarantee: guarantee, Options: drivers.Options{optLinger: "0s"}}
			r := bareRig(t, cfg)
			must(t, r.Declare(t.Context(), r.topic))
			line := &held{}
			s, err := New().Open(t.Context(), cfg, drivers.Env{Dial: line.dial, Logger: quiet(), Name: "held"})
			must(t, err)
			t.Cleanup(func() { s.Close(context.Background()) })
			const n = 100
			r.producer, err = s.Producer(t.Context(), drivers.ProducerSpec{Topic: r.topic, Guarantee: guarantee, Window: n}, r.settle)
			must(t, err)
			send := func(i uint64) {
				must(t, r.producer.Send(t.Context(), []drivers.Message{{Token: i, Body: []byte("body")}}))
			}
			send(0)
			must(t, r.producer.Flush(t.Context())) // until the first answer, the library has one request under way whatever it is told
			line.gate.Lock()
			for i := uint64(1); i < n; i++ {
				send(i)
				time.Sleep(time.Millisecond)
			}
			for wait := time.Now().Add(5 * time.Second); numbered && line.most.Load() == 1 && time.Now().Before(wait); {
				time.Sleep(time.Millisecond)
			}
			line.gate.Unlock()
			must(t, r.producer.Flush(t.Context()))
			for i := range uint64(n) {
				r.want(i, drivers.Acked, nil)
			}
			if most := line.most.Load(); (most > 1) != numbered {
				t.Errorf("%d requests were under way at once; numbered: %v", most, numbered)
			}
		})
	}
}

// TestOpenTransaction leaves one open, aborts one and commits one: who reads what was committed gets the first, then the last, and neither
// what was aborted nor what was open when its producer vanished.
func TestOpenTransaction(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	options := drivers.Options{optTransactions: "true", optMaxMessage: "2000"}
	cfg := drivers.Config{Servers: server, Guarantee: drivers.Durable, Options: options}
	first := newRig(t, server, drivers.Durable, options)
	must(t, first.send(1, "committed"))
	first.want(1, drivers.Acked, nil)
	p := first.producer.(*producer)
	must(t, p.begin(t.Context()))
	p.produceOpen(t, "open")
	reader, err := connect(t, cfg).Consumer(t.Context(), drivers.ConsumerSpec{Topic: first.topic, Group: first.topic.Groups[0]})
	must(t, err)
	got := hand(t, reader, 1, 20*time.Second)
	if len(got) != 1 || string(got[0].Body) != "committed" {
		t.Fatalf("received %v", got)
	}
	must(t, reader.Ack(t.Context(), got))
	if more := hand(t, reader, 1, 300*time.Millisecond); len(more) > 0 {
		t.Fatalf("what is not committed was received: %q", more[0].Body)
	}
	p.client.line.cut() // the producer vanishes
	first.produces()    // its next incarnation ends what is open
	must(t, first.send(2, "later"))
	first.want(2, drivers.Acked, nil)
	got = hand(t, reader, 1, 20*time.Second)
	if len(got) != 1 || string(got[0].Body) != "later" {
		t.Fatalf("received %v", got)
	}
	must(t, reader.Ack(t.Context(), got))
	if more := hand(t, reader, 1, 300*time.Millisecond); len(more) > 0 { // passes over the marker at the end
		t.Fatalf("received %q", more[0].Body)
	}
	depth(t, first.session, first.topic, 0)
}
