package rabbitmq

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// member is a consumer of streams: it reads the shards that its group gives it, each from the group's place on. An acknowledgement moves
// the place, and tells the broker only that it may send more. There is no Nack, because a stream has none.
type member struct {
	session *session
	spec    drivers.ConsumerSpec
	group   *group
	// core does what concerns the channel: it holds deliveries and writes acknowledgements. It is not known as a part of the session.
	core *consumer
	// before acknowledges on arrival.
	before  bool
	dropped []drivers.Delivery
	// listener is told the shards; the group's lock protects it.
	listener func([]int32)

	// kicked holds a token when the shares have changed; quit ends the goroutine that minds them.
	kicked chan struct{}
	quit   chan struct{}
	done   sync.WaitGroup

	mu sync.Mutex
	// readings by tag, those that are about to end with them.
	readings map[uint64]*reading
	tags     uint64
}

// newMember returns when the broker has a consumer on every shard that fell to the member.
func newMember(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*member, error) {
	m := &member{
		session: s, spec: spec, group: s.places.group(s.where(spec.Topic), spec.Group.Name, spec.Topic.Shards),
		core: &consumer{
			session: s, spec: spec, inbox: newInbox(), fuse: ending.Fuse{Cut: s.line.cut}, reads: ending.Fuse{Cut: s.line.interrupt},
		},
		before: spec.Group.Ack == drivers.AckBefore,
		kicked: make(chan struct{}, 1), quit: make(chan struct{}), readings: map[uint64]*reading{},
	}
	defer context.AfterFunc(ctx, s.line.cut)()
	var err error
	if m.core.link, err = s.open(m, m); err != nil {
		return nil, err
	}
	m.core.acks = newAcks(s.line.send, m.core.link.number, s.prefetch(spec))
	err = m.core.link.channel.Qos(s.prefetch(spec), 0, false)
	if err == nil {
		m.group.join(m)
		err = m.mind()
	}
	if err != nil {
		m.group.leave(m)
		s.parts.Forget(m)
		m.core.link.close() //nolint:errcheck // what went wrong is known
		return nil, s.cause(ctx, err)
	}
	m.done.Go(m.run)
	return m, nil
}

// run begins and ends readings as the shares change.
func (m *member) run() {
	for {
		select {
		case <-m.quit:
			return
		case <-m.kicked:
		}
		if m.core.link.ended() != nil {
			continue
		}
		if err := m.mind(); err != nil {
			m.core.link.fail(fmt.Errorf("%w: %w", errChannel, m.session.cause(context.Background(), err)))
		}
	}
}

// kick is called with the group's lock held.
func (m *member) kick() {
	select {
	case m.kicked <- struct{}{}:
	default:
	}
}

// tell is called with the group's lock held.
func (m *member) tell(shards []int32) {
	if m.listener != nil {
		m.listener(shards)
	}
}

// mind makes the broker's consumers those that the group wants.
func (m *member) mind() error {
	m.core.link.calls.Lock()
	defer m.core.link.calls.Unlock()
	m.mu.Lock()
	now := make([]*reading, 0, len(m.readings))
	for _, r := range m.readings {
		now = append(now, r)
	}
	m.mu.Unlock()
	begin, end := m.group.wanted(m, now, func() uint64 { m.tags++; return m.tags })
	m.mu.Lock()
	for _, r := range begin { // first, because deliveries may come before the broker's answer is read
		m.readings[r.tag] = r
	}
	m.mu.Unlock()
	channel := m.core.link.channel
	for _, r := range end {
		if err := channel.Cancel(strconv.FormatUint(r.tag, 10), false); err != nil {
			return err
		}
		m.mu.Lock()
		delete(m.readings, r.tag)
		m.mu.Unlock()
	}
	queues := streamQueues(m.spec.Topic)
	for _, r := range begin {
		args := amqp.Table{"x-stream-offset": int64(r.next)}
		if _, err := channel.Consume(queues[r.shard], strconv.FormatUint(r.tag, 10), false, false, false, false, args); err != nil {
			return fmt.Errorf("stream %q: %w", queues[r.shard], err)
		}
	}
	return nil
}

// arriving implements receiver.
func (m *member) arriving(d *arrival, p *properties) []byte {
	m.mu.Lock()
	r := m.readings[parseNumber(d.consumer)]
	m.mu.Unlock()
	m.core.acks.came(d.tag)
	out := drivers.Delivery{Shard: drivers.AnyShard, Position: streamPosition(p.offset), Tag: d.tag}
	if r != nil { // else it was sent before its reading ended
		out.Shard, out.Ref = r.shard, r
	}
	return m.core.inbox.begin(&out, p.key, int(p.size))
}

// streamPosition is the place of a message in its stream, by x-stream-offset.
func streamPosition(offset int64) drivers.Position {
	if offset < 0 {
		return drivers.Position{}
	}
	return drivers.At(uint64(offset))
}

func (m *member) arrived() { m.core.inbox.end() }

func (m *member) settled() { m.core.inbox.wake() }

func (*member) confirmed(uint64, bool, bool) {}

func (*member) returned([]byte) {}

// Receive waits for deliveries of the member's shards.
func (m *member) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	for {
		all, err := m.core.Receive(ctx, dst)
		ds := dst[:all]
		m.dropped = m.dropped[:0]
		for i := range ds {
			if !ds[i].Position.Known {
				return 0, fmt.Errorf("receive from topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, errOffset)
			}
		}
		var n int
		n, m.dropped = m.group.receive(ds, m.dropped, m.before)
		if m.before {
			m.dropped = append(m.dropped, ds[:n]...)
		}
		if err == nil && len(m.dropped) > 0 {
			err = m.core.Ack(ctx, m.dropped)
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Ack moves the group's place, then lets the broker send more.
func (m *member) Ack(ctx context.Context, ds []drivers.Delivery) error {
	if m.before {
		return nil
	}
	m.group.ack(ds)
	return m.core.Ack(ctx, ds)
}

// OnRebalance has f told the member's shards; see drivers.Rebalancer.
func (m *member) OnRebalance(f func(shards []int32)) { m.group.watch(m, f) }

// fail is called once the channel or the connection is gone: the others take over.
func (m *member) fail(err error) {
	m.core.fail(err)
	m.group.leave(m)
}

// Close gives the member's shards to the others.
func (m *member) Close(ctx context.Context) error {
	if !m.session.parts.Forget(m) {
		return nil
	}
	m.group.leave(m)
	m.core.fuse.Release()
	m.core.reads.Release()
	m.core.end(errClosed, true) // first, so that the line is read on
	defer context.AfterFunc(ctx, m.session.line.cut)()
	m.core.acks.close()
	close(m.quit)
	m.done.Wait()
	if err := m.core.link.close(); err != nil && ctx.Err() != nil {
		return fmt.Errorf("close the consumer of topic %q: %w", m.spec.Topic.Name, ctx.Err())
	}
	return nil
}

var (
	_ drivers.Consumer   = (*member)(nil)
	_ drivers.Rebalancer = (*member)(nil)
	_ receiver           = (*member)(nil)
)
