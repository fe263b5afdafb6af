package nats

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"ordeal/drivers"
)

// handleBase is how handles are written in reply subjects.
const handleBase = 36

// publisher sends to a stream. Each message has a reply subject of its own under one inbox, and its answer names it by that.
type publisher struct {
	session *session
	spec    drivers.ProducerSpec
	route   route
	flight  *flight
	fuse    fuse
	inbox   *natsgo.Subscription
	// prefix is what all reply subjects begin with, ending in a dot; reply the one being made.
	prefix  int
	reply   []byte
	handles []uint64
	quit    chan struct{}
	done    chan struct{}
	once    sync.Once
}

func newPublisher(s *session, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (*publisher, error) {
	if spec.ClientRetry {
		return nil, errors.New("this driver sends nothing twice by itself, so there are no client retries: use retry: {attempts: n}")
	}
	p := &publisher{
		session: s, spec: spec, route: newRoute(spec.Topic), flight: newFlight(spec.Window, settle), fuse: fuse{cut: s.line.cut},
		reply: []byte(s.nc.NewInbox() + "."), quit: make(chan struct{}), done: make(chan struct{}),
	}
	p.prefix = len(p.reply)
	var err error
	if p.inbox, err = s.nc.Subscribe(string(p.reply)+"*", p.answer); err != nil {
		return nil, err
	}
	if err := p.inbox.SetPendingLimits(-1, -1); err != nil {
		return nil, err
	}
	if err := s.add(p); err != nil {
		return nil, err
	}
	go p.expire()
	return p, nil
}

// expire gives up on answers that do not come: an isolated leader neither answers nor disconnects.
func (p *publisher) expire() {
	defer close(p.done)
	tick := time.NewTicker(max(p.session.set.publishTimeout/10, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
			p.flight.expire()
		}
	}
}

// Send publishes the batch; the answers come by the inbox.
func (p *publisher) Send(ctx context.Context, batch []drivers.Message) error {
	if err := p.fuse.arm(ctx); err != nil {
		p.flight.refuse(batch, err)
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, err)
	}
	defer p.fuse.disarm()
	var err error
	p.handles, err = p.flight.board(p.handles[:0], batch, p.session.set.publishTimeout)
	if err != nil {
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, err)
	}
	for i := range batch {
		if err := p.publish(&batch[i], p.handles[i]); err != nil {
			p.flight.land(p.handles[i], drivers.Receipt{Outcome: publishOutcome(err), Err: err})
		}
	}
	select {
	case <-p.session.lost:
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, p.session.lostError())
	default:
		return nil
	}
}

func (p *publisher) publish(m *drivers.Message, handle uint64) error {
	subject, err := p.route.subject(m)
	if err != nil {
		return err
	}
	p.reply = strconv.AppendUint(p.reply[:p.prefix], handle, handleBase)
	if len(m.Headers) == 0 && p.session.set.dedupWindow == 0 {
		return p.session.nc.PublishRequest(subject, string(p.reply), m.Body)
	}
	msg := &natsgo.Msg{Subject: subject, Reply: string(p.reply), Data: m.Body, Header: header(m.Headers)}
	if p.session.set.dedupWindow > 0 {
		sum := fnv.New128a()
		sum.Write(m.Body)
		msg.Header.Set(natsgo.MsgIdHdr, hex.EncodeToString(sum.Sum(nil)))
	}
	return p.session.nc.PublishMsg(msg)
}

func header(in []drivers.Header) natsgo.Header {
	out := make(natsgo.Header, len(in)+1)
	for _, h := range in {
		out.Add(h.Name, string(h.Value))
	}
	return out
}

// answer settles the message that an answer is for. The library calls it from one goroutine.
func (p *publisher) answer(m *natsgo.Msg) {
	handle, err := strconv.ParseUint(m.Subject[p.prefix:], handleBase, 64)
	if err != nil {
		return // nobody but the server knows the inbox, and it writes what it read
	}
	ack, err := parseAnswer(m)
	r := drivers.Receipt{Outcome: answerOutcome(err), Err: err}
	if r.Outcome == drivers.Acked {
		r.Position = drivers.At(ack.seq)
	}
	p.flight.land(handle, r)
}

// Flush waits for the answers.
func (p *publisher) Flush(ctx context.Context) error {
	if err := p.flight.wait(ctx); err != nil {
		return fmt.Errorf("flush topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}

func (p *publisher) fail(err error) { p.flight.end(err) }

// Close gives up on what is in flight.
func (p *publisher) Close(context.Context) error {
	p.once.Do(func() {
		p.session.forget(p)
		p.flight.end(errClosed)
		close(p.quit)
		<-p.done
		p.fuse.release()
		p.inbox.Unsubscribe() //nolint:errcheck // fails only when the connection is gone, and the subscription with it
	})
	return nil
}
