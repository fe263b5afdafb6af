package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// movePage bounds how many messages are taken in one pipeline.
const movePage = 256

// worker is a member of the group of a queue that is kept in lists. For each shard a goroutine with a connection of its own moves messages
// to the member's list, because a client can wait for one list only; one more looks after the others.
type worker struct {
	session *session
	spec    drivers.ConsumerSpec
	lists   lists
	name    string
	arrival bool // acknowledges before it hands out
	inbox   *inbox

	// mu guards what is held, by seat the body, and the room for more.
	mu     sync.Mutex
	seats  seats
	bodies []string
	places places
	care   care

	lines []*line
	// wake has a place for each shard's goroutine.
	wake  []chan struct{}
	quit  chan struct{}
	tasks sync.WaitGroup
	once  sync.Once
}

var (
	_ drivers.Consumer = (*worker)(nil)
	_ drivers.Nacker   = (*worker)(nil)
)

func newWorker(ctx context.Context, s *session, spec drivers.ConsumerSpec) (*worker, error) {
	w := &worker{
		session: s, spec: spec, lists: newLists(spec.Topic), arrival: spec.Group.Ack == drivers.AckBefore,
		inbox: newInbox(), care: newCare(s.access.set.claimIdle), quit: make(chan struct{}),
	}
	w.places = places{limit: spec.Group.Prefetch, shards: len(w.lists.keys)}
	if w.places.limit < 1 {
		w.places.limit = defaultPrefetch
	}
	err := w.join(ctx)
	if err == nil {
		err = s.parts.Add(w)
	}
	if err != nil {
		for _, l := range w.lines {
			l.close()
		}
		return nil, err
	}
	for shard := range w.lists.keys {
		w.tasks.Go(func() { w.end(w.take(shard)) })
	}
	w.tasks.Go(func() { w.end(w.watch()) })
	return w, nil
}

// join connects, tells the others, and gives back what earlier lives of this member had taken.
func (w *worker) join(ctx context.Context) error {
	for range len(w.lists.keys) + 1 { // the last is for looking after the others
		l, err := w.session.access.dialLine(ctx, w.session.control.server, consumerBuffers())
		if err != nil {
			return err
		}
		w.lines = append(w.lines, l)
		w.wake = append(w.wake, make(chan struct{}, 1))
	}
	care := w.lines[len(w.lines)-1]
	id, err := care.ask(ctx, "CLIENT", "ID")
	if err != nil {
		return err
	}
	number, err := id.ToInt64()
	if err != nil {
		return fmt.Errorf("%w: to CLIENT ID", errReply)
	}
	w.name = memberName(w.spec.Member, strconv.FormatInt(number, 10))
	if err := run(ctx, care, w.live(care)); err != nil {
		return err
	}
	members, err := w.lists.who(ctx, care)
	if err != nil {
		return err
	}
	for _, member := range members {
		if strings.HasPrefix(member, memberPrefix(w.spec.Member)) {
			if err := w.inherit(ctx, care, member); err != nil {
				return err
			}
		}
	}
	return nil
}

// live makes the commands that show that this member is there, to those as well who took it for dead.
func (w *worker) live(l *line) []rueidis.Completed {
	patience := strconv.FormatInt(w.session.access.set.claimIdle.Milliseconds(), 10)
	return []rueidis.Completed{
		l.command("SADD", w.lists.members(), w.name), l.command("SET", w.lists.alive(w.name), "1", "PX", patience),
	}
}

// inherit gives back what a member had taken.
func (w *worker) inherit(ctx context.Context, l *line, member string) error {
	for shard := range w.lists.keys {
		if err := w.lists.giveBack(ctx, l, shard, member); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) end(err error) {
	if err == nil {
		return
	}
	w.inbox.end(advised(err))
	for _, l := range w.lines {
		l.cut()
	}
}

// call wakes everybody: there is room, or something was given back.
func (w *worker) call() {
	for who := range w.wake {
		w.callOne(who)
	}
}

func (w *worker) callOne(who int) {
	select {
	case w.wake[who] <- struct{}{}:
	default:
	}
}

// held is how much of the room is taken. mu is held.
func (w *worker) held() int {
	if w.arrival {
		return w.inbox.length()
	}
	return w.seats.count
}

// reserve keeps room for at most n messages for a goroutine, by the number of its line. Where it returns none, the goroutine is woken when
// it is its turn.
func (w *worker) reserve(who, n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.places.take(who, n, w.held())
	if got > 0 {
		w.callNext()
	}
	return got
}

// patience is how long a goroutine that has a place may wait for a message.
func (w *worker) patience() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.places.patience(w.held(), w.care.every)
}

// release gives the room back that a goroutine had reserved, with which came messages were taken.
func (w *worker) release(who, n, came int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places.free(who, n, came)
	w.callNext()
}

// callNext wakes whose turn it is. mu is held.
func (w *worker) callNext() {
	if who, there := w.places.next(w.held()); there {
		w.callOne(who)
	}
}

// called tells whether there is a place for a goroutine that waits for one.
func (w *worker) called(who int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	next, there := w.places.next(w.held())
	return there && next == who
}

// withdraw says that a goroutine wants no place any more.
func (w *worker) withdraw(who int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places.leave(who)
	w.callNext()
}

