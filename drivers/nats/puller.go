package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"ordeal/drivers"
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
	// pullPause lies between requests that were refused, as while a leader is elected.
	pullPause = 100 * time.Millisecond
	// refusalCheck is after how many refusals in a row the consumer is looked for: asking may take a while where nobody leads.
	refusalCheck = 10
)

// puller is a member of a group that reads a stream.
type puller struct {
	session *session
	spec    drivers.ConsumerSpec
	mode    ackMode
	inbox   *inbox
	sub     *natsgo.Subscription
	drained chan struct{}
	once    sync.Once
	fuse    fuse

	api    string // subject of pull requests
	prefix string // of their reply subjects
	limit  int    // the prefetch

	// mu guards what follows, for a session that is closed while its consumer receives; it is not held while anybody waits.
	mu    sync.Mutex
	pulls []pull // outstanding, oldest first; the server serves them in this order
	last  uint64 // number of the last request
	open  int    // messages that outstanding requests may still bring
	// heard is when the server last showed that it knows the requests; silence is how long it may be quiet.
	heard   time.Time
	silence time.Duration
	// refused tells that a request was, and refusals how many since a message came.
	refused  bool
	refusals int
	held     held
}

// pull is a request that may still bring some messages.
type pull struct {
	number uint64
	left   int
}

var (
	_ drivers.Consumer = (*puller)(nil)
	_ drivers.Nacker   = (*puller)(nil)
)

func newPuller(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*puller, error) {
	if _, err := s.consumerInfo(ctx, spec.Topic, spec.Group.Name); err != nil {
		return nil, err
	}
	c := &puller{
		session: s, spec: spec, mode: ackModeOf(spec.Topic, spec.Group), inbox: newInbox(), drained: make(chan struct{}),
		fuse: fuse{cut: s.line.cut}, api: "$JS.API.CONSUMER.MSG.NEXT." + spec.Topic.Name + "." + spec.Group.Name,
		prefix: s.nc.NewInbox() + ".", limit: prefetch(spec.Group), silence: pullSilence,
	}
	var err error
	if c.sub, err = s.nc.Subscribe(c.prefix+"*", c.inbox.push); err != nil {
		return nil, err
	}
	c.sub.SetClosedHandler(func(string) { close(c.drained) })
	if err := c.sub.SetPendingLimits(-1, -1); err != nil {
		return nil, err
	}
	if err := s.add(c); err != nil {
		return nil, err
	}
	return c, nil
}

// Receive keeps requests open and returns what arrives.
func (c *puller) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if len(dst) == 0 {
		return 0, ctx.Err()
	}
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := c.receive(ctx, dst)
		if n > 0 {
			return n, nil
		}
		if err != nil {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			return 0, fmt.Errorf("receive from topic %q as %q: %w", c.spec.Topic.Name, c.spec.Group.Name, err)
		}
	}
}

func (c *puller) receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	patience, err := c.prepare(ctx)
	if err != nil {
		return 0, err
	}
	if patience > 0 {
		if err := c.inbox.wait(ctx, patience); err != nil {
			return 0, err
		}
	}
	n := c.collect(dst)
	if n > 0 && c.mode == ackArrival {
		return n, c.acknowledge(ctx, dst[:n])
	}
	return n, nil
}

// prepare sees to the requests and returns how long to wait for messages, 0 when there are some.
func (c *puller) prepare(ctx context.Context) (patience time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused {
		c.refused = false
		c.refusals++
		if c.refusals%refusalCheck == 0 {
			return 0, c.exists(ctx)
		}
		return pullPause, nil
	}
	quiet := time.Since(c.heard)
	if len(c.pulls) > 0 && quiet >= c.silence && !c.inbox.waiting() {
		c.pulls, c.open = nil, 0
		c.silence = min(2*c.silence, maxPullSilence)
	}
	if err := c.ask(ctx); err != nil || c.inbox.ready() {
		return 0, err
	}
	if len(c.pulls) == 0 {
		return c.silence, nil // all that may be is with us: only an ack makes room
	}
	return max(c.silence-time.Since(c.heard), time.Millisecond), nil
}

// collect makes deliveries of what is there.
func (c *puller) collect(dst []drivers.Delivery) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	heard := false
	for n < len(dst) {
		m := c.inbox.pop()
		if m == nil {
			break
		}
		heard = true
		if c.take(m, &dst[n]) {
			n++
		}
	}
	if heard {
		c.heard, c.silence = time.Now(), pullSilence
	}
	if n > 0 {
		c.refusals = 0
	}
	return n
}

// ask opens another request when there is room for at least half of the prefetch.
func (c *puller) ask(ctx context.Context) error {
	room := c.limit - c.open - c.held.count
	if room < max(1, c.limit/2) {
		return nil
	}
	if err := c.fuse.arm(ctx); err != nil {
		return err
	}
	defer c.fuse.disarm()
	c.last++
	request := fmt.Appendf(nil, `{"batch":%d,"expires":%d,"idle_heartbeat":%d}`, room, pullExpires, pullHeartbeat)
	if err := c.session.nc.PublishRequest(c.api, c.prefix+strconv.FormatUint(c.last, 10), request); err != nil {
		return err
	}
	if len(c.pulls) == 0 {
		c.heard = time.Now()
	}
	c.pulls = append(c.pulls, pull{number: c.last, left: room})
	c.open += room
	return nil
}

