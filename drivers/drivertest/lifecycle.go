package drivertest

import (
	"context"
	"errors"
	"time"

	"ordeal/drivers"
)

// within fails when call takes longer than the harness is patient.
func (b *bench) within(what string, call func()) {
	b.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
	}()
	select {
	case <-done:
	case <-time.After(b.harness.Patience):
		b.Fatalf("%s does not return", what)
	}
}

// cancelledBefore calls everything with a context that is over.
func cancelledBefore(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	over, cancel := context.WithCancel(b.Context())
	cancel()
	must := func(what string, call func() error) {
		b.Helper()
		b.within(what, func() {
			if err := call(); !errors.Is(err, context.Canceled) {
				b.Errorf("%s with a cancelled context: %v", what, err)
			}
		})
	}
	must("open", func() error {
		s, err := b.driver.Open(over, b.config, b.env())
		if err == nil {
			s.Close(b.Context()) //nolint:errcheck // the test has failed already
		}
		return err
	})
	must("declare", func() error { return b.session.Declare(over, b.topic) })
	must("audit", func() error { _, err := b.session.Audit(over, b.topic); return err })
	must("delete", func() error { return b.session.Delete(over, b.topic) })
	must("producer", func() error {
		_, err := b.session.Producer(over, drivers.ProducerSpec{Topic: b.topic, Guarantee: b.guarantee, Window: 1}, func(drivers.Receipt) {})
		return err
	})
	must("consumer", func() error {
		_, err := b.session.Consumer(over, drivers.ConsumerSpec{Topic: b.topic, Group: b.topic.Groups[0]})
		return err
	})
	must("receive", func() error { _, err := c.Consumer.Receive(over, make([]drivers.Delivery, 1)); return err })
	must("send", func() error {
		batch := []drivers.Message{p.message(0, body(1, 0)), p.message(1, body(2, 0))}
		p.ledger.sent(batch)
		return p.Producer.Send(over, batch)
	})
	b.within("flush", func() {
		if err := p.Producer.Flush(b.ctx()); err != nil {
			b.Errorf("flush after a cancelled send: %v", err)
		}
	})
	if n := p.ledger.unsettled() + p.ledger.count(drivers.Acked); n > 0 {
		b.Errorf("%d messages of a cancelled send are not given up", n)
	}
}

// cancelledReceive interrupts a consumer that waits, which must go on afterwards.
func cancelledReceive(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	for range 3 {
		ctx, cancel := context.WithCancel(b.Context())
		timer := time.AfterFunc(20*time.Millisecond, cancel)
		b.within("a cancelled receive", func() {
			if n, err := c.Consumer.Receive(ctx, make([]drivers.Delivery, 1)); n != 0 || !errors.Is(err, context.Canceled) {
				b.Errorf("a cancelled receive returned %d deliveries and %v", n, err)
			}
		})
		timer.Stop()
		cancel()
	}
	p.numbered(0, 30)
	c.receive(30)
	if seen := c.numbers(); len(seen) != 30 {
		b.Errorf("%d of 30 messages came after a cancelled receive", len(seen))
	}
}

// cancelledOpen lets the network hang while a session is opened.
func cancelledOpen(b *bench) {
	b.links.hangUp(true)
	ctx, cancel := context.WithCancel(b.Context())
	defer time.AfterFunc(30*time.Millisecond, cancel).Stop()
	b.within("open", func() {
		if _, err := b.driver.Open(ctx, b.config, b.env()); !errors.Is(err, context.Canceled) {
			b.Errorf("a cancelled open returned %v", err)
		}
	})
	if b.links.dialled() == 0 {
		b.Error("open did not dial through Env.Dial")
	}
}

