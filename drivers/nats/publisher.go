package nats

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// handleBase is how handles are written in reply subjects.
const handleBase = 36

// publisher sends to a stream. Each message under way has a reply subject of its own under one inbox, and its answer names it by that. Send
// writes in the caller's goroutine; one goroutine reads answers and settles them, all that one read brought under one lock.
type publisher struct {
	session *session
	spec    drivers.ProducerSpec
	route   route
	wire    *wire
	flight  *flight
	fuse    ending.Fuse
	// prefix is what all reply subjects begin with, ending in a dot; reply the one being made.
	prefix  int
	reply   []byte
	handles []uint64
	done    chan struct{}
	once    sync.Once
}

func newPublisher(ctx context.Context, s *session, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (*publisher, error) {
	if spec.ClientRetry {
		return nil, errors.New("this driver sends nothing twice by itself, so there are no client retries: use retry: {attempts: n}")
	}
	w, err := s.dialWire(ctx)
	if err != nil {
		return nil, err
	}
	p := &publisher{
		session: s, spec: spec, route: newRoute(spec.Topic), wire: w, flight: newFlight(spec.Window, s.set.dedupWindow > 0, settle),
		fuse: ending.Fuse{Cut: w.close}, reply: []byte(s.nc.NewInbox() + "."), done: make(chan struct{}),
	}
	p.prefix = len(p.reply)
	if err := w.tell("SUB " + string(p.reply) + "* 1"); err != nil {
		w.close()
		return nil, err
	}
	if err := s.add(p); err != nil {
		w.close()
		return nil, err
	}
	go p.run()
	return p, nil
}

// run reads answers until the connection ends.
func (p *publisher) run() {
	defer close(p.done)
	landing := make([]landing, 0, 256)
	err := p.wire.serve(p.session.set.publishTimeout, p.flight.expire, func(f *frame) {
		handle, ok := parseHandle(f.subject[min(p.prefix, len(f.subject)):])
		if !ok {
			return // nobody but the server knows the inbox, and it writes what it read
		}
		ack, err := parseAnswer(f.header, f.body)
		r := drivers.Receipt{Outcome: answerOutcome(err), Err: err}
		if r.Outcome == drivers.Rejected && p.spec.Topic.Replicas > 1 && scarce(err) {
			r.Outcome = drivers.Unknown
		}
		if r.Outcome == drivers.Acked {
			r.Position = drivers.At(ack.seq)
		}
		landing = append(landing, landed(handle, r))
	}, func() {
		p.flight.land(landing)
		landing = landing[:0]
	})
	p.wire.close()
	p.flight.end(lost(err))
}

// serve is the loop of a goroutine that does nothing but read: message gets what arrives, and read is called after everything that one read
// brought. Every so often in patience idle is called, and says what the server owes. It returns why nothing comes any more, which may be
// that nothing came for silenceLimit and for patience.
func (w *wire) serve(patience time.Duration, idle func() debt, message func(f *frame), read func()) error {
	every := max(patience/looks, time.Millisecond)
	most := int(max(patience, silenceLimit)/every) + 1
	next := time.Now().Add(every)
	w.conn.SetReadDeadline(next) //nolint:errcheck // fails only when the connection is gone, which the read tells
	var f frame
	for {
		op, err := w.next(&f)
		switch {
		case err != nil:
			read()
			return err
		case op == opMessage:
			message(&f)
			continue
		case op == opPing:
			if err := w.tell("PONG"); err != nil {
				return err
			}
			continue
		case op == opPong:
			w.ponged()
			continue
		}
		read()
		err = w.fill()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = w.look(idle(), most)
			next = time.Now().Add(every)
			w.conn.SetReadDeadline(next) //nolint:errcheck // likewise
		}
		if err != nil {
			return err
		}
	}
}

// Send publishes the batch; the answers come by the inbox.
func (p *publisher) Send(ctx context.Context, batch []drivers.Message) error {
	if err := p.fuse.Arm(ctx); err != nil {
		p.flight.refuse(batch, err)
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, err)
	}
	defer p.fuse.Disarm()
	var err error
	p.handles, err = p.flight.board(p.handles[:0], batch, p.session.set.publishTimeout)
	if err != nil {
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, err)
	}
	p.wire.begin()
	for i := range batch {
		if err := p.publish(&batch[i], p.handles[i]); err != nil {
			p.flight.land([]landing{landed(p.handles[i], drivers.Receipt{Outcome: publishOutcome(err), Err: err})})
		}
	}
	if err := p.wire.end(); err != nil {
		return fmt.Errorf("send to topic %q: %w", p.spec.Topic.Name, lost(err))
	}
	return nil
}

func (p *publisher) publish(m *drivers.Message, handle uint64) error {
	subject, err := p.route.subject(m)
	if err != nil {
		return err
	}
	p.reply = strconv.AppendUint(p.reply[:p.prefix], handle, handleBase)
	headers := m.Headers
	if p.session.set.dedupWindow > 0 {
		sum := fnv.New128a()
		name := m.Body
		if len(name) > drivers.Retried {
			name = name[drivers.Retried:]
		}
		sum.Write(name)
		id := hex.EncodeToString(sum.Sum(nil))
		headers = append(headers[:len(headers):len(headers)], drivers.Header{Name: natsgo.MsgIdHdr, Value: []byte(id)})
	}
	return p.wire.publish(subject, p.reply, headers, m.Body)
}

// parseHandle reads what publish wrote behind the prefix.
func parseHandle(digits []byte) (handle uint64, ok bool) {
	for _, c := range digits {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'z':
			c -= 'a' - 10
		default:
			return 0, false
		}
		handle = handle*handleBase + uint64(c)
	}
	return handle, len(digits) > 0 && len(digits) <= 13
}

// Flush waits for the answers.
func (p *publisher) Flush(ctx context.Context) error {
	if err := p.flight.Wait(ctx); err != nil {
		return fmt.Errorf("flush topic %q: %w", p.spec.Topic.Name, err)
	}
	return nil
}

func (p *publisher) fail(err error) {
	p.flight.end(err)
	p.wire.close()
}

// Close gives up on what is in flight.
func (p *publisher) Close(context.Context) error {
	p.once.Do(func() {
		p.session.parts.Forget(p)
		p.flight.end(errClosed)
		p.wire.close()
		<-p.done
		p.fuse.Release()
	})
	return nil
}