// take makes a delivery of m, or notes what the server says about a request.
func (c *puller) take(m *natsgo.Msg, d *drivers.Delivery) bool {
	meta, ok := parseMetadata(m.Reply)
	if !ok {
		c.status(m)
		return false
	}
	if len(c.pulls) > 0 {
		c.open--
		if c.pulls[0].left--; c.pulls[0].left == 0 {
			c.pulls = c.pulls[1:]
		}
	}
	*d = drivers.Delivery{
		Shard: shardOf(m.Subject), Position: drivers.At(meta.seq), Body: m.Data,
		Redelivered: meta.delivered > 1, Attempt: int(meta.delivered),
	}
	if c.mode != ackNever {
		d.Tag = c.held.put(m)
	}
	return true
}

// status notes the end of a request. Heartbeats only show that it is alive; all else ends it, after an error with a pause.
func (c *puller) status(m *natsgo.Msg) {
	status := m.Header.Get("Status")
	if status == "100" || len(m.Subject) <= len(c.prefix) {
		return
	}
	number, err := strconv.ParseUint(m.Subject[len(c.prefix):], 10, 64)
	if err != nil {
		return
	}
	if status != "408" && status != "404" { // expired, and empty, are ends in good order
		c.refused = true
	}
	for i, p := range c.pulls {
		if p.number == number {
			c.open -= p.left
			c.pulls = append(c.pulls[:i], c.pulls[i+1:]...)
			return
		}
	}
}

// exists tells, after a refusal, whether there is a consumer to ask at all. Whoever cannot answer is asked again later.
func (c *puller) exists(ctx context.Context) error {
	if _, err := c.session.consumerInfo(ctx, c.spec.Topic, c.spec.Group.Name); absent(err) {
		return err
	}
	return nil
}

var (
	ackBody  = []byte("+ACK")  //nolint:gochecknoglobals // a constant that Go cannot declare as one
	nakBody  = []byte("-NAK")  //nolint:gochecknoglobals // likewise
	termBody = []byte("+TERM") //nolint:gochecknoglobals // likewise
)

// Ack acknowledges each message by its own reply subject; the library writes them out together.
func (c *puller) Ack(ctx context.Context, ds []drivers.Delivery) error {
	if c.mode != ackAfter {
		return nil
	}
	return c.acknowledge(ctx, ds)
}

func (c *puller) acknowledge(ctx context.Context, ds []drivers.Delivery) error {
	if err := c.answer(ctx, ds, ackBody); err != nil {
		return fmt.Errorf("ack to topic %q as %q: %w", c.spec.Topic.Name, c.spec.Group.Name, err)
	}
	return nil
}

// Nack makes the broker deliver ds again at once, or never.
func (c *puller) Nack(ctx context.Context, ds []drivers.Delivery, requeue bool) error {
	if c.mode != ackAfter {
		return nil
	}
	body := termBody
	if requeue {
		body = nakBody
	}
	if err := c.answer(ctx, ds, body); err != nil {
		return fmt.Errorf("nack to topic %q as %q: %w", c.spec.Topic.Name, c.spec.Group.Name, err)
	}
	return nil
}

func (c *puller) answer(ctx context.Context, ds []drivers.Delivery, body []byte) error {
	if err := c.fuse.arm(ctx); err != nil {
		return err
	}
	defer c.fuse.disarm()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range ds {
		m := c.held.remove(ds[i].Tag)
		if m == nil {
			continue // it was answered before
		}
		if err := c.session.nc.Publish(m.Reply, body); err != nil {
			return err
		}
	}
	return nil
}

func (c *puller) fail(err error) { c.inbox.end(err) }

// Close gives back what is unacknowledged, and what was on its way when it was called.
func (c *puller) Close(ctx context.Context) error {
	var err error
	c.once.Do(func() {
		c.session.forget(c)
		err = c.leave(ctx)
		c.inbox.end(errClosed)
		c.fuse.release()
	})
	if err != nil {
		return fmt.Errorf("leave topic %q as %q: %w", c.spec.Topic.Name, c.spec.Group.Name, err)
	}
	return nil
}

func (c *puller) leave(ctx context.Context) error {
	select {
	case <-c.session.lost:
		return nil // nothing can be given back, and nothing has to be freed
	default:
	}
	if err := c.sub.Drain(); err != nil {
		return ignoreLost(err)
	}
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	if err := c.session.nc.FlushWithContext(ctx); err != nil {
		return ignoreLost(err)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.session.lost:
		return nil
	case <-c.drained:
	}
	if c.mode == ackNever {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for m := c.inbox.pop(); m != nil; m = c.inbox.pop() {
		if _, ok := parseMetadata(m.Reply); ok {
			c.held.put(m)
		}
	}
	for _, m := range c.held.all() {
		if err := c.session.nc.Publish(m.Reply, nakBody); err != nil {
			return ignoreLost(err)
		}
	}
	return ignoreLost(c.session.nc.FlushWithContext(ctx))
}

// ignoreLost lets a goodbye to nobody pass.
func ignoreLost(err error) error {
	if errors.Is(err, natsgo.ErrConnectionClosed) {
		return nil
	}
	return err
}
