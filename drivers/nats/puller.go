package nats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

const (
	// pullExpires is how long the server keeps a request open.
	pullExpires = 30 * time.Second
	// pullHeartbeat is how often an idle server shows that it still knows a request.
	pullHeartbeat = 500 * time.Millisecond
	// pullSilence is how long nothing may come before the requests are taken for lost. It doubles while they stay without an
	// answer, so that a server that is paused does not find many of them when it wakes up.
	pullSilence    = 5 * pullHeartbeat / 2
	maxPullSilence = 20 * time.Second
	// lastLook is how long a server that seems to be gone has for what it has sent meanwhile to be read, where nobody has received.
	lastLook = 50 * time.Millisecond
	// pullPause lies between requests that were refused, as while a leader is elected.
	pullPause = 100 * time.Millisecond
	// ackPause is how long acks wait for others, or for a request, to be written with: a write costs as much as a dozen acks.
	ackPause = 5 * time.Millisecond
	// refusalCheck is after how many refusals in a row the consumer is looked for: asking may take a while where nobody leads.
	refusalCheck = 10
)

// puller is a member of a group that reads a stream.
type puller struct {
	session *session
	spec    drivers.ConsumerSpec
	// name is the consumer's on the server.
	name   string
	mode   ackMode
	intake *intake
	once   sync.Once
	fuse   ending.Fuse

	api    string // subject of pull requests
	prefix string // of their reply subjects
	limit  int    // the prefetch, or the most that the server gives for one request
	// replay tells that nobody but this consumer reads, apart from all groups.
	replay bool

	// What follows is that of who has the intake's turn.
	pulls []pull // outstanding, oldest first; the server serves them in this order
	last  uint64 // number of the last request
	open  int    // messages that outstanding requests may still bring
	// heard is when the server last showed that it knows the requests; silence is how long it may be quiet.
	heard   time.Time
	silence time.Duration
	// pings are the PINGs without a PONG. asked is when the last one was written and quiet how much had been read then, doubted that what has
	// come since is about to be read.
	pings   int
	asked   time.Time
	quiet   uint64
	doubted bool
	// refused tells that a request was, and refusals how many since a message came; missing that the consumer is said to be gone, and barred
	// why no request will ever be served.
	refused  bool
	refusals int
	missing  bool
	barred   error
	held     held
	reply    []byte
	// turn is the number of the last message of a replay, as the server counts them.
	turn uint64
	// pending are the acks on the wire that are not written yet, and due is when they are.
	pending int
	due     time.Time
}

var (
	_ drivers.Consumer = (*puller)(nil)
	_ drivers.Nacker   = (*puller)(nil)
)

func newPuller(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*puller, error) {
	info, err := s.consumerInfo(ctx, spec.Topic, spec.Group.Name)
	if err != nil {
		return nil, err
	}
	c := &puller{
		session: s, spec: spec, name: spec.Group.Name, mode: ackModeOf(spec.Topic, spec.Group),
		limit: atMost(prefetch(spec.Group), info.Config),
	}
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// connect makes the connection for the messages of the consumer that c names.
func (c *puller) connect(ctx context.Context) error {
	w, err := c.session.dialWire(ctx)
	if err != nil {
		return err
	}
	c.fuse.Cut, c.silence = w.close, pullSilence
	c.api = "$JS.API.CONSUMER.MSG.NEXT." + c.spec.Topic.Name + "." + c.name
	c.prefix = c.session.nc.NewInbox() + "."
	if err := w.tell("SUB " + c.prefix + "* 1"); err != nil {
		w.close()
		return err
	}
	c.intake = newIntake(w)
	if err := c.session.add(c); err != nil {
		c.intake.end(err)
		<-c.intake.done
		return err
	}
	return nil
}

// Receive keeps requests open and returns what arrives.
func (c *puller) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if len(dst) == 0 {
		return 0, ctx.Err()
	}
	n, err := c.receive(ctx, dst)
	if err == nil || ctx.Err() != nil && n == 0 {
		return n, errors.Join(err, ctx.Err())
	}
	if !errors.Is(err, errClosed) {
		c.intake.end(err)
	}
	return n, fmt.Errorf("receive from topic %q as %q: %w", c.spec.Topic.Name, c.spec.Group.Name, lost(err))
}

func (c *puller) receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if err := c.intake.enter(ctx); err != nil {
		return 0, err
	}
	defer c.intake.leave()
	for {
		n, err := c.collect(dst)
		if err != nil {
			return n, err
		}
		if n > 0 {
			if c.mode == ackArrival {
				return n, c.acknowledge(ctx, dst[:n])
			}
			return n, nil
		}
		patience, err := c.prepare(ctx)
		if err != nil {
			return 0, err
		}
		if c.pending > 0 && c.due.Before(patience) {
			patience = c.due
		}
		c.intake.reads.Until(patience)
		if err := c.intake.read(); err != nil && !errors.Is(err, ending.ErrLapsed) {
			return 0, err
		}
	}
}

