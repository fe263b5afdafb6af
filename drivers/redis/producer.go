package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// producer sends to streams, to lists, or to the channels of a broadcast. Send writes in the caller's goroutine, whatever is on its way
// already; one goroutine reads replies and settles them, all that one read brought at once.
type producer struct {
	session  *session
	spec     drivers.ProducerSpec
	wire     *wire
	route    route
	stencils []stencil
	flight   *flight
	fuse     ending.Fuse
	// largest is how long a body may be, in bytes.
	largest int
	// routed and tokens are Send's scratch.
	routed []int32
	tokens []uint64
	// landing are the receipts that the reading goroutine has not given yet; ending is why the producer is of no more use once what is in
	// flight is answered.
	landing []drivers.Receipt
	ending  error
	confirm *confirm
	// heard counts reads, for watch.
	heard atomic.Uint64
	stall stall
	watch *time.Timer

	mu sync.Mutex
	// cause is why the connection was cut, nil where it went by itself.
	cause error
	done  chan struct{}
	once  sync.Once
}

func newProducer(ctx context.Context, s *session, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (*producer, error) {
	if spec.ClientRetry {
		return nil, errors.New("this driver sends nothing twice by itself, so there are no client retries: use retry: {attempts: n}")
	}
	confirm, err := confirmation(s, spec)
	if err != nil {
		return nil, err
	}
	largest, err := s.largest(ctx)
	if err != nil {
		return nil, err
	}
	w, err := s.access.dialWire(ctx, s.control.server)
	if err != nil {
		return nil, err
	}
	p := &producer{
		session: s, spec: spec, wire: w, route: newRoute(spec.Topic), flight: newFlight(spec.Window, settle), fuse: ending.Fuse{Cut: w.cut},
		largest: largest, confirm: confirm, done: make(chan struct{}),
	}
	for _, key := range p.route.keys {
		p.stencils = append(p.stencils, s.access.set.stencil(spec.Topic, key))
	}
	if err := s.parts.Add(p); err != nil {
		w.cut()
		return nil, err
	}
	patience := s.access.set.answerTimeout
	if confirm != nil {
		patience += s.access.set.waitTimeout
	}
	every := max(patience/stallLooks, time.Millisecond)
	p.mu.Lock()
	p.watch = time.AfterFunc(every, func() { p.look(every) })
	p.mu.Unlock()
	go p.run()
	return p, nil
}

// stallLooks is how often is looked in the time after which a connection without an answer is given up.
const stallLooks = 8

// look cuts the connection when no answer comes.
func (p *producer) look(every time.Duration) {
	if p.stall.over(p.heard.Load(), p.flight.open() > 0, stallLooks) {
		p.cut(errNoAnswer)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == nil {
		p.watch.Reset(every)
	}
}

// cut ends the connection for a reason. Only the first counts.
func (p *producer) cut(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == nil {
		p.cause = cause
		p.watch.Stop()
	}
	p.wire.cut()
}

// defaultLargest is proto-max-bulk-len where it cannot be asked: the default of all versions.
const defaultLargest = 512 << 20

// largest asks for proto-max-bulk-len.
func (s *session) largest(ctx context.Context) (int, error) {
	f, err := s.configFact(ctx, s.control, "proto-max-bulk-len", "", "")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(f.Have)
	if err != nil || n < 1 {
		return defaultLargest, nil //nolint:nilerr // it may not be asked
	}
	return n, nil
}

// waitaofSince is the first version with WAITAOF.
const waitaofSince = "7.2"

// Send writes the batch, and may block for the kernel's buffer. When ctx ends then, part of a command may be out, so that the connection is
// cut.
func (p *producer) Send(ctx context.Context, batch []drivers.Message) error {
	err := p.fuse.Arm(ctx)
	if err == nil {
		defer p.fuse.Disarm()
		p.accept(batch)
		err = p.write(batch)
	} else {
		for i := range batch {
			p.flight.refuse(batch[i].Token, err)
		}
	}
	if err != nil {
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}

// refusedShard stands for a message that is not sent.
const refusedShard = -1

// accept finds out where each message goes, and refuses what can go nowhere.
func (p *producer) accept(batch []drivers.Message) {
	p.routed, p.tokens = p.routed[:0], p.tokens[:0]
	for i := range batch {
		shard, err := p.route.shard(&batch[i])
		if len(batch[i].Body) > p.largest {
			err = errTooLarge
		}
		if err != nil {
			p.flight.refuse(batch[i].Token, err)
			shard = refusedShard
		} else {
			p.tokens = append(p.tokens, batch[i].Token)
		}
		p.routed = append(p.routed, shard)
	}
}

// write puts what was accepted in flight and on the wire.
func (p *producer) write(batch []drivers.Message) error {
	p.wire.begin()
	if err := p.flight.board(p.tokens); err != nil {
		p.wire.mu.Unlock()
		for _, token := range p.tokens {
			p.flight.refuse(token, err)
		}
		return err
	}
	for i := range batch {
		if shard := p.routed[i]; shard != refusedShard {
			p.stencils[shard].add(p.wire, &batch[i])
		}
	}
	p.ask()
	err := p.wire.end()
	for err == nil && p.unasked() { // the answer to the last question came while this one wrote
		p.wire.begin()
		p.ask()
		err = p.wire.end()
	}
	if err != nil {
		return cutOff(p.reason(), err)
	}
	return nil
}

func (p *producer) reason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cause
}

// run reads replies until the connection ends.
func (p *producer) run() {
	defer close(p.done)
	err := p.read()
	err = cutOff(p.reason(), err)
	p.flight.close(err)
	p.cut(err)
	p.wire.begin() // what Send still reads is not settled
	defer p.wire.mu.Unlock()
	p.flight.end(err)
}

func (p *producer) read() error {
	for {
		reply, err := p.wire.next()
		if err == nil && reply != nil {
			err = p.take(reply)
			if err == nil {
				continue
			}
		}
		if p.confirm == nil { // else the confirmation settles
			err = errors.Join(err, p.land())
		}
		switch {
		case err != nil:
			return err
		case p.ending != nil && p.flight.open() == 0:
			return p.ending
		}
		if err := p.wire.fill(); err != nil {
			return err
		}
		p.heard.Add(1)
	}
}

// take reads one reply.
func (p *producer) take(reply []byte) error {
	if p.confirm != nil {
		if answered, err := p.confirmed(reply); answered {
			return err
		}
	}
	r := receipt(reply)
	if final(r.Err) {
		p.end(r.Err)
	}
	p.landing = append(p.landing, r)
	return nil
}

// end lets nothing start any more, while what is in flight is still answered.
func (p *producer) end(err error) {
	if p.ending == nil {
		p.ending = err
		p.flight.close(err)
	}
}

// land gives the receipts that have come together.
func (p *producer) land() error {
	if len(p.landing) == 0 {
		return nil
	}
	err := p.flight.land(p.landing)
	clear(p.landing)
	p.landing = p.landing[:0]
	return err
}

// receipt reads the reply to an XADD, which is the id of the new entry, to an RPUSH, which is the length of the list, or to a PUBLISH,
// which is the number of listeners.
func receipt(reply []byte) drivers.Receipt {
	c := cursor(reply)
	kind, text, count := c.value()
	switch {
	case kind == ':':
		return drivers.Receipt{Outcome: drivers.Acked}
	case kind == '$' && count >= 0:
		if position, ok := parsePosition(text); ok {
			return drivers.Receipt{Outcome: drivers.Acked, Position: position}
		}
		return drivers.Receipt{Err: fmt.Errorf("%w: entry id %.40q", errReply, text)}
	}
	if err := errorOf(reply); err != nil {
		return drivers.Receipt{Outcome: outcome(err), Err: err}
	}
	return drivers.Receipt{Err: fmt.Errorf("%w: %.40q", errReply, reply)}
}

// Flush waits for the replies.
func (p *producer) Flush(ctx context.Context) error {
	if err := p.flight.Wait(ctx); err != nil {
		return fmt.Errorf("flush topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}

// Close cuts the connection; what had no reply yet is unknown.
func (p *producer) Close(context.Context) error {
	p.once.Do(func() {
		p.session.parts.Forget(p)
		p.flight.close(errClosed)
		p.cut(errClosed)
		<-p.done
		p.fuse.Release()
	})
	return nil
}
