package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"

	natsgo "github.com/nats-io/nats.go"

	"ordeal/drivers"
)

// caster publishes by core NATS. The server says nothing to a message, but it answers a PING after everything it read before: its PONG
// settles all that was sent before the PING.
type caster struct {
	session *session
	spec    drivers.ProducerSpec
	route   route
	settle  func(drivers.Receipt)
	fuse    fuse

	// giving is held while receipts are given, so that one goroutine at a time gives them. It is taken before mu.
	giving sync.Mutex

	mu sync.Mutex
	// tokens of what is in flight, a ring; first is the oldest's number, next that of the message after the newest.
	tokens      []uint64
	first, next uint64
	over        error
	empty       chan struct{}

	wake chan struct{}
	quit chan struct{}
	done chan struct{}
	once sync.Once
}

const (
	// settleStep is how many receipts are taken out under one lock.
	settleStep = 256
	// pings is how many PINGs may be under way.
	pings = 8
)

func newCaster(s *session, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (*caster, error) {
	size := 1024
	for size < spec.Window {
		size *= 2
	}
	c := &caster{
		session: s, spec: spec, route: newRoute(spec.Topic), settle: settle, fuse: fuse{cut: s.line.cut},
		tokens: make([]uint64, size), wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	if err := s.add(c); err != nil {
		return nil, err
	}
	go c.confirm()
	return c, nil
}

// Send publishes the batch.
func (c *caster) Send(ctx context.Context, batch []drivers.Message) error {
	err := c.fuse.arm(ctx)
	if err == nil {
		defer c.fuse.disarm()
		err = c.begin(len(batch))
	}
	if err != nil {
		c.refuse(batch, err)
		return fmt.Errorf("send to topic %q: %w", c.spec.Topic.Name, err)
	}
	sent := 0
	for i := range batch {
		if err := c.publish(&batch[i]); err != nil {
			c.push(batch[sent:i])
			c.give(drivers.Receipt{Token: batch[i].Token, Outcome: publishOutcome(err), Err: err})
			sent = i + 1
		}
	}
	c.push(batch[sent:])
	select {
	case <-c.session.lost:
		return fmt.Errorf("send to topic %q: %w", c.spec.Topic.Name, c.session.lostError())
	default:
		return nil
	}
}

func (c *caster) publish(m *drivers.Message) error {
	subject, err := c.route.subject(m)
	if err != nil {
		return err
	}
	if len(m.Headers) == 0 {
		return c.session.nc.Publish(subject, m.Body)
	}
	return c.session.nc.PublishMsg(&natsgo.Msg{Subject: subject, Data: m.Body, Header: header(m.Headers)})
}

// begin tells whether n more messages may be sent.
func (c *caster) begin(n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over == nil && int(c.next-c.first)+n > len(c.tokens) {
		return errWindow
	}
	return c.over
}

// push puts messages in flight after they were handed to the library: a PONG must not settle what its PING came before.
func (c *caster) push(batch []drivers.Message) {
	if len(batch) == 0 {
		return
	}
	c.mu.Lock()
	over := c.over
	if over == nil {
		mask := uint64(len(c.tokens) - 1)
		for i := range batch {
			c.tokens[c.next&mask] = batch[i].Token
			c.next++
		}
	}
	c.mu.Unlock()
	if over != nil { // the connection went while the batch was written
		for i := range batch {
			c.give(drivers.Receipt{Token: batch[i].Token, Err: over})
		}
		return
	}
	c.call()
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

// confirm sends PINGs for what is in flight and settles by their PONGs. With one PING at a time a full window would stand still for a
// whole round trip, so several are under way, each for an eighth of the window or, when none is, for what there is.
func (c *caster) confirm() {
	defer close(c.done)
	var pinging sync.WaitGroup
	defer pinging.Wait()
	slots := make(chan struct{}, pings)
	pinged := uint64(0)
	for {
		select {
		case <-c.quit:
			return
		case <-c.wake:
		}
		for {
			c.mu.Lock()
			mark, over := c.next, c.over
			c.mu.Unlock()
			if over != nil || mark == pinged || len(slots) > 0 && mark-pinged < uint64(max(1, c.spec.Window/pings)) {
				break
			}
			select {
			case slots <- struct{}{}:
			case <-c.quit:
				return
			}
			pinged = mark
			pinging.Go(func() {
				c.ping(mark)
				<-slots
				c.call()
			})
		}
	}
}

// ping waits for one PONG, which says that the server has read everything before message number mark.
func (c *caster) ping(mark uint64) {
	err := c.session.nc.FlushTimeout(c.session.set.publishTimeout)
	switch {
	case err == nil:
		c.settleTo(mark, drivers.Receipt{Outcome: drivers.Acked})
	case errors.Is(err, natsgo.ErrTimeout):
		c.settleTo(mark, drivers.Receipt{Err: errNoAnswer})
	default:
		c.end(c.session.lostError())
	}
}

func (c *caster) call() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// settleTo gives r to every message before number mark.
func (c *caster) settleTo(mark uint64, r drivers.Receipt) {
	c.giving.Lock()
	defer c.giving.Unlock()
	var step [settleStep]uint64
	for {
		n := 0
		c.mu.Lock()
		mask := uint64(len(c.tokens) - 1)
		for n < len(step) && c.first < mark {
			step[n] = c.tokens[c.first&mask]
			c.first++
			n++
		}
		c.mu.Unlock()
		for i, token := range step[:n] {
			r.Token, r.More = token, i < n-1
			c.settle(r)
		}
		if n < len(step) {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == c.next && c.empty != nil {
		close(c.empty)
		c.empty = nil
	}
}

// end settles what is left as Unknown and lets nothing start any more. Only the first reason counts.
func (c *caster) end(err error) {
	c.mu.Lock()
	if c.over == nil {
		c.over = err
	}
	err, mark := c.over, c.next
	c.mu.Unlock()
	c.settleTo(mark, drivers.Receipt{Err: err})
}

func (c *caster) fail(err error) { c.end(err) }

// Flush waits for the PONG after the last message.
func (c *caster) Flush(ctx context.Context) error {
	c.mu.Lock()
	if c.first == c.next {
		c.mu.Unlock()
		c.giving.Lock()   // what was taken out of flight may still be on its way to settle
		c.giving.Unlock() //nolint:staticcheck // see above
		return ctx.Err()
	}
	if c.empty == nil {
		c.empty = make(chan struct{})
	}
	empty := c.empty
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return fmt.Errorf("flush topic %q: %w", c.spec.Topic.Name, ctx.Err())
	case <-empty:
		return nil
	}
}

// Close gives up on what is in flight. The confirming goroutine may wait for a PONG a little longer.
func (c *caster) Close(ctx context.Context) error {
	c.once.Do(func() {
		c.session.forget(c)
		c.end(errClosed)
		close(c.quit)
		c.fuse.release()
		select {
		case <-c.done:
		case <-ctx.Done():
		}
	})
	return nil
}
