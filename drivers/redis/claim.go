package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

const (
	// returned is the consumer to which members hand what they give back. Nobody reads as it; whoever sees that it holds something
	// claims it.
	returned = "returned"
	// returnedIdle is the idle time that given-back entries get, in milliseconds, and returnedLeast the one that a claim of them demands:
	// a claim sets it to 0, so that of two members only one gets an entry.
	returnedIdle, returnedLeast = "86400000", "43200000"
	// strikes is in how many looks in a row a member must have been silent for claim_idle to be taken for dead: after a pause of the
	// server all members look as if they had slept.
	strikes = 3
	// givePage is how many entries are given back at once.
	givePage = 1000
	// lookMost is the longest time between two looks.
	lookMost = 250 * time.Millisecond
	// pastAll is an entry id behind all others. Reading the own history from there brings nothing, but shows the server that the member
	// lives: its other commands do so only when there are messages.
	pastAll = "18446744073709551615-0"
)

// care is what a member knows about the others of its group. Who receives decides when to look, and the goroutine that looks does so.
type care struct {
	claimIdle, every time.Duration
	next             time.Time
	// now asks for a look at once.
	now atomic.Bool
	// silent counts in how many looks in a row a consumer was silent, by stream and name.
	silent map[string]int
}

func newCare(claimIdle time.Duration) care {
	return care{claimIdle: claimIdle, every: min(claimIdle/4, lookMost), silent: make(map[string]int)}
}

func (c *care) due() bool { return c.now.Load() || !time.Now().Before(c.next) }

// keep shows the server that the member lives while nobody receives, looks after the others when it is asked to, and sees whether the
// server still answers.
func (m *member) keep() {
	defer close(m.done)
	tick := time.NewTicker(m.care.every)
	defer tick.Stop()
	var silence stall
	patience := m.session.access.set.answerTimeout + m.care.every // a fetch waits for messages first
	for {
		select {
		case <-m.intake.quit:
			return
		case <-m.intake.gone:
			return
		case room := <-m.request:
			m.report <- m.look(room)
		case <-tick.C:
			within := m.intake.within.Load()
			if silence.over(m.intake.heard.Load(), within && m.owed.Load(), int(patience/m.care.every)+1) {
				m.intake.end(errNoAnswer)
			}
			if within || m.mode == ackNever {
				continue
			}
			if err := m.show(); err != nil {
				m.intake.end(advised(err))
			}
		}
	}
}

// attend has the others looked after, and waits for what is claimed of them. No fetch is under way meanwhile: it would have taken all
// room.
func (m *member) attend(ctx context.Context) error {
	if !m.looking {
		m.looking = true
		m.care.now.Store(false)
		m.care.next = time.Now().Add(m.care.every)
		m.request <- m.room()
	}
	select {
	case seen := <-m.report:
		m.looking = false
		if m.mode == ackArrival {
			m.arriving = append(m.arriving, seen.claimed...)
		} else {
			m.ready = append(m.ready, seen.claimed...)
		}
		return seen.err
	case <-ctx.Done():
		return ctx.Err()
	case <-m.intake.quit:
		return errClosed
	case <-m.intake.gone:
		return m.intake.reason()
	}
}

// sight is what a look came to.
type sight struct {
	room    int // that is left
	claimed []drivers.Delivery
	err     error
}

// show lets the server see that the member lives.
func (m *member) show() error {
	commands := make([]rueidis.Completed, 0, len(m.route.keys))
	for _, key := range m.route.keys {
		commands = append(commands, m.shown(key))
	}
	replies, err := m.session.control.do(context.Background(), commands...)
	for i := range replies {
		if refused := replies[i].Error(); refused != nil && !rueidis.IsRedisNil(refused) {
			return refused
		}
	}
	return err
}

// shown makes the command that shows the member to one stream.
func (m *member) shown(key string) rueidis.Completed {
	return m.session.control.command("XREADGROUP", "GROUP", m.spec.Group.Name, m.name, "COUNT", "1", "STREAMS", key, pastAll)
}

// look shows the server that this member lives, and claims what was given back and what dead members hold.
//
// Redis's own XAUTOCLAIM goes by the idle time of an entry, so that a slow handler loses its messages to others while it works on them.
// Here members are judged instead: one that is silent for claim_idle, although it shows itself at least every claim_idle/4, is dead.
func (m *member) look(room int) sight {
	seen := sight{room: room}
	seen.err = m.survey(context.Background(), &seen)
	return seen
}

func (m *member) survey(ctx context.Context, seen *sight) error {
	control := m.session.control
	commands := make([]rueidis.Completed, 0, 2*len(m.route.keys))
	for _, key := range m.route.keys {
		commands = append(commands, m.shown(key), control.command("XINFO", "CONSUMERS", key, m.spec.Group.Name))
	}
	replies, err := control.do(ctx, commands...)
	if err != nil {
		return err
	}
	for shard := range m.route.keys {
		if err := replies[2*shard].Error(); err != nil && !rueidis.IsRedisNil(err) {
			return err
		}
		list, err := replies[2*shard+1].ToArray()
		if err != nil {
			return err
		}
		others, err := consumers(list)
		if err != nil {
			return err
		}
		for _, c := range others {
			if err := m.consider(ctx, seen, int32(shard), c); err != nil {
				return err
			}
		}
	}
	return nil
}

// consumer is one of a group in one stream, as XINFO CONSUMERS tells.
type consumer struct {
	name    string
	pending int64
	idle    time.Duration
}

