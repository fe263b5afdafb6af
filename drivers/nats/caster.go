package nats

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// caster publishes by core NATS. The server says nothing to a message, but it answers a PING after everything it read before: its PONG
// settles all that was sent before the PING, which goes out with the batch.
type caster struct {
	session *session
	spec    drivers.ProducerSpec
	route   route
	wire    *wire
	settle  func(drivers.Receipt)
	fuse    ending.Fuse

	// giving is held while receipts are given, so that one goroutine at a time gives them. It is taken before the lock of Unsettled.
	giving sync.Mutex

	ending.Unsettled
	// tokens of what is in flight, a ring; first is the oldest's number, next that of the message after the newest.
	tokens      []uint64
	first, next uint64
	// pings are those without a PONG, oldest first; pinged is up to where they reach.
	pings  []ping
	pinged uint64

	done chan struct{}
	once sync.Once
}

// ping is a PING under way: its PONG says that the server has read every message before number mark.
type ping struct {
	mark uint64
	sent time.Time
}

const (
	// settleStep is how many receipts are taken out under one lock.
	settleStep = 256
	// pingShare is the part of a window that is worth another PING while one is under way: with one at a time a full window would stand still
	// for a whole round trip.
	pingShare = 8
)

func newCaster(ctx context.Context, s *session, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (*caster, error) {
	size := 1024
	for size < spec.Window {
		size *= 2
	}
	w, err := s.dialWire(ctx)
	if err != nil {
		return nil, err
	}
	c := &caster{
		session: s, spec: spec, route: newRoute(spec.Topic), wire: w, settle: settle, fuse: ending.Fuse{Cut: w.close},
		tokens: make([]uint64, size), done: make(chan struct{}),
	}
	if err := s.add(c); err != nil {
		w.close()
		return nil, err
	}
	go c.run()
	return c, nil
}

// run reads PONGs until the connection ends.
func (c *caster) run() {
	defer close(c.done)
	c.wire.ponged = c.ponged
	err := c.wire.serve(c.session.set.publishTimeout, c.expire, func(*frame) {}, func() {})
	c.wire.close()
	c.end(lost(err))
}

// Send publishes the batch.
func (c *caster) Send(ctx context.Context, batch []drivers.Message) error {
	err := c.fuse.Arm(ctx)
	if err == nil {
		defer c.fuse.Disarm()
		err = c.begin(len(batch))
	}
	if err != nil {
		c.refuse(batch, err)
		return fmt.Errorf("send to topic %q: %w", c.spec.Topic.Name, err)
	}
	sent := 0
	c.wire.begin()
	for i := range batch {
		if err := c.publish(&batch[i]); err != nil {
			c.push(batch[sent:i])
			c.give(drivers.Receipt{Token: batch[i].Token, Outcome: publishOutcome(err), Err: err})
			sent = i + 1
		}
	}
	c.push(batch[sent:])
	c.ping()
	if err := c.wire.end(); err != nil {
		return fmt.Errorf("send to topic %q: %w", c.spec.Topic.Name, lost(err))
	}
	return nil
}

func (c *caster) publish(m *drivers.Message) error {
	subject, err := c.route.subject(m)
	if err != nil {
		return err
	}
	return c.wire.publish(subject, nil, m.Headers, m.Body)
}

// begin tells whether n more messages may be sent.
func (c *caster) begin(n int) error {
	c.Lock()
	defer c.Unlock()
	over := c.Over()
	if over == nil && int(c.next-c.first)+n > len(c.tokens) {
		return errWindow
	}
	return over
}

// push puts messages in flight that are about to be written, or were already. No PING that is under way reaches them.
func (c *caster) push(batch []drivers.Message) {
	if len(batch) == 0 {
		return
	}
	c.Lock()
	over := c.Over()
	if over == nil {
		c.Add(len(batch))
		mask := uint64(len(c.tokens) - 1)
		for i := range batch {
			c.tokens[c.next&mask] = batch[i].Token
			c.next++
		}
	}
	c.Unlock()
	if over != nil { // the connection went while the batch was written
		for i := range batch {
			c.give(drivers.Receipt{Token: batch[i].Token, Err: over})
		}
	}
}

// ping adds a PING for what has none yet, when none is under way or enough has come together. The wire is in a batch.
func (c *caster) ping() {
	c.Lock()
	defer c.Unlock()
	fresh := c.next - c.pinged
	if c.Over() != nil || fresh == 0 || len(c.pings) > 0 && fresh < uint64(max(1, c.spec.Window/pingShare)) {
		return
	}
	c.wire.say("PING")
	c.pings = append(c.pings, ping{mark: c.next, sent: time.Now()})
	c.pinged = c.next
}

// ponged settles what the oldest PING was for, and asks for what has come since when no other PING is under way.
func (c *caster) ponged() {
	c.Lock()
	if len(c.pings) == 0 {
		c.Unlock()
		return
	}
	mark := c.pings[0].mark
	c.pings = c.pings[:copy(c.pings, c.pings[1:])]
	idle := len(c.pings) == 0 && c.next != c.pinged
	c.Unlock()
	c.settleTo(mark, drivers.Receipt{Outcome: drivers.Acked})
	if idle {
		c.wire.begin()
		c.ping()
		c.wire.end() //nolint:errcheck // the connection is gone, as the reading goroutine sees at once
	}
}

// expire gives up what a PING has waited for too long. Its PONG may still come, and settles nobody then; until it does it is owed.
func (c *caster) expire() debt {
	limit := time.Now().Add(-c.session.set.publishTimeout)
	var mark uint64
	c.Lock()
	for _, p := range c.pings {
		if p.sent.Before(limit) {
			mark = p.mark
		}
	}
	owed := nothing
	if len(c.pings) > 0 {
		owed = pong
	}
	c.Unlock()
	c.settleTo(mark, drivers.Receipt{Err: errNoAnswer})
	return owed
}

func (c *caster) give(r drivers.Receipt) {
	c.giving.Lock()
	defer c.giving.Unlock()
	c.settle(r)
}

func (c *caster) refuse(batch []drivers.Message, err error) {
	for i := range batch {
		c.give(drivers.Receipt{Token: batch[i].Token, Outcome: drivers.Rejected, Err: err})
	}
}

// settleTo gives r to every message before number mark.
func (c *caster) settleTo(mark uint64, r drivers.Receipt) {
	c.giving.Lock()
	defer c.giving.Unlock()
	var step [settleStep]uint64
	for {
		n := 0
		c.Lock()
		mask := uint64(len(c.tokens) - 1)
		for n < len(step) && c.first < mark {
			step[n] = c.tokens[c.first&mask]
			c.first++
			n++
		}
		c.Unlock()
		for i, token := range step[:n] {
			r.Token, r.More = token, i < n-1
			c.settle(r)
		}
		if n < len(step) {
			break
		}
	}
	c.Lock()
	defer c.Unlock()
	c.Done(c.Count() - int(c.next-c.first)) // all that was taken out
}

// end settles what is left as Unknown and lets nothing start any more. Only the first reason counts.
func (c *caster) end(err error) {
	c.Lock()
	c.Stop(err)
	err, mark := c.Over(), c.next
	c.Unlock()
	c.settleTo(mark, drivers.Receipt{Err: err})
}

func (c *caster) fail(err error) {
	c.end(err)
	c.wire.close()
}

// Flush waits for the PONG after the last message.
func (c *caster) Flush(ctx context.Context) error {
	if err := c.Wait(ctx); err != nil {
		return fmt.Errorf("flush topic %q: %w", c.spec.Topic.Name, err)
	}
	return nil
}

// Close gives up on what is in flight.
func (c *caster) Close(context.Context) error {
	c.once.Do(func() {
		c.session.parts.Forget(c)
		c.end(errClosed)
		c.wire.close()
		<-c.done
		c.fuse.Release()
	})
	return nil
}