// prepare sees to the requests and returns until when to wait for messages.
func (c *puller) prepare(ctx context.Context) (time.Time, error) {
	now := time.Now()
	if c.barred != nil {
		return now, c.barred
	}
	if c.pending > 0 && !now.Before(c.due) {
		if err := c.write(ctx); err != nil {
			return now, err
		}
	}
	if c.missing || c.refused && c.refusals%refusalCheck == refusalCheck-1 {
		c.missing = false
		if err := c.exists(ctx); err != nil {
			return now, err
		}
	}
	if c.refused {
		c.refused = false
		c.refusals++
		return now.Add(pullPause), nil
	}
	switch silent := c.mute() && now.Sub(c.asked) >= silenceLimit; {
	case silent && c.doubted:
		return now, errSilent
	case silent:
		c.doubted = true
		return now.Add(lastLook), nil
	}
	c.doubted = false
	if len(c.pulls) > 0 && now.Sub(c.heard) >= c.silence {
		c.pulls, c.open = nil, 0
		c.silence = min(2*c.silence, maxPullSilence)
		if err := c.ping(ctx); err != nil {
			return now, err
		}
	}
	if err := c.ask(ctx); err != nil {
		return now, err
	}
	patience := c.heard.Add(c.silence)
	if len(c.pulls) == 0 {
		patience = now.Add(c.silence) // all that may be is with us: only an ack makes room
	}
	if end := c.asked.Add(silenceLimit); c.mute() && end.Before(patience) {
		patience = end
	}
	return patience, nil
}

// mute tells that nothing has come since the last PING.
func (c *puller) mute() bool { return c.pings > 0 && c.intake.wire.heard == c.quiet }

// ping asks whether the server is there, unless it has been asked: requests may stay without an answer although it is, as where nobody
// leads.
func (c *puller) ping(ctx context.Context) error {
	if c.mute() {
		return nil
	}
	if err := c.fuse.Arm(ctx); err != nil {
		return err
	}
	defer c.fuse.Disarm()
	c.pending = 0
	c.pings++
	c.asked, c.quiet = time.Now(), c.intake.wire.heard
	return c.intake.wire.tell("PING")
}

// collect makes deliveries of what was read.
func (c *puller) collect(dst []drivers.Delivery) (n int, err error) {
	heard := false
	var f frame
	for n < len(dst) {
		op, err := c.intake.wire.next(&f)
		if err != nil {
			return n, err
		}
		if op == opNone {
			break
		}
		switch op {
		case opPing:
			if err := c.intake.wire.tell("PONG"); err != nil {
				return n, err
			}
		case opPong:
			c.pings--
		case opMessage:
			heard = true
			if !c.take(&f, &dst[n]) {
				continue
			}
			if err := c.unbroken(f.reply); err != nil {
				return n, err
			}
			n++
		}
	}
	if heard {
		c.heard, c.silence = time.Now(), pullSilence
	}
	if n > 0 {
		c.refusals = 0
	}
	return n, nil
}

// write sends the acks that wait.
func (c *puller) write(ctx context.Context) error {
	if err := c.fuse.Arm(ctx); err != nil {
		return err
	}
	defer c.fuse.Disarm()
	c.pending = 0
	c.intake.wire.begin()
	return c.intake.wire.end()
}

// take makes a delivery of f, or notes what the server says about a request.
func (c *puller) take(f *frame, d *drivers.Delivery) bool {
	meta, ok := parseMetadata(f.reply)
	if !ok {
		c.status(f)
		return false
	}
	if len(c.pulls) > 0 {
		c.open--
		if c.pulls[0].left--; c.pulls[0].left == 0 {
			c.pulls = c.pulls[:copy(c.pulls, c.pulls[1:])]
		}
	}
	*d = drivers.Delivery{
		Shard: shardOf(f.subject), Position: drivers.At(meta.seq), Body: f.body,
		Redelivered: meta.delivered > 1, Attempt: int(meta.delivered),
	}
	if c.replay {
		d.Redelivered, d.Attempt = false, 0
	}
	if c.mode != ackNever {
		d.Tag = c.held.put(f.reply, meta.seq)
	}
	return true
}

// unbroken tells that a replay has had every message until this one. Nothing is given again where nothing is acknowledged: what the server
// gave while the way from the consumer's node was broken is gone, and must not be taken for a hole in the log.
func (c *puller) unbroken(reply []byte) error {
	if !c.replay {
		return nil
	}
	before := c.turn
	if c.turn = turn(string(reply)); c.turn != before+1 {
		return fmt.Errorf("%w: number %d came after %d", errGap, c.turn, before)
	}
	return nil
}

var (
	ackBody  = []byte("+ACK")  //nolint:gochecknoglobals // a constant that Go cannot declare as one
	nakBody  = []byte("-NAK")  //nolint:gochecknoglobals // likewise
	termBody = []byte("+TERM") //nolint:gochecknoglobals // likewise
)

