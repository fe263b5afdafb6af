package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// listener is a member of a group that reads a broadcast: a subscription to the channels of all shards.
type listener struct {
	session *session
	spec    drivers.ConsumerSpec
	line    *line
	inbox   *inbox
	shards  map[string]int32
	// ahead is how many messages are read ahead of Receive. There is no bound before the listener has joined: nobody receives yet, and it
	// would wait for ever.
	ahead  int
	joined atomic.Bool
	// fence is a channel of this listener's own: what comes by it was sent behind everything else.
	fence string

	// mu guards roster and marks: by number, where the answer of a fence is awaited.
	mu     sync.Mutex
	roster *roster
	marks  map[string]chan uint64
	last   int
	// rebalanced is told the shards of this member, told are those it heard of last.
	rebalanced func(shards []int32)
	told       []int32

	// returned counts what Receive has given out; moved is signalled when it grows while a fence waits.
	returned atomic.Uint64
	fences   atomic.Int32
	moved    chan struct{}

	quit chan struct{}
	// deaf is closed when the subscription has ended.
	deaf  chan struct{}
	tasks sync.WaitGroup
	once  sync.Once
}

var (
	_ drivers.Consumer   = (*listener)(nil)
	_ drivers.Fencer     = (*listener)(nil)
	_ drivers.Rebalancer = (*listener)(nil)
)

// fencePoll is how often a fence looks again, because several fences may share one signal.
const fencePoll = 10 * time.Millisecond

// newListener returns once this listener gets its share of what is published.
func newListener(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*listener, error) {
	route := newRoute(spec.Topic)
	l := &listener{
		session: s, spec: spec, inbox: newInbox(), shards: route.shards(), roster: newRoster(spec.Topic, spec.Group, spec.Member),
		marks: make(map[string]chan uint64), moved: make(chan struct{}, 1), quit: make(chan struct{}), deaf: make(chan struct{}),
		ahead: spec.Group.Prefetch,
	}
	if l.ahead < 1 {
		l.ahead = defaultPrefetch
	}
	var err error
	if l.line, err = s.access.dialLine(ctx, s.control.server, consumerBuffers()); err != nil {
		return nil, err
	}
	if err = l.subscribe(ctx, route.keys); err == nil {
		err = l.join(ctx)
	}
	if err == nil {
		err = s.parts.Add(l)
	}
	if err != nil {
		l.line.close()
		l.tasks.Wait()
		return nil, err
	}
	l.joined.Store(true)
	l.tasks.Go(l.watch)
	return l, nil
}

func (l *listener) subscribe(ctx context.Context, shards []string) error {
	id, err := l.line.ask(ctx, "CLIENT", "ID")
	if err != nil {
		return err
	}
	number, err := id.ToInt64()
	if err != nil {
		return fmt.Errorf("%w: to CLIENT ID", errReply)
	}
	l.fence = l.spec.Topic.Name + ":fence:" + strconv.FormatInt(number, 10)
	channels := append([]string{l.fence, l.roster.channel, l.roster.presence[l.roster.self]}, shards...)
	confirmed := make(chan struct{}, len(channels))
	// The subscription lives as long as the line, not as ctx.
	hooked := rueidis.WithOnSubscriptionHook(context.Background(), func(rueidis.PubSubSubscription) {
		select {
		case confirmed <- struct{}{}:
		default: // the end of the subscription is told, too
		}
	})
	l.tasks.Go(func() { //nolint:contextcheck // see above
		defer close(l.deaf)
		err := l.line.client.Receive(hooked, l.line.client.B().Subscribe().Channel(channels...).Build(), l.hear)
		l.line.cut()
		l.inbox.end(lost(err))
		l.mu.Lock()
		defer l.mu.Unlock()
		l.roster.take("") // whoever is deaf has nothing
		l.tell()
	})
	for range channels {
		if err := l.until(ctx, confirmed); err != nil {
			return err
		}
	}
	return nil
}

// join publishes a list with this member, and returns once it is in use.
func (l *listener) join(ctx context.Context) error {
	members, err := l.roster.present(ctx, l.session.control)
	if err != nil {
		return err
	}
	if err := l.roster.publish(ctx, l.session.control, members); err != nil {
		return err
	}
	_, err = l.echo(ctx)
	return err
}

// until waits for done.
func (l *listener) until(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.deaf:
		return errLost
	case <-done:
		return nil
	}
}

