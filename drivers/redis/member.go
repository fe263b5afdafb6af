package redis

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
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

// member reads the streams of a topic for one member of a consumer group. One goroutine of its own fetches (fetch.go) and looks after the
// other members (claim.go) on the line; acks go over the session's control line, because the line may be waiting for messages.
type member struct {
	session *session
	spec    drivers.ConsumerSpec
	mode    ackMode
	line    *line
	// name within the group, and id of the line's connection on the server.
	name, id string
	route    route
	shards   map[string]int32
	limit    int
	inbox    *inbox
	care     care
	turn     int // of fetch, the shard to begin with

	// mu guards seats: the fetching goroutine takes them, Ack gives them back.
	mu    sync.Mutex
	seats seats
	// ids is the scratch of Nack and of arrivals: the entry ids of each shard, written one after another into text.
	ids  [][]string
	text []byte
	// acks wait to be sent; along is the fetching goroutine's scratch for them.
	acks  acks
	along bundle

	wake chan struct{}
	quit chan struct{}
	done chan struct{}
	once sync.Once
}

var (
	_ drivers.Consumer = (*member)(nil)
	_ drivers.Nacker   = (*member)(nil)
)

func newMember(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*member, error) {
	l, err := s.access.dialLine(ctx, s.control.server, consumerBuffers())
	if err != nil {
		return nil, err
	}
	m := &member{
		session: s, spec: spec, mode: ackModeOf(spec.Topic, spec.Group), line: l, name: "m" + strconv.Itoa(spec.Member),
		route: newRoute(spec.Topic), limit: spec.Group.Prefetch, inbox: newInbox(),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	m.shards, m.ids = m.route.shards(), make([][]string, spec.Topic.Shards)
	m.care = newCare(s.access.set.claimIdle)
	if m.limit < 1 {
		m.limit = defaultPrefetch
	}
	if err := m.join(ctx); err != nil {
		l.close()
		return nil, err
	}
	if err := s.add(m); err != nil {
		l.close()
		return nil, err
	}
	go m.run()
	return m, nil
}

// join makes sure that there is a group to read as: a server that came back without its data has none, and an application would make it
// again, too. What an earlier life of this member left unacknowledged is given back first, so that it is delivered again and counted.
func (m *member) join(ctx context.Context) error {
	id, err := m.line.ask(ctx, "CLIENT", "ID")
	if err != nil {
		return err
	}
	n, err := id.ToInt64()
	if err != nil {
		return fmt.Errorf("%w: to CLIENT ID", errReply)
	}
	m.id = strconv.FormatInt(n, 10)
	if err := m.session.declareGroup(ctx, m.line, m.spec.Topic, m.spec.Group.Name); err != nil {
		return err
	}
	if m.mode == ackNever {
		return nil
	}
	return m.giveBack(ctx, m.line)
}

// Receive returns what was fetched.
func (m *member) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := m.inbox.take(ctx, dst)
	if n > 0 && m.mode != ackAfter {
		m.call() // there is room again
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("receive from topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, err)
	}
	return n, err
}

func (m *member) call() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
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
	var commands []rueidis.Completed
	m.vacate(ds)
	for shard, ids := range m.ids {
		if len(ids) > 0 {
			commands = append(commands, m.returnTo(m.session.control, m.route.keys[shard], ids))
		}
	}
	if err := m.carry(ctx, commands); err != nil {
		return fmt.Errorf("nack to topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, err)
	}
	m.care.now.Store(true)
	m.call()
	return nil
}

func (m *member) finish(ctx context.Context, what string, ds []drivers.Delivery) error {
	if m.mode != ackAfter {
		return nil
	}
	if err := m.acknowledge(ctx, ds); err != nil {
		return fmt.Errorf("%s to topic %q as %q: %w", what, m.spec.Topic.Name, m.spec.Group.Name, err)
	}
	return nil
}

// vacate gives the seats of ds back and collects their ids by shard. What was answered before is left out.
func (m *member) vacate(ds []drivers.Delivery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.collect(ds, func(d *drivers.Delivery) bool { return m.seats.leave(d.Tag) })
}

// collect sets ids to those of ds for which keep is true. They are good until the next collect.
func (m *member) collect(ds []drivers.Delivery, keep func(*drivers.Delivery) bool) {
	for i := range m.ids {
		m.ids[i] = m.ids[i][:0]
	}
	const longest = 41 // two numbers of 20 digits and the hyphen
	if cap(m.text) < longest*len(ds) {
		m.text = make([]byte, 0, longest*len(ds))
	}
	m.text = m.text[:0]
	for i := range ds {
		d := &ds[i]
		if d.Shard < 0 || int(d.Shard) >= len(m.ids) || !keep(d) {
			continue
		}
		begin := len(m.text)
		m.text = appendID(m.text, d.Position)
		m.ids[d.Shard] = append(m.ids[d.Shard], rueidis.BinaryString(m.text[begin:]))
	}
}

// settled makes the commands that acknowledge the ids of each shard.
func (m *member) settled(l *line, shards [][]string) []rueidis.Completed {
	var commands []rueidis.Completed
	queue := m.spec.Topic.Model == drivers.Queue
	for shard, ids := range shards {
		if len(ids) == 0 {
			continue
		}
		key := m.route.keys[shard]
		if queue && commands == nil {
			commands = append(commands, l.command("MULTI"))
		}
		commands = append(commands, l.client.B().Xack().Key(key).Group(m.spec.Group.Name).Id(ids...).Build())
		if queue {
			commands = append(commands, l.client.B().Xdel().Key(key).Id(ids...).Build())
		}
	}
	if queue && commands != nil {
		commands = append(commands, l.command("EXEC"))
	}
	return commands
}

// carry runs commands on the control line; the first refusal is the error.
func (m *member) carry(ctx context.Context, commands []rueidis.Completed) error {
	select {
	case <-m.quit:
		return errClosed
	default:
	}
	return run(ctx, m.session.control, commands)
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
		m.session.forget(m)
		if err = m.leave(ctx); err != nil {
			err = fmt.Errorf("leave topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, err)
		}
	})
	return err
}

func (m *member) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	release := context.AfterFunc(ctx, m.line.cut)
	defer release()
	close(m.quit)
	control := m.session.control
	if !m.line.lost() && !control.lost() {
		control.ask(ctx, "CLIENT", "UNBLOCK", m.id) //nolint:errcheck // without it the fetch ends by itself a moment later
	}
	<-m.done
	m.acks.stop()
	healthy := !m.line.lost() && !control.lost()
	m.line.close()
	m.inbox.drop(errClosed)
	if !healthy || m.mode == ackNever {
		return nil // nothing can be given back; the others will claim it
	}
	err := m.flush(ctx)
	if err == nil {
		err = m.giveBack(ctx, control)
	}
	if err != nil && (control.lost() || final(err)) {
		return nil //nolint:nilerr // likewise
	}
	return err
}

// blocked is how long one fetch may wait for messages, in milliseconds: it comes back in time for the next look at the others.
func (m *member) blocked() string {
	return strconv.FormatInt(max(1, m.care.every.Milliseconds()), 10)
}

// pause waits until there may be room, the next look is due, or the member leaves.
func (m *member) pause(d time.Duration) {
	t := time.NewTimer(max(d, time.Millisecond))
	defer t.Stop()
	select {
	case <-m.quit:
	case <-m.wake:
	case <-t.C:
	}
}
