package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
	"ordeal/drivers/shards"
)

// writeSize is about how many bytes of messages go into one write call.
const writeSize = 64 << 10

// refusalPatience is how long a channel may bring nothing but nacks. One that is opened between the loss of a quorum queue's leader and
// the election of another asks the lost one whether the queue takes messages, and refuses all of them for as long as its node is away
// (RabbitMQ 3.10.8: 38,763 nacks in 12 s, while new channels worked).
const refusalPatience = time.Second

// producer publishes on a channel of its own, whose confirms come back by flight. With guarantee sent there are no confirms, and a message
// is acked when it was written.
type producer struct {
	session  *session
	spec     drivers.ProducerSpec
	link     *link
	flight   *flight
	confirms bool
	fuse     ending.Fuse
	// methods are how to publish to each shard.
	methods [][]byte
	picker  shards.Picker
	content content
	// out and seats are the messages that are not written yet.
	out   []byte
	seats []seat
	// tag of the last message in out.
	tag  uint64
	quit chan struct{}
	done sync.WaitGroup
}

func newProducer(ctx context.Context, s *session, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (*producer, error) {
	if spec.ClientRetry {
		return nil, errors.New("this driver sends nothing twice by itself, so there are no client retries: use retry: {attempts: n}")
	}
	p := &producer{
		session: s, spec: spec, flight: newFlight(spec.Window, settle), fuse: ending.Fuse{Cut: s.line.cut}, quit: make(chan struct{}),
		confirms: spec.Topic.Model != drivers.Broadcast && spec.Guarantee > drivers.Sent,
	}
	p.flight.doubtful = s.doubtsNacks(spec.Topic)
	if streams(s.cfg, spec.Topic) {
		where, shards := s.where(spec.Topic), spec.Topic.Shards
		p.flight.filled = make([]bool, shards)
		p.flight.keep = func(shard int32) { s.places.keep(where, shards, shard) }
	}
	defer context.AfterFunc(ctx, s.line.cut)()
	var err error
	if p.link, err = s.open(p, p); err != nil {
		return nil, err
	}
	if p.confirms {
		if err := p.link.channel.Confirm(false); err != nil {
			p.link.close() //nolint:errcheck // what went wrong is known
			return nil, s.cause(ctx, err)
		}
	}
	p.content = content{channel: p.link.number, persistent: p.confirms, piece: s.piece}
	for shard := range spec.Topic.Shards {
		exchange, key := destination(spec.Topic, shard)
		p.methods = append(p.methods, publishFrame(p.link.number, exchange, key, p.confirms))
	}
	if p.confirms {
		p.done.Go(p.watch)
	}
	return p, nil
}

// watch ends the producer when its channel is stuck: one to a leader that was cut off may get no confirm for ever, without an error.
func (p *producer) watch() {
	patience := p.session.set.confirmTimeout
	tick := time.NewTicker(min(max(patience/10, time.Millisecond), refusalPatience/4))
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
		}
		err := p.flight.stuck(patience, refusalPatience)
		if err == nil {
			continue
		}
		if reason := p.session.blocked(); reason != "" {
			err = fmt.Errorf("%w: the broker blocks publishers: %s", err, reason)
		}
		p.link.fail(err)
		return
	}
}

// Send publishes the batch, in as few write calls as possible.
func (p *producer) Send(ctx context.Context, batch []drivers.Message) error {
	fail := func(rest []drivers.Message, err error) error {
		for i := range rest {
			p.flight.reject(rest[i].Token, err)
		}
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, err)
	}
	if err := p.fuse.Arm(ctx); err != nil {
		return fail(batch, err)
	}
	defer p.fuse.Disarm()
	if err := p.link.ended(); err != nil {
		return fail(batch, err)
	}
	for i := range batch {
		m := &batch[i]
		shard, err := p.shard(m)
		if err != nil {
			p.flight.reject(m.Token, err)
			continue
		}
		p.tag++
		p.content.method, p.content.id = p.methods[shard], p.tag
		if !p.confirms {
			p.content.id = 0
		}
		p.out = appendMessage(p.out, &p.content, m)
		p.seats = append(p.seats, seat{token: m.Token, shard: shard, size: len(m.Body), taken: true})
		if len(p.out) >= writeSize {
			if err := p.put(ctx); err != nil {
				return fail(batch[i+1:], err)
			}
		}
	}
	if err := p.put(ctx); err != nil {
		return fail(nil, err)
	}
	return nil
}

// shard of a message that can be written.
func (p *producer) shard(m *drivers.Message) (int32, error) {
	shard, err := p.picker.Pick(m, len(p.methods))
	if err != nil {
		return 0, err
	}
	if len(m.Key) > shortMax {
		return 0, errKey
	}
	for i := range m.Headers {
		if len(m.Headers[i].Name) > shortMax {
			return 0, errKey
		}
	}
	return shard, nil
}

// put writes what is in out and settles it when it fails, or when nothing will be confirmed.
func (p *producer) put(ctx context.Context) error {
	if len(p.seats) == 0 {
		return nil
	}
	defer func() {
		p.seats = p.seats[:0]
		if p.out = p.out[:0]; cap(p.out) > bytesKept {
			p.out = nil
		}
	}()
	if err := p.flight.board(p.seats); err != nil {
		return err
	}
	if _, err := p.session.line.send(p.out); err != nil {
		err = p.session.cause(ctx, fmt.Errorf("%w: %w", errLost, err))
		p.flight.end(err)
		return err
	}
	if !p.confirms {
		p.flight.confirmed(p.tag, true, true)
		p.flight.settled()
	}
	return nil
}

// confirmed implements receiver.
func (p *producer) confirmed(tag uint64, multiple, ack bool) { p.flight.confirmed(tag, multiple, ack) }

func (p *producer) returned(id []byte) { p.flight.returned(parseNumber(id)) }

func (*producer) arriving(*arrival, *properties) []byte { return nil }

func (*producer) arrived() {}

func (p *producer) settled() { p.flight.settled() }

// Flush waits for the confirms. Where there are none it waits until the broker has read everything.
func (p *producer) Flush(ctx context.Context) error {
	err := p.flight.Wait(ctx)
	if err == nil && !p.confirms && p.link.ended() == nil && p.link.sound(ctx) != nil {
		err = ctx.Err() // where the channel is over instead, everything is settled all the same
	}
	if err != nil {
		return fmt.Errorf("flush topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}

// fail is called once the channel or the connection is gone.
func (p *producer) fail(err error) { p.flight.end(err) }

// Close gives up on what is in flight.
func (p *producer) Close(ctx context.Context) error {
	if !p.session.parts.Forget(p) {
		return nil
	}
	close(p.quit)
	p.done.Wait()
	p.fuse.Release()
	p.flight.end(errClosed)
	defer context.AfterFunc(ctx, p.session.line.cut)()
	if err := p.link.close(); err != nil && ctx.Err() != nil {
		return fmt.Errorf("close the producer of topic %q: %w", p.spec.Topic.Name, ctx.Err())
	}
	return nil
}

var _ drivers.Producer = (*producer)(nil)