// hear is the library's callback, from one goroutine.
func (l *listener) hear(m rueidis.PubSubMessage) {
	if shard, ok := l.shards[m.Channel]; ok {
		l.catch(shard, m.Message)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch m.Channel {
	case l.roster.channel:
		l.roster.take(m.Message)
		l.tell()
	case l.fence:
		if mark := l.marks[m.Message]; mark != nil {
			mark <- l.inbox.arrived()
			delete(l.marks, m.Message)
		}
	}
}

// catch hands a message to who receives. While too many wait for him nothing is read: what is published piles up at the server, which cuts
// off who is too slow (client-output-buffer-limit), as it would any subscriber.
func (l *listener) catch(shard int32, body string) {
	l.mu.Lock()
	mine := l.roster.mine(shard) // which only hear changes
	l.mu.Unlock()
	if !mine {
		return
	}
	if l.joined.Load() {
		l.inbox.await(l.ahead, l.quit)
	}
	l.inbox.put([]drivers.Delivery{{Shard: shard, Body: []byte(body)}})
}

// OnRebalance has f told which shards' messages this member takes: of a broadcast they are divided among those who listen.
func (l *listener) OnRebalance(f func(shards []int32)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rebalanced, l.told = f, nil
	l.told = l.mine()
	f(slices.Clone(l.told))
}

// mine are the shards of this member. mu is held.
func (l *listener) mine() []int32 {
	out := []int32{}
	for shard := range int32(len(l.shards)) {
		if l.roster.mine(shard) {
			out = append(out, shard)
		}
	}
	return out
}

// tell passes a change on. mu is held.
func (l *listener) tell() {
	if l.rebalanced == nil {
		return
	}
	if now := l.mine(); !slices.Equal(now, l.told) {
		l.told = now
		l.rebalanced(slices.Clone(now))
	}
}

// watch looks for members that vanished, and publishes that. A member by itself does so, too: who only listens would not notice that its
// server has stopped, or is no primary any more.
func (l *listener) watch() {
	tick := time.NewTicker(rosterPoll)
	defer tick.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-l.deaf:
			return
		case <-tick.C:
		}
		members, err := l.roster.present(context.Background(), l.session.control)
		l.mu.Lock()
		changed := strings.Join(members, ",") != l.roster.list
		l.mu.Unlock()
		if err == nil && changed {
			err = l.roster.publish(context.Background(), l.session.control, members)
		}
		if err != nil {
			l.line.cut() // without the control line it would not know whose turn it is
			return
		}
	}
}

// Receive returns what arrived.
func (l *listener) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := l.inbox.take(ctx, dst)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("receive from topic %q: %w", l.spec.Topic.Name, err)
	}
	l.returned.Add(uint64(n))
	if n > 0 && l.fences.Load() > 0 {
		select {
		case l.moved <- struct{}{}:
		default:
		}
	}
	return n, err
}

// Ack does nothing: pub/sub has no acks.
func (l *listener) Ack(context.Context, []drivers.Delivery) error {
	select {
	case <-l.quit:
		return errClosed
	default:
		return nil
	}
}

// echo publishes a mark to this listener alone, which the server puts behind all that it had for it, and returns how many messages had
// arrived when the mark did.
func (l *listener) echo(ctx context.Context) (before uint64, err error) {
	mark := make(chan uint64, 1)
	l.mu.Lock()
	l.last++
	name := strconv.Itoa(l.last)
	l.marks[name] = mark
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.marks, name)
	}()
	if _, err := l.session.control.ask(ctx, "PUBLISH", l.fence, name); err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-l.deaf:
		return 0, errLost
	case before = <-mark:
		return before, nil
	}
}

// Fence waits until Receive has returned what came before an echo.
func (l *listener) Fence(ctx context.Context) error {
	if err := l.pass(ctx); err != nil {
		return fmt.Errorf("fence topic %q: %w", l.spec.Topic.Name, err)
	}
	return nil
}

func (l *listener) pass(ctx context.Context) error {
	before, err := l.echo(ctx)
	if err != nil {
		return err
	}
	l.fences.Add(1)
	defer l.fences.Add(-1)
	tick := time.NewTicker(fencePoll)
	defer tick.Stop()
	for l.returned.Load() < before {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.quit:
			return errClosed
		case <-l.moved:
		case <-tick.C:
		}
	}
	return nil
}

// Close leaves the group and ends the subscription.
func (l *listener) Close(ctx context.Context) error {
	var err error
	l.once.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, closeLimit)
		defer cancel()
		close(l.quit)
		l.session.parts.Forget(l)
		control := l.session.control
		defer context.AfterFunc(ctx, control.cut)() // a look that is under way holds it
		if !l.line.lost() && !control.lost() {
			err = l.roster.leave(ctx, control)
		}
		l.line.close()
		l.tasks.Wait()
		l.inbox.drop(errClosed)
		if control.lost() {
			err = nil // nobody to take leave of: the others will miss it
		}
	})
	return err
}