// cancelledSend lets the network hang while a producer sends more than any buffer holds.
func cancelledSend(b *bench) {
	b.declare()
	p := b.producer()
	p.numbered(0, 10)
	b.links.stop()
	defer b.links.resume()
	ctx, cancel := context.WithTimeout(b.Context(), 200*time.Millisecond)
	defer cancel()
	size := 32 << 10
	if b.harness.MaxBody > 0 {
		size = min(size, b.harness.MaxBody)
	}
	b.within("send", func() {
		for p.ledger.unsettled() < window {
			batch := []drivers.Message{p.message(0, make([]byte, size))}
			p.ledger.sent(batch)
			if err := p.Producer.Send(ctx, batch); err != nil {
				return
			}
		}
	})
	b.within("flush", func() {
		ctx, cancel := context.WithTimeout(b.Context(), 50*time.Millisecond)
		defer cancel()
		if err := p.Producer.Flush(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("flush: %v", err)
		}
	})
	b.within("close", func() {
		ctx, cancel := context.WithTimeout(b.Context(), 500*time.Millisecond)
		defer cancel()
		p.Producer.Close(ctx) //nolint:errcheck // it may say that it could not take leave
	})
	if n := p.ledger.unsettled(); n > 0 {
		b.Errorf("%d messages are not settled after close", n)
	}
	if n := p.ledger.count(drivers.Acked); n > 10 {
		b.Errorf("%d messages were acked while nothing went out", n-10)
	}
	b.within("close session", func() {
		ctx, cancel := context.WithTimeout(b.Context(), 500*time.Millisecond)
		defer cancel()
		p.Session.Close(ctx) //nolint:errcheck // likewise
	})
}

// closeTwice closes everything twice.
func closeTwice(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	p.numbered(0, 5)
	c.receive(5)
	c.acknowledge()
	for range 2 {
		for what, closer := range map[string]interface{ Close(context.Context) error }{"producer": p.Producer, "consumer": c.Consumer} {
			b.within("close "+what, func() {
				if err := closer.Close(b.ctx()); err != nil {
					b.Errorf("close %s: %v", what, err)
				}
			})
		}
	}
	for range 2 {
		for _, s := range []drivers.Session{p.Session, c.Session} {
			b.within("close session", func() {
				if err := s.Close(b.ctx()); err != nil {
					b.Errorf("close session: %v", err)
				}
			})
		}
	}
}

// useAfterClose calls what was closed: errors, no panics, and still one receipt for each message.
func useAfterClose(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	if err := errors.Join(p.Producer.Close(b.ctx()), c.Consumer.Close(b.ctx())); err != nil {
		b.Fatal(err)
	}
	batch := []drivers.Message{p.message(0, body(1, 0))}
	p.ledger.sent(batch)
	b.within("send", func() {
		if err := p.Producer.Send(b.ctx(), batch); err == nil {
			b.Error("a closed producer sends")
		}
	})
	if r := p.ledger.of(1); p.ledger.unsettled() > 0 || r.Outcome == drivers.Acked {
		b.Errorf("a message sent by a closed producer: unsettled %d, %s", p.ledger.unsettled(), r.Outcome)
	}
	b.within("receive", func() {
		if n, err := c.Consumer.Receive(b.ctx(), make([]drivers.Delivery, 1)); err == nil || n > 0 || b.Context().Err() != nil {
			b.Errorf("a closed consumer received %d and %v", n, err)
		}
	})
	s := b.open()
	if err := s.Close(b.ctx()); err != nil {
		b.Fatal(err)
	}
	b.within("declare", func() {
		if err := s.Declare(b.ctx(), b.topic); err == nil {
			b.Error("a closed session declares")
		}
	})
	b.within("producer", func() {
		if _, err := s.Producer(b.ctx(), drivers.ProducerSpec{Topic: b.topic, Guarantee: b.guarantee, Window: 1}, p.ledger.settle); err == nil {
			b.Error("a closed session makes a producer")
		}
	})
}

// closeSession closes a session under a consumer that waits and a producer.
func closeSession(b *bench) {
	b.declare()
	c, p := b.consumer(0, 0), b.producer()
	received := make(chan error, 1)
	go func() {
		_, err := c.Consumer.Receive(b.Context(), make([]drivers.Delivery, 1))
		received <- err
	}()
	b.within("close session", func() {
		if err := errors.Join(c.Session.Close(b.ctx()), p.Session.Close(b.ctx())); err != nil {
			b.Errorf("close session: %v", err)
		}
	})
	select {
	case err := <-received:
		if err == nil || b.Context().Err() != nil {
			b.Errorf("the consumer of a closed session: %v", err)
		}
	case <-time.After(b.harness.Patience):
		b.Error("the consumer of a closed session still waits")
	}
	batch := []drivers.Message{p.message(0, body(1, 0))}
	p.ledger.sent(batch)
	b.within("send", func() {
		if err := p.Producer.Send(b.ctx(), batch); err == nil {
			b.Error("the producer of a closed session sends")
		}
	})
	if p.ledger.unsettled() > 0 {
		b.Error("the message is not settled")
	}
}