func consumers(list []rueidis.RedisMessage) ([]consumer, error) {
	out := make([]consumer, 0, len(list))
	for i := range list {
		fields, err := list[i].ToMap()
		if err != nil {
			return nil, fmt.Errorf("%w: to XINFO CONSUMERS", errReply)
		}
		name, pending, idle := fields["name"], fields["pending"], fields["idle"]
		var c consumer
		c.name, err = name.ToString()
		if err == nil {
			c.pending, err = pending.ToInt64()
		}
		if err == nil {
			var ms int64
			ms, err = idle.ToInt64()
			c.idle = time.Duration(ms) * time.Millisecond
		}
		if err != nil {
			return nil, fmt.Errorf("%w: to XINFO CONSUMERS: %w", errReply, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// consider claims from c what it will not work on any more.
func (m *member) consider(ctx context.Context, seen *sight, shard int32, c consumer) error {
	switch {
	case c.name == m.name || c.pending == 0:
		return nil
	case c.name == returned:
		return m.claim(ctx, seen, shard, c.name, returnedLeast)
	}
	key := m.route.keys[shard] + " " + c.name
	if c.idle < m.care.claimIdle {
		delete(m.care.silent, key)
		return nil
	}
	if m.care.silent[key]++; m.care.silent[key] < strikes {
		return nil
	}
	return m.claim(ctx, seen, shard, c.name, strconv.FormatInt(m.care.claimIdle.Milliseconds(), 10))
}

// claim takes over what there is room for, and is tried again at the next look when there is more.
func (m *member) claim(ctx context.Context, seen *sight, shard int32, from, idle string) error {
	room := seen.room
	if room < 1 {
		return nil
	}
	key, group := m.route.keys[shard], m.spec.Group.Name
	ids, counts, err := m.pending(ctx, key, from, room)
	if err != nil || len(ids) == 0 {
		return err
	}
	reply, err := m.session.control.ask(ctx, append([]string{"XCLAIM", key, group, m.name, idle}, ids...)...)
	if err != nil {
		return err
	}
	entries, err := reply.ToArray()
	if err != nil {
		return fmt.Errorf("%w: to XCLAIM", errReply)
	}
	for i := range entries {
		d := drivers.Delivery{Shard: shard, Redelivered: true}
		if entries[i].IsNil() {
			continue // deleted meanwhile
		}
		there, err := readEntry(&entries[i], &d)
		if err != nil {
			return err
		}
		if there {
			d.Attempt = counts[d.Position] + 1 // the claim is a delivery, too
			seen.claimed = append(seen.claimed, d)
			seen.room--
		}
	}
	if len(ids) >= room {
		m.care.now.Store(true)
	}
	return nil
}

// pending lists at most n entries that name has not acknowledged, and how often each was delivered.
func (m *member) pending(ctx context.Context, key, name string, n int) ([]string, map[drivers.Position]int, error) {
	reply, err := m.session.control.ask(ctx, "XPENDING", key, m.spec.Group.Name, "-", "+", strconv.Itoa(n), name)
	if err != nil {
		return nil, nil, err
	}
	list, err := reply.ToArray()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: to XPENDING", errReply)
	}
	ids, counts := make([]string, 0, len(list)), make(map[drivers.Position]int, len(list))
	for i := range list {
		fields, err := list[i].ToArray() // id, consumer, idle time, number of deliveries
		if err != nil || len(fields) != 4 {
			return nil, nil, fmt.Errorf("%w: to XPENDING", errReply)
		}
		id, err := fields[0].ToString()
		position, ok := parsePosition(id)
		if err != nil || !ok {
			return nil, nil, fmt.Errorf("%w: to XPENDING: entry id %q", errReply, id)
		}
		count, err := fields[3].ToInt64()
		if err != nil {
			return nil, nil, fmt.Errorf("%w: to XPENDING: %w", errReply, err)
		}
		ids, counts[position] = append(ids, id), int(count)
	}
	return ids, counts, nil
}

// inherit gives back what earlier lives of this member hold.
func (m *member) inherit(ctx context.Context) error {
	for _, key := range m.route.keys {
		reply, err := m.session.control.ask(ctx, "XINFO", "CONSUMERS", key, m.spec.Group.Name)
		if err != nil {
			return err
		}
		list, err := reply.ToArray()
		if err != nil {
			return fmt.Errorf("%w: to XINFO CONSUMERS", errReply)
		}
		all, err := consumers(list)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.pending == 0 || !strings.HasPrefix(c.name, memberPrefix(m.spec.Member)) {
				continue
			}
			if err := m.giveBack(ctx, key, c.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveBackAll hands everything that this member holds to whoever looks next.
func (m *member) giveBackAll(ctx context.Context) error {
	for _, key := range m.route.keys {
		if err := m.giveBack(ctx, key, m.name); err != nil {
			return err
		}
	}
	return nil
}

// giveBack does so with what a name holds of one stream.
func (m *member) giveBack(ctx context.Context, key, name string) error {
	for {
		ids, _, err := m.pending(ctx, key, name, givePage)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := run(ctx, m.session.control, []rueidis.Completed{m.returnTo(key, ids)}); err != nil {
			return err
		}
	}
}

// returnTo makes the command that gives ids back. JUSTID leaves the number of deliveries as it is.
func (m *member) returnTo(key string, ids []string) rueidis.Completed {
	b := m.session.control.client.B().Arbitrary("XCLAIM", key, m.spec.Group.Name, returned, "0")
	return b.Args(ids...).Args("IDLE", returnedIdle, "JUSTID").Build()
}