// take moves messages of one shard to the member's list, until the member leaves. As long as there are some it takes many at once.
func (w *worker) take(shard int) error {
	l, want := w.lines[shard], 1
	for w.here() {
		n := w.reserve(shard, want)
		if n == 0 {
			w.pause(shard, w.care.every)
			continue
		}
		from, to := w.lists.keys[shard], w.lists.taken(shard, w.name)
		var commands []rueidis.Completed
		if want == 1 {
			if patience := w.patience(); patience > 0 {
				seconds := strconv.FormatFloat(patience.Seconds(), 'f', -1, 64)
				commands = append(commands, l.command("BLMOVE", from, to, "LEFT", "RIGHT", seconds))
			}
		}
		for len(commands) < n {
			commands = append(commands, l.command("LMOVE", from, to, "LEFT", "RIGHT"))
		}
		came, err := w.move(l, shard, commands, false)
		w.release(shard, n, came)
		if err != nil {
			return err
		}
		if want = 1; came == n {
			want = min(2*n+1, movePage)
		}
	}
	return nil
}

// move runs commands that each move a message, and hands out what came.
func (w *worker) move(l *line, shard int, commands []rueidis.Completed, again bool) (came int, err error) {
	replies, err := l.do(context.Background(), commands...)
	if err != nil {
		return 0, err
	}
	ds := make([]drivers.Delivery, 0, len(replies))
	var bodies []string
	var failed error
	for i := range replies {
		body, err := replies[i].ToString()
		switch {
		case rueidis.IsRedisNil(err):
		case err != nil:
			failed = err
		default:
			bodies = append(bodies, body)
			ds = append(ds, drivers.Delivery{Shard: int32(shard), Body: []byte(body), Redelivered: again})
		}
	}
	if w.arrival && len(ds) > 0 {
		removals := make([]rueidis.Completed, 0, len(ds))
		for _, body := range bodies {
			removals = append(removals, w.lists.remove(l, shard, w.name, body))
		}
		if err := run(context.Background(), l, removals); err != nil {
			return 0, errors.Join(failed, err)
		}
	} else {
		w.hold(ds, bodies)
	}
	w.inbox.put(ds)
	return len(ds), failed
}

// hold gives each delivery a seat, which keeps its body: a list knows a message by nothing else.
func (w *worker) hold(ds []drivers.Delivery, bodies []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range ds {
		ds[i].Tag = w.seats.take()
		number := int(uint32(ds[i].Tag))
		for len(w.bodies) <= number {
			w.bodies = append(w.bodies, "")
		}
		w.bodies[number] = bodies[i]
	}
}

// vacate gives the seat of d back; false when it was answered before.
func (w *worker) vacate(d *drivers.Delivery) (body string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.seats.leave(d.Tag) {
		return "", false
	}
	number := uint32(d.Tag)
	body, w.bodies[number] = w.bodies[number], ""
	return body, true
}

// here tells whether the member has not left.
func (w *worker) here() bool {
	select {
	case <-w.quit:
		return false
	default:
		return true
	}
}

// pause waits until there may be something to do.
func (w *worker) pause(shard int, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.quit:
	case <-w.wake[shard]:
	case <-t.C:
	}
}

// Receive returns what was taken.
func (w *worker) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := w.inbox.take(ctx, dst)
	if n > 0 && w.arrival {
		w.call() // there is room again
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("receive from topic %q as %q: %w", w.spec.Topic.Name, w.spec.Group.Name, err)
	}
	return n, err
}

// Ack removes ds from the member's lists.
func (w *worker) Ack(ctx context.Context, ds []drivers.Delivery) error {
	return w.answer(ctx, "ack", ds, false)
}

// Nack makes ds come again at once, or drops them.
func (w *worker) Nack(ctx context.Context, ds []drivers.Delivery, requeue bool) error {
	return w.answer(ctx, "nack", ds, requeue)
}

func (w *worker) answer(ctx context.Context, what string, ds []drivers.Delivery, requeue bool) error {
	if w.arrival {
		return nil
	}
	if !w.here() {
		return fmt.Errorf("%s to topic %q as %q: %w", what, w.spec.Topic.Name, w.spec.Group.Name, errClosed)
	}
	l := w.session.control
	var commands []rueidis.Completed
	for i := range ds {
		body, ok := w.vacate(&ds[i])
		if !ok {
			continue
		}
		shard := int(ds[i].Shard)
		if requeue {
			commands = append(commands, l.command("MULTI"), l.command("RPUSH", w.lists.returned(shard), body))
		}
		commands = append(commands, w.lists.remove(l, shard, w.name, body))
		if requeue {
			commands = append(commands, l.command("EXEC"))
		}
	}
	if err := run(ctx, l, commands); err != nil {
		return fmt.Errorf("%s to topic %q as %q: %w", what, w.spec.Topic.Name, w.spec.Group.Name, err)
	}
	if requeue {
		w.care.now.Store(true)
	}
	w.call()
	return nil
}

// Close gives back what is unacknowledged.
func (w *worker) Close(ctx context.Context) error {
	var err error
	w.once.Do(func() {
		w.session.parts.Forget(w)
		if err = w.leave(ctx); err != nil {
			err = fmt.Errorf("leave topic %q as %q: %w", w.spec.Topic.Name, w.spec.Group.Name, err)
		}
	})
	return err
}

func (w *worker) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	release := context.AfterFunc(ctx, func() { w.end(errClosed) })
	defer release()
	close(w.quit)
	w.tasks.Wait() // a wait for messages ends by itself a moment later
	control, lost := w.session.control, false
	for _, l := range w.lines {
		lost = lost || l.lost()
		l.close()
	}
	w.inbox.drop(errClosed)
	if lost || control.lost() {
		return nil // nothing can be given back; the others will see that this member is gone
	}
	err := w.inherit(ctx, control, w.name)
	if err == nil {
		err = run(ctx, control, []rueidis.Completed{
			control.command("SREM", w.lists.members(), w.name), control.command("DEL", w.lists.alive(w.name)),
		})
	}
	if err != nil && (control.lost() || final(err)) {
		return nil //nolint:nilerr // likewise
	}
	return err
}
