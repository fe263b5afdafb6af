package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
	"ordeal/drivers/ending"
)

// ackMode is what a consumer does about acks.
type ackMode uint8

const (
	// ackAfter waits for Ack.
	ackAfter ackMode = iota
	// ackNever has none (NOACK): a log's group that acknowledges before its work.
	ackNever
	// ackArrival acknowledges before it hands out: a queue's such group, because only what is acknowledged leaves a queue.
	ackArrival
)

func ackModeOf(t drivers.Topic, g drivers.Group) ackMode {
	switch {
	case g.Ack == drivers.AckAfter:
		return ackAfter
	case t.Model == drivers.Queue:
		return ackArrival
	default:
		return ackNever
	}
}

// defaultPrefetch is for a group without one, which is never without a bound.
const defaultPrefetch = 1000

// member reads the streams of a topic for one member of a consumer group. Whoever receives reads its connection; a goroutine of its own
// sees to it that the others of the group know that the member lives, and looks after them (claim.go), by the session's control line.
type member struct {
	session *session
	spec    drivers.ConsumerSpec
	mode    ackMode
	// name within the group, of this life: what an earlier one had still asked for may reach the server when a network lets it through, and
	// must not come to a name that is alive, or nobody would claim it.
	name   string
	route  route
	shards map[string]int32
	limit  int
	block  string // how long a fetch waits, in milliseconds
	intake *intake
	fuse   ending.Fuse
	acks   acks
	hush   hush
	care   care
	once   sync.Once

	// What follows is that of who has the intake's turn.
	seats seats
	// plain counts the replies to acks that must come first, fetches those to fetches, which may have so many messages as was asked for.
	plain, fetches int
	asked          [2]int
	// open is how many messages the fetches may bring, what of them was not handed out included.
	open int
	page page
	// arriving are those of a queue that acknowledges on arrival whose acks are on their way, if arrived. ready can be handed out.
	arriving, ready []drivers.Delivery
	arrived         bool
	turn            int // of fetch, the shard to begin with
	vain            int // streams in a row that had nothing, or more
	lull            lull
	looking         bool
	scratch         []byte

	// owed tells that a fetch is under way.
	owed atomic.Bool
	// request has the room for what a look claims, report what became of it.
	request chan int
	report  chan sight
	done    chan struct{}
}

var (
	_ drivers.Consumer = (*member)(nil)
	_ drivers.Nacker   = (*member)(nil)
)

func newMember(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*member, error) {
	w, err := s.access.dialWire(ctx, s.control.server)
	if err != nil {
		return nil, err
	}
	m := &member{
		session: s, spec: spec, mode: ackModeOf(spec.Topic, spec.Group), name: memberName(spec.Member, w.id),
		route: newRoute(spec.Topic), limit: spec.Group.Prefetch, intake: newIntake(w), fuse: ending.Fuse{Cut: w.cut},
		request: make(chan int, 1), report: make(chan sight, 1), done: make(chan struct{}),
	}
	m.shards = m.route.shards()
	m.care = newCare(s.access.set.claimIdle)
	m.block = milliseconds(m.care.every)
	if m.limit < 1 {
		m.limit = defaultPrefetch
	}
	if err = m.join(ctx); err == nil {
		err = s.parts.Add(m)
	}
	if err != nil {
		w.cut()
		return nil, err
	}
	go m.keep()
	return m, nil
}

// join makes sure that there is a group to read as: a server that came back without its data has none, and an application would make it
// again, too. What earlier lives of this member left unacknowledged is given back first, so that it is delivered again and counted.
func (m *member) join(ctx context.Context) error {
	if err := m.session.declareGroup(ctx, m.session.control, m.spec.Topic, m.spec.Group.Name); err != nil {
		return err
	}
	if m.mode == ackNever {
		return nil
	}
	if m.spec.Topic.Model != drivers.Queue {
		if err := m.listen(ctx); err != nil {
			return err
		}
	}
	return m.inherit(ctx)
}

// listen finds out whether a log's acks can do without answers.
func (m *member) listen(ctx context.Context) (err error) {
	within, cancel := context.WithTimeout(ctx, m.session.access.set.answerTimeout)
	defer cancel()
	defer context.AfterFunc(within, m.intake.wire.cut)()
	m.hush, err = m.intake.wire.hush()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case within.Err() != nil:
		return errNoAnswer
	default:
		return cutOff(nil, err)
	}
}

