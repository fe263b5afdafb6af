package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ordeal/drivers"
)

// member is a member of a group. Its offsets are committed by what the engine acknowledges, never by the library.
type member struct {
	session *session
	spec    drivers.ConsumerSpec
	client  *client
	intake  *intake
	once    sync.Once
	// joined is closed when the group has given this member its first shards.
	joined     chan struct{}
	joinedOnce sync.Once
	commits    *committer

	// queue is what was fetched and not handed out; the receiving goroutine alone touches it.
	queue []batch
	// unsure are deliveries to be committed before they are handed out; likewise.
	unsure []drivers.Delivery

	// mu guards what follows against the library's rebalances.
	mu     sync.Mutex
	shards map[int32]*progress
	// watch is told of every change of shards; nil where nobody asked.
	watch func(shards []int32)
	// again are deliveries that were handed back.
	again []drivers.Delivery
	// held counts what was handed out and is not done.
	held int
	// withheld counts what was taken and is unsure.
	withheld int
}

var (
	_ drivers.Consumer = (*member)(nil)
	_ drivers.Nacker   = (*member)(nil)
)

func newMember(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*member, error) {
	// The library would join the group and wait for the topic to come.
	if _, err := s.topic(ctx, s.client, spec.Topic); err != nil {
		return nil, whole(ctx, err)
	}
	m := &member{session: s, spec: spec, joined: make(chan struct{}), shards: make(map[int32]*progress)}
	m.intake = newIntake(s, spec.Topic.Name, m.progress, m.explain)
	vital := []int16{keyFetch, keyOffsetCommit, keyJoinGroup, keyHeartbeat, keySyncGroup, keyConsumerGroupHeartbeat}
	c, err := newClient(s.cfg, s.env, s.set, m.lose, vital, m.options()...)
	if err != nil {
		return nil, err
	}
	m.client, m.commits = c, newCommitter(m)
	m.intake.start(c, m.intake.heed)
	if err := m.join(ctx); err != nil {
		m.fail(err)
		m.release(ctx) // else what it has waited for would be its own in the end
		return nil, whole(ctx, err)
	}
	return m, nil
}

