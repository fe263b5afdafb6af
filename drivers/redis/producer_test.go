package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// TestSendObeysContext: a Send that waits for a server that takes nothing more ends with its context, and nobody knows what became of what
// was sent.
func TestSendObeysContext(t *testing.T) {
	k := startNode(t)
	s := connect(t, drivers.Config{Servers: []string{k.address}})
	p := produce(t, s, topicOf(t, s, 1), drivers.Accepted)
	k.pause()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began, sent := time.Now(), uint64(0)
	for err := error(nil); err == nil; sent += 20 {
		batch := make([]drivers.Message, 20)
		for i := range batch {
			batch[i] = drivers.Message{Token: sent + uint64(i), Body: make([]byte, 1<<20)}
		}
		err = p.Send(ctx, batch)
	}
	if took := time.Since(began); took > 4*time.Second || sent > 1000 {
		t.Errorf("%d messages were taken in %v", sent, took)
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for token := range sent {
		if r, ok := p.receipts[token]; !ok || r.Outcome != drivers.Unknown || r.Err == nil {
			t.Errorf("message %d of %d is %s, %v", token, sent, r.Outcome, r.Err)
		}
	}
	k.resume()
}

// TestNotTouchedAfterSettle: whoever gets a receipt may use the body for something else at once, whatever ends the connection.
func TestNotTouchedAfterSettle(t *testing.T) {
	k := startNode(t)
	s := connect(t, drivers.Config{Servers: []string{k.address}})
	topic := topicOf(t, s, 1)
	for range 20 {
		bodies := make([][]byte, 256)
		var settling sync.WaitGroup
		settling.Add(len(bodies))
		p, err := s.Producer(t.Context(), drivers.ProducerSpec{Topic: topic, Guarantee: drivers.Accepted, Window: len(bodies)}, func(r drivers.Receipt) {
			clear(bodies[r.Token]) // the race detector sees who else reads it
			settling.Done()
		})
		if err != nil {
			t.Fatal(err)
		}
		batch := make([]drivers.Message, len(bodies))
		for i := range batch {
			bodies[i] = make([]byte, 4096)
			batch[i] = drivers.Message{Token: uint64(i), Body: bodies[i]}
		}
		time.AfterFunc(50*time.Microsecond, p.(*producer).wire.cut)
		p.Send(t.Context(), batch) //nolint:errcheck // it may have been quicker
		settling.Wait()
		if err := p.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestUnaskedAnswer: a server that says more than it was asked is not understood, and what is sent is unknown.
func TestUnaskedAnswer(t *testing.T) {
	k := startNode(t)
	var say func()
	env := drivertest.Env("odd")
	dial := env.Dial
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		said := &odd{Conn: conn}
		say = func() { said.extra <- []byte(":1\r\n") }
		said.extra = make(chan []byte, 1)
		return said, err
	}
	s, err := New().Open(t.Context(), drivers.Config{Servers: []string{k.address}}, env)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context()) //nolint:errcheck // it is nothing of this test
	p := produce(t, s.(*session), topicOf(t, s.(*session), 1), drivers.Accepted)
	say()
	token := uint64(0)
	eventually(t, func() error {
		token++
		if err := p.Send(t.Context(), []drivers.Message{{Token: token, Body: []byte("b")}}); !errors.Is(err, errReply) {
			return errors.New("it is still taken")
		}
		return nil
	})
}

// odd is a connection that says something of its own, once, after what comes next.
type odd struct {
	net.Conn
	extra chan []byte
}

func (o *odd) Read(b []byte) (int, error) {
	n, err := o.Conn.Read(b)
	select {
	case more := <-o.extra:
		n += copy(b[n:], more)
	default:
	}
	return n, err
}