// Ack acknowledges each message by its own reply subject. Acks are written a few milliseconds later, many in one write; see rests.
func (c *puller) Ack(ctx context.Context, ds []drivers.Delivery) error {
	return c.settle(ctx, "ack", ds, ackBody, true)
}

func (c *puller) acknowledge(ctx context.Context, ds []drivers.Delivery) error {
	if err := c.answer(ctx, ds, ackBody, false); err != nil {
		return fmt.Errorf("ack to topic %q as %q: %w", c.spec.Topic.Name, c.spec.Group.Name, err)
	}
	return nil
}

// Nack makes the broker deliver ds again at once, or never.
func (c *puller) Nack(ctx context.Context, ds []drivers.Delivery, requeue bool) error {
	if requeue {
		return c.settle(ctx, "nack", ds, nakBody, false)
	}
	return c.settle(ctx, "nack", ds, termBody, false)
}

func (c *puller) settle(ctx context.Context, what string, ds []drivers.Delivery, body []byte, rest bool) error {
	if c.mode != ackAfter {
		return nil
	}
	err := c.intake.enter(ctx)
	if err == nil {
		err = c.answer(ctx, ds, body, rest)
		c.intake.leave()
	}
	if err != nil {
		return fmt.Errorf("%s to topic %q as %q: %w", what, c.spec.Topic.Name, c.spec.Group.Name, err)
	}
	return nil
}

// answer writes the answers, or lets them rest if it may, and with the room that they make the next request. The caller has the intake's
// turn.
func (c *puller) answer(ctx context.Context, ds []drivers.Delivery, body []byte, rest bool) error {
	if err := c.fuse.Arm(ctx); err != nil {
		return err
	}
	defer c.fuse.Disarm()
	wire := c.intake.wire
	wire.begin()
	if c.pending == 0 {
		c.due = time.Now().Add(ackPause)
	}
	var failed error
	for i := range ds {
		if subject := c.held.remove(ds[i].Tag); subject != nil && failed == nil { // else it was answered before
			failed = wire.answer(subject, body)
			c.pending++
		}
	}
	room := c.limit - c.open - c.held.count
	switch {
	case failed == nil && !c.refused && room >= max(1, c.limit/2):
		failed = c.request(room)
	case failed == nil && rest && c.rests():
		return wire.rest()
	}
	c.pending = 0
	if err := wire.end(); err != nil {
		return lost(err)
	}
	return failed
}

// rests tells whether the acks on the wire may wait for others. Whoever reads next writes them when they are due, and everything that is
// written before that takes them along; so does a goodbye. A crash before that has the server deliver again what was acknowledged within
// the pause. They do not wait where the server might: it sends nothing more once a whole prefetch is unanswered.
func (c *puller) rests() bool {
	return c.pending > 0 && 4*c.pending < c.limit && time.Now().Before(c.due)
}

func (c *puller) fail(err error) { c.intake.end(err) }

// Close gives back what is unacknowledged, and what was on its way when it was called.
func (c *puller) Close(ctx context.Context) error {
	var err error
	c.once.Do(func() {
		c.session.parts.Forget(c)
		c.intake.close()
		defer c.intake.leave()
		err = c.leave(ctx)
		c.intake.end(errClosed)
		c.fuse.Release()
		if c.replay && err == nil && c.session.usableNow() {
			err = c.forget(ctx)
		}
	})
	if err != nil {
		return fmt.Errorf("leave topic %q as %q: %w", c.spec.Topic.Name, c.spec.Group.Name, err)
	}
	return nil
}

// leave says goodbye. A connection that is gone needs none.
func (c *puller) leave(ctx context.Context) error {
	wire := c.intake.wire
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	release := context.AfterFunc(ctx, wire.close)
	defer release()
	wire.conn.SetReadDeadline(time.Time{}) //nolint:errcheck // fails only when the connection is gone, which the read tells
	if wire.tell("UNSUB 1") != nil || !c.gather() {
		return ctx.Err()
	}
	if c.mode == ackNever || c.held.count == 0 {
		return nil
	}
	wire.begin()
	for _, subject := range c.held.all() {
		wire.answer(subject, nakBody) //nolint:errcheck // end tells
	}
	if wire.end() != nil || !c.gather() {
		return ctx.Err()
	}
	return nil
}

// gather reads until the server has answered a PING, and holds what still comes. It is false when the connection is gone.
func (c *puller) gather() bool {
	wire := c.intake.wire
	c.pings++
	if wire.tell("PING") != nil {
		return false
	}
	var f frame
	for {
		switch op, err := wire.next(&f); {
		case err != nil:
			return false
		case op == opPong:
			if c.pings--; c.pings == 0 { // that of an earlier PING says nothing of what came after it
				return true
			}
		case op == opMessage && c.mode != ackNever:
			if meta, ok := parseMetadata(f.reply); ok {
				c.held.put(f.reply, meta.seq)
			}
		case op == opNone:
			if wire.fill() != nil {
				return false
			}
		}
	}
}