func (m *member) options() []kgo.Opt {
	set := m.session.set
	const heartbeats, slowest = 10, 500 * time.Millisecond
	options := []kgo.Opt{
		kgo.ConsumerGroup(groupID(m.spec.Topic, m.spec.Group.Name)), kgo.ConsumeTopics(m.spec.Topic.Name),
		kgo.DisableAutoCommit(), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(set.session), kgo.HeartbeatInterval(min(set.session/heartbeats, slowest)),
		kgo.RebalanceTimeout(max(set.session, set.requestTimeout)),
		kgo.AdjustFetchOffsetsFn(m.begin), kgo.OnPartitionsAssigned(m.assigned),
		kgo.OnPartitionsRevoked(m.revoked), kgo.OnPartitionsLost(m.revoked),
	}
	if set.static {
		options = append(options, kgo.InstanceID(m.instance()))
	}
	switch set.balancer {
	case "sticky":
		return append(options, kgo.Balancers(kgo.StickyBalancer()))
	case "range":
		return append(options, kgo.Balancers(kgo.RangeBalancer()))
	case "round-robin":
		return append(options, kgo.Balancers(kgo.RoundRobinBalancer()))
	case balancerBroker:
		return append(options, kgo.Balancers(kgo.StickyBalancer()), kgo.ServerSideBalancer())
	default:
		return append(options, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	}
}

// instance is the member's name in its group.
func (m *member) instance() string { return fmt.Sprintf("member-%d", m.spec.Member) }

// join waits until the group has given this member shards, or has taken it in where there are not enough for all.
func (m *member) join(ctx context.Context) error {
	release := m.client.cutAfter(ctx)
	defer release()
	idle := time.NewTicker(5 * time.Millisecond)
	defer idle.Stop()
	for {
		if m.spec.Group.Members > m.spec.Topic.Shards {
			if id, _ := m.client.GroupMetadata(); id != "" {
				return nil
			}
		}
		select {
		case <-m.joined:
			return nil
		case <-m.intake.over:
			return m.intake.reason()
		case <-ctx.Done():
			return ctx.Err()
		case <-idle.C:
		}
	}
}

// assigned is the library's callback: the group gives shards to this member.
func (m *member) assigned(_ context.Context, _ *kgo.Client, given map[string][]int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, shard := range given[m.spec.Topic.Name] {
		m.shards[shard] = &progress{shard: shard}
	}
	if len(given[m.spec.Topic.Name]) > 0 {
		m.changed()
	}
	if len(m.shards) > 0 {
		m.joinedOnce.Do(func() { close(m.joined) })
	}
}

// revoked is the library's callback: the group takes shards away. What is done with is committed; what is not, others will get.
func (m *member) revoked(ctx context.Context, _ *kgo.Client, taken map[string][]int32) {
	<-m.intake.ready
	m.mu.Lock()
	var last []*progress
	for _, shard := range taken[m.spec.Topic.Name] {
		p := m.shards[shard]
		if p == nil {
			continue
		}
		delete(m.shards, shard)
		m.intake.positions.remove(p)
		p.revoked = true
		for i := range p.open {
			if !p.open[i].done {
				m.held--
			}
		}
		last = append(last, p)
	}
	if len(last) > 0 {
		m.changed()
	}
	m.mu.Unlock()
	if m.intake.reason() != nil {
		return // nothing can be told to the group any more, or everything has been
	}
	if err := m.commits.commit(ctx, last); err != nil {
		m.session.env.Logger.Debug("kafka member could not commit shards that it had to give up", "error", err.Error())
	}
}

// explain makes the end of the reading something that a person can act upon. Where messages are gone the group moves on to those that
// are left, for whoever has the shard next; this member ends, so that the gap is not passed over in silence.
func (m *member) explain(ctx context.Context, shard int32, err error) error {
	m.mu.Lock()
	p := m.shards[shard]
	m.mu.Unlock()
	if p == nil {
		return advised(err)
	}
	resume, ok, err := m.session.gap(ctx, m.spec.Topic, p, err)
	if ok {
		if moved := m.commits.move(ctx, p, resume); moved != nil {
			return fmt.Errorf("%w; the group could not be moved on to %d: %w", err, resume, moved)
		}
	}
	return err
}

// progress finds that of a shard; nil where the shard is not this member's.
func (m *member) progress(shard int32) *progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.shards[shard]
}

// Receive hands out what was given back, then what was fetched.
func (m *member) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := m.receive(ctx, dst)
	if err != nil {
		return n, fmt.Errorf("receive from topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, advised(err))
	}
	return n, nil
}

func (m *member) receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := m.intake.stopped(len(m.queue) > 0); err != nil {
			return 0, err
		}
		if len(m.unsure) > 0 && len(dst) > 0 {
			if n, err := m.acknowledged(ctx, dst); n > 0 || err != nil {
				return n, err
			}
			continue
		}
		n, full := m.take(dst)
		switch {
		case n > 0 && m.spec.Group.Ack == drivers.AckBefore:
			m.unsure = append(m.unsure, dst[:n]...)
			continue
		case n > 0 || len(dst) == 0:
			return n, nil
		case full:
			select { // only an ack makes room, and it comes from the goroutine that waits here
			case <-ctx.Done():
			case <-m.intake.over:
			}
			continue
		}
		var err error
		if m.queue, err = m.intake.wait(ctx); err != nil {
			return 0, err
		}
	}
}

// acknowledged commits what is unsure, then hands it out, and returns how many. While the group is being shared out anew it takes no
// commits; what was not committed when its shard went is left to whoever has it now. When ctx ends, the next Receive goes on.
func (m *member) acknowledged(ctx context.Context, dst []drivers.Delivery) (int, error) {
	again := time.NewTicker(settlePause)
	defer again.Stop()
	for err := m.commits.all(ctx); err != nil; err = m.commits.all(ctx) {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if !errors.Is(err, kerr.RebalanceInProgress) {
			m.intake.end(err)
			return 0, err
		}
		select {
		case <-ctx.Done():
		case <-m.intake.over:
		case <-again.C:
		}
	}
	n := copy(dst, m.unsure)
	m.unsure = m.unsure[n:]
	m.mu.Lock()
	m.withheld -= n
	m.mu.Unlock()
	return m.committed(dst[:n]), nil
}