// Receive reads what was fetched, and fetches.
func (m *member) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if len(dst) == 0 {
		return 0, ctx.Err()
	}
	n, err := m.receive(ctx, dst)
	switch {
	case err == nil:
		return n, nil
	case n == 0 && ctx.Err() != nil:
		return 0, ctx.Err()
	case !errors.Is(err, errClosed):
		err = advised(err)
		m.intake.end(err)
	}
	return n, fmt.Errorf("receive from topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, err)
}

func (m *member) receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if err := m.intake.enter(ctx); err != nil {
		return 0, err
	}
	defer m.intake.leave()
	m.intake.within.Store(true)
	defer m.intake.within.Store(false)
	for {
		n, err := m.collect(dst)
		if n > 0 || err != nil {
			return n, err
		}
		read := true
		if m.fetches == 0 {
			if read, err = m.prepare(ctx); err != nil {
				return 0, err
			}
		}
		if !read {
			continue
		}
		if err := m.intake.read(); err != nil && !errors.Is(err, ending.ErrLapsed) {
			return 0, err
		}
	}
}

// prepare sees to what is to be done while nothing is fetched, and tells whether anything is to be waited for after that.
func (m *member) prepare(ctx context.Context) (wait bool, err error) {
	room := m.room()
	switch {
	case len(m.arriving) > 0:
		return m.arrive(ctx)
	case m.mode != ackNever && (m.looking || m.care.due()):
		return false, m.attend(ctx)
	case m.enough(room):
		return true, m.ask(ctx, room)
	default:
		m.intake.reads.Until(m.care.next)
		return true, nil
	}
}

// enough tells whether there is room for a fetch. Room for less than a quarter of the prefetch is left alone, or a busy group would fetch
// its messages one by one.
func (m *member) enough(room int) bool { return room >= max(1, m.limit/4) }

// room is how many more messages this member may have.
func (m *member) room() int {
	return m.limit - m.open - m.seats.count - len(m.ready) - len(m.arriving)
}

// collect makes deliveries of what is there.
func (m *member) collect(dst []drivers.Delivery) (n int, err error) {
	if len(m.ready) > 0 {
		n = copy(dst, m.ready)
		m.ready = m.ready[n:]
	}
	for n < len(dst) && err == nil {
		if m.page.asked > 0 {
			var more int
			more, err = m.read(dst[n:])
			if m.mode == ackArrival {
				m.hold(dst[n : n+more])
			} else {
				n += more
			}
			continue
		}
		var reply []byte
		if reply, err = m.intake.wire.next(); reply == nil {
			break
		}
		err = m.heed(reply)
	}
	for i := range dst[:n] {
		switch m.mode {
		case ackAfter:
			dst[i].Tag = m.seats.take()
		case ackNever:
			dst[i].Attempt = 0 // nobody counts
		case ackArrival:
		}
	}
	return n, err
}

// heed takes a reply, which are in the order of what was written: acks, then fetches.
func (m *member) heed(reply []byte) error {
	switch {
	case m.plain > 0:
		m.plain--
		return errorOf(reply)
	case m.fetches > 0:
		return m.turnPage(reply)
	default:
		return fmt.Errorf("%w: %.40q answers nothing", errReply, reply)
	}
}

// hold keeps ds until they are acknowledged, when what they refer to is gone.
func (m *member) hold(ds []drivers.Delivery) {
	for _, d := range ds {
		d.Body, d.Key = bytes.Clone(d.Body), bytes.Clone(d.Key)
		m.arriving = append(m.arriving, d)
	}
}

// arrive acknowledges what has arrived, and hands it out when the server has answered.
func (m *member) arrive(ctx context.Context) (wait bool, err error) {
	switch {
	case !m.arrived:
		m.arrived = true
		for i := range m.arriving {
			m.acks.add(&m.arriving[i], len(m.route.keys))
		}
		return true, m.send(ctx)
	case m.plain > 0:
		return true, nil
	default:
		m.ready, m.arriving, m.arrived = append(m.ready, m.arriving...), nil, false
		return false, nil
	}
}

// send writes the acks that have come together.
func (m *member) send(ctx context.Context) error {
	if err := m.fuse.Arm(ctx); err != nil {
		return err
	}
	defer m.fuse.Disarm()
	m.intake.wire.begin()
	m.plain += m.acknowledge()
	return m.finished(m.intake.wire.end())
}

