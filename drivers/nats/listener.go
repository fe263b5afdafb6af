package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// Subscriptions of a listener: the messages, and the echoes of its soundings.
const (
	sidMessages = 1
	sidEchoes   = 2
)

// listener is a member of a group that reads a broadcast: a core subscription in a queue group.
type listener struct {
	session *session
	spec    drivers.ConsumerSpec
	intake  *intake
	// inbox is where echoes come to.
	inbox string
	// early is what arrived before Consumer returned.
	early []drivers.Delivery
	// parsed counts what was taken from the network, by who has the turn; returned what Receive has given out.
	parsed   uint64
	returned atomic.Uint64

	// mu guards who waits: for PONGs, oldest first, and for echoes.
	mu     sync.Mutex
	pongs  []chan uint64
	echoes map[string]chan uint64
	number int
	once   sync.Once

	// next is when the connection is looked after again, by who has the turn.
	next time.Time
}

var (
	_ drivers.Consumer = (*listener)(nil)
	_ drivers.Fencer   = (*listener)(nil)
)

// newListener returns once every server that it can reach sends what is published there.
func newListener(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*listener, error) {
	w, err := s.dialWire(ctx)
	if err != nil {
		return nil, err
	}
	l := &listener{session: s, spec: spec, inbox: s.nc.NewInbox(), echoes: make(map[string]chan uint64)}
	w.begin()
	w.say(fmt.Sprintf("SUB %s %s %d", allSubjects(spec.Topic), spec.Group.Name, sidMessages))
	w.say(fmt.Sprintf("SUB %s.* %d", l.inbox, sidEchoes))
	if err := w.end(); err != nil {
		w.close()
		return nil, err
	}
	w.asking = func() { l.expect() }
	l.intake = newIntake(w)
	if err = s.add(l); err == nil {
		err = l.settle(ctx)
	}
	if err != nil {
		l.leave()
		return nil, err
	}
	return l, nil
}

// settle sounds out the servers, and reads meanwhile.
func (l *listener) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	reading, stop := context.WithCancel(ctx)
	sounded := make(chan error, 1)
	go func() {
		_, err := l.sound(ctx)
		sounded <- err
		stop()
	}()
	var err error
	dst := make([]drivers.Delivery, receiveEarly)
	for err == nil {
		var n int
		n, err = l.receive(reading, dst)
		for _, d := range dst[:n] {
			d.Body = append([]byte(nil), d.Body...)
			l.early = append(l.early, d)
		}
	}
	if reading.Err() == nil {
		l.intake.end(err)
		cancel()
	}
	if failed := <-sounded; failed != nil {
		return errors.Join(failed, ignoreContext(err))
	}
	return nil
}

// receiveEarly is how many deliveries are taken at once while a listener begins.
const receiveEarly = 64

// ignoreContext lets the end of a context pass, which somebody else tells.
func ignoreContext(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// Receive returns what arrived.
func (l *listener) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if len(dst) == 0 || ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if len(l.early) > 0 {
		n := copy(dst, l.early)
		l.early = l.early[n:]
		l.returned.Add(uint64(n))
		return n, nil
	}
	n, err := l.receive(ctx, dst)
	l.returned.Add(uint64(n))
	if err == nil || ctx.Err() != nil && n == 0 {
		return n, errors.Join(err, ctx.Err())
	}
	if !errors.Is(err, errClosed) {
		l.intake.end(err)
	}
	return n, fmt.Errorf("receive from topic %q: %w", l.spec.Topic.Name, lost(err))
}

func (l *listener) receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if err := l.intake.enter(ctx); err != nil {
		return 0, err
	}
	defer l.intake.leave()
	for {
		if n, err := l.collect(dst); n > 0 || err != nil {
			return n, err
		}
		if l.next.IsZero() {
			l.next = time.Now().Add(lookPause)
		}
		l.intake.reads.Until(l.next)
		err := l.intake.read()
		if errors.Is(err, ending.ErrLapsed) {
			l.next = time.Time{}
			err = l.intake.wire.look(answers, listenerLooks) // who sends nothing owes nothing, and is asked with a PING
		}
		if err != nil {
			return 0, err
		}
	}
}

// collect makes deliveries of what was read.
func (l *listener) collect(dst []drivers.Delivery) (n int, err error) {
	var f frame
	for n < len(dst) {
		op, err := l.intake.wire.next(&f)
		if err != nil {
			return n, err
		}
		switch op {
		case opNone:
			return n, nil
		case opPing:
			if err := l.intake.wire.tell("PONG"); err != nil {
				return n, err
			}
		case opPong:
			l.ponged()
		case opMessage:
			if f.sid == sidEchoes {
				l.echoed(string(f.body))
				continue
			}
			dst[n] = drivers.Delivery{Shard: shardOf(f.subject), Body: f.body}
			n++
			l.parsed++
		}
	}
	return n, nil
}

// Ack does nothing: core NATS has no acks.
func (l *listener) Ack(context.Context, []drivers.Delivery) error {
	if l.intake.reads.Closed() {
		return errClosed
	}
	return nil
}

// Fence sounds out the servers and waits until Receive has returned what came before their echoes.
func (l *listener) Fence(ctx context.Context) error {
	if err := l.fence(ctx); err != nil {
		return fmt.Errorf("fence topic %q: %w", l.spec.Topic.Name, err)
	}
	return nil
}

// fencePoll is how often a fence looks whether Receive has come far enough.
const fencePoll = 10 * time.Millisecond

func (l *listener) fence(ctx context.Context) error {
	before, err := l.sound(ctx)
	if err != nil {
		return err
	}
	tick := time.NewTicker(fencePoll)
	defer tick.Stop()
	for l.returned.Load() < before {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.intake.gone:
			return l.intake.why
		case <-tick.C:
		}
	}
	return nil
}

func (l *listener) fail(err error) { l.intake.end(err) }

// Close leaves the group.
func (l *listener) Close(context.Context) error {
	l.leave()
	return nil
}

func (l *listener) leave() {
	l.once.Do(func() {
		l.session.parts.Forget(l)
		l.intake.close()
		defer l.intake.leave()
		l.intake.wire.tell("UNSUB 1") //nolint:errcheck // fails only when the connection is gone, and the subscription with it
		l.intake.end(errClosed)
	})
}