// committed keeps those of ds that the broker knows to be done.
func (m *member) committed(ds []drivers.Delivery) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := ds[:0]
	for _, d := range ds {
		if uint64(d.Ref.(*progress).committed) > d.Position.Minor {
			kept = append(kept, d)
		}
	}
	return len(kept)
}

// take fills dst with what is there; full tells that the prefetch leaves no room.
func (m *member) take(dst []drivers.Delivery) (n int, full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.again) > 0 && n < len(dst) {
		d := m.again[0]
		m.again = m.again[1:]
		if !d.Ref.(*progress).revoked {
			dst[n] = d
			n++
		}
	}
	room := len(dst)
	before := m.spec.Group.Ack == drivers.AckBefore
	if prefetch := m.spec.Group.Prefetch; prefetch > 0 && !before {
		room = min(room, n+max(0, prefetch-m.held))
		full = room == n && len(dst) > n
	}
	for len(m.queue) > 0 && n < room {
		b := &m.queue[0]
		if len(b.records) == 0 || b.of.revoked {
			m.queue = m.queue[1:]
			continue
		}
		offset, key, value := b.next()
		if b.control {
			b.of.skip(offset, b.epoch)
			m.commits.poke()
			continue
		}
		b.of.delivery(&dst[n], offset, key, value)
		dst[n].Tag = b.of.deliver(offset, b.epoch)
		m.held++
		if before {
			b.of.finish(dst[n].Tag)
			m.held--
		}
		n++
	}
	if before {
		m.withheld += n
	}
	return n, full
}

// Ack notes that ds are done; a goroutine commits how far the member has come, one request at a time.
func (m *member) Ack(ctx context.Context, ds []drivers.Delivery) error {
	if err := m.done(ctx, ds); err != nil {
		return fmt.Errorf("ack to topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, advised(err))
	}
	return nil
}

func (m *member) done(ctx context.Context, ds []drivers.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.intake.stopped(len(m.queue) > 0); err != nil {
		return err
	}
	if err := m.commits.failure(); err != nil {
		return err
	}
	m.mu.Lock()
	for i := range ds {
		p := ds[i].Ref.(*progress)
		if !p.revoked && p.finish(ds[i].Tag) && m.spec.Group.Ack == drivers.AckAfter {
			m.held--
		}
	}
	m.mu.Unlock()
	m.commits.poke()
	return nil
}

// Nack delivers ds again to this member, or takes them for done: Kafka knows nothing of single messages.
func (m *member) Nack(ctx context.Context, ds []drivers.Delivery, requeue bool) error {
	if m.spec.Group.Ack == drivers.AckBefore {
		return nil
	}
	if !requeue {
		return m.Ack(ctx, ds)
	}
	if err := m.intake.reason(); err != nil {
		return fmt.Errorf("nack to topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range ds {
		d.Redelivered = true
		m.again = append(m.again, d)
	}
	return nil
}

// lose is the line's word that a connection is gone.
func (m *member) lose(err error) {
	m.intake.end(err)
	go m.fail(err)
}

// fail ends the member without a goodbye.
func (m *member) fail(err error) {
	m.intake.end(err)
	<-m.intake.ready
	m.client.line.cut()
	<-m.intake.ended
	m.commits.stop()
	m.client.end()
	m.bereft()
}

// Close commits what is done and leaves the group.
func (m *member) Close(ctx context.Context) error {
	var err error
	m.once.Do(func() {
		m.session.forget(m)
		lost := m.intake.reason() != nil
		if !lost {
			err = m.leave(ctx)
		}
		m.fail(errClosed)
		if lost && m.session.set.static { // without a name it has vanished, and is never back
			m.release(ctx)
		}
	})
	if err != nil {
		return fmt.Errorf("leave topic %q as %q: %w", m.spec.Topic.Name, m.spec.Group.Name, err)
	}
	return nil
}

func (m *member) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	release := m.client.cutAfter(ctx)
	defer release()
	err := m.commits.all(ctx)
	m.intake.end(errClosed)
	<-m.intake.ended
	if m.session.set.static { // the library leaves the place of a member with a name to its return
		_, left := m.client.admin.LeaveGroup(ctx, kadm.LeaveGroup(groupID(m.spec.Topic, m.spec.Group.Name)).InstanceIDs(m.instance()))
		return errors.Join(err, left)
	}
	return errors.Join(err, m.client.LeaveGroupContext(ctx))
}