// Ack acknowledges, with one XACK for each shard. In a queue the entries are deleted in the same transaction. See acks for when it is sent.
func (m *member) Ack(ctx context.Context, ds []drivers.Delivery) error {
	return m.finish(ctx, "ack", ds)
}

// Nack makes ds come again at once, or drops them.
func (m *member) Nack(ctx context.Context, ds []drivers.Delivery, requeue bool) error {
	if !requeue {
		return m.finish(ctx, "nack", ds)
	}
	if m.mode != ackAfter {
		return nil
	}
	if err := m.intake.enter(ctx); err != nil {
		return m.failed("nack", err)
	}
	defer m.intake.leave()
	ids := make([][]string, len(m.route.keys))
	for i := range ds {
		if d := &ds[i]; m.vacate(d) {
			ids[d.Shard] = append(ids[d.Shard], string(appendID(nil, d.Position)))
		}
	}
	var commands []rueidis.Completed
	for shard := range ids {
		if len(ids[shard]) > 0 {
			commands = append(commands, m.returnTo(m.route.keys[shard], ids[shard]))
		}
	}
	if err := run(ctx, m.session.control, commands); err != nil {
		return m.failed("nack", err)
	}
	m.care.now.Store(true)
	return nil
}

func (m *member) failed(what string, err error) error {
	return fmt.Errorf("%s to topic %q as %q: %w", what, m.spec.Topic.Name, m.spec.Group.Name, err)
}

// vacate gives the seat of d back; false when it was answered before.
func (m *member) vacate(d *drivers.Delivery) bool {
	return d.Shard >= 0 && int(d.Shard) < len(m.route.keys) && m.seats.leave(d.Tag)
}

func (m *member) finish(ctx context.Context, what string, ds []drivers.Delivery) error {
	if m.mode != ackAfter {
		return nil
	}
	if err := m.intake.enter(ctx); err != nil {
		return m.failed(what, err)
	}
	defer m.intake.leave()
	m.acks.mu.Lock()
	for i := range ds {
		if m.vacate(&ds[i]) {
			m.acks.add(&ds[i], len(m.route.keys))
		}
	}
	m.acks.mu.Unlock()
	room := m.room()
	if m.fetches > 0 || m.looking || m.care.due() || !m.enough(room) {
		m.acks.arm(m.flushLate)
		return nil
	}
	if err := m.ask(ctx, room); err != nil {
		return m.failed(what, err)
	}
	return nil
}

func run(ctx context.Context, l *line, commands []rueidis.Completed) error {
	if len(commands) == 0 {
		return ctx.Err()
	}
	replies, err := l.do(ctx, commands...)
	if err != nil {
		return err
	}
	for i := range replies {
		if err := replies[i].Error(); err != nil {
			return err
		}
	}
	return nil
}

// Close gives back what is unacknowledged.
func (m *member) Close(ctx context.Context) error {
	var err error
	m.once.Do(func() {
		m.session.parts.Forget(m)
		if err = m.leave(ctx); err != nil {
			err = fmt.Errorf("leave topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, err)
		}
	})
	return err
}

func (m *member) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	control := m.session.control
	release := context.AfterFunc(ctx, func() {
		m.intake.wire.cut()
		control.cut() // a look that is under way waits for it, or late acks
	})
	defer release()
	m.intake.close()
	defer m.intake.leave()
	healthy := m.gather(ctx)
	<-m.done
	m.acks.stop()
	m.intake.end(errClosed)
	m.fuse.Release()
	if !healthy || control.lost() || m.mode == ackNever {
		return nil // nothing can be given back; the others will claim it
	}
	err := m.flush(ctx)
	if err == nil {
		err = m.giveBackAll(ctx)
	}
	if err != nil && (control.lost() || final(err)) {
		return nil //nolint:nilerr // likewise
	}
	return err
}

// gather waits for the end of what is fetched, which the server counts as delivered. It is false when the connection is gone.
func (m *member) gather(ctx context.Context) bool {
	if m.intake.lost() {
		return false
	}
	if m.fetches > 0 && !m.session.control.lost() {
		m.session.control.ask(ctx, "CLIENT", "UNBLOCK", m.intake.wire.id) //nolint:errcheck // without it the fetch ends by itself a moment later
	}
	w := m.intake.wire
	w.conn.SetReadDeadline(time.Time{}) //nolint:errcheck // fails only when the connection is gone, which the read tells
	for range m.plain + m.fetches {
		if _, err := w.await(); err != nil {
			return false
		}
	}
	return true
}
