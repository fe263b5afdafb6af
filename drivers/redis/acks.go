package redis

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// ackPause is how long acks wait for a fetch to take them along.
const ackPause = 2 * time.Millisecond

// acks are on their way to the server. They go out with the next fetch, usually at once. While a fetch is under way that waits for
// messages, what would follow it on the connection would wait as well: then a timer sends them over the session's control line, ackPause
// after they came.
type acks struct {
	mu sync.Mutex
	// shards are the positions by shard, count how many.
	shards [][]drivers.Position
	count  int
	timer  *time.Timer
	// armed tells that the timer runs.
	armed bool
	// sending is held while the timer, or leave, sends.
	sending sync.Mutex
}

// add notes what is to be sent.
func (a *acks) add(d *drivers.Delivery, shards int) {
	if a.shards == nil {
		a.shards = make([][]drivers.Position, shards)
	}
	if d.Shard >= 0 && int(d.Shard) < len(a.shards) {
		a.shards[d.Shard] = append(a.shards[d.Shard], d.Position)
		a.count++
	}
}

// arm lets the timer send what is there, after ackPause.
func (a *acks) arm(send func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.armed || a.count == 0 {
		return
	}
	a.armed = true
	if a.timer == nil {
		a.timer = time.AfterFunc(ackPause, send)
	} else {
		a.timer.Reset(ackPause)
	}
}

// taken forgets what was taken. mu is held.
func (a *acks) taken() {
	for shard := range a.shards {
		a.shards[shard] = a.shards[shard][:0]
	}
	a.count = 0
	if a.armed {
		a.armed = false
		a.timer.Stop()
	}
}

// stop lets the timer send nothing any more, and waits for what it sends now.
func (a *acks) stop() {
	a.mu.Lock()
	if a.timer != nil {
		a.timer.Stop()
	}
	a.mu.Unlock()
	a.sending.Lock()
	a.sending.Unlock() //nolint:staticcheck // whoever held it has sent
}

// acknowledge adds the commands for what is to be sent, and returns how many answers there will be. The wire is in a batch.
func (m *member) acknowledge() (answers int) {
	a, w := &m.acks, m.intake.wire
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count == 0 {
		return 0
	}
	queue := m.spec.Topic.Model == drivers.Queue
	skips := !queue && m.hush.skips(time.Now()) // a transaction cannot be skipped
	if queue {
		w.out = appendWords(w.out, "MULTI")
		answers++
	}
	for shard, positions := range a.shards {
		if len(positions) == 0 {
			continue
		}
		if skips {
			w.out = append(w.out, skip...)
		} else {
			answers++
		}
		w.out = appendText(appendCount(w.out, 3+len(positions)), "XACK")
		w.out = appendText(appendText(w.out, m.route.keys[shard]), m.spec.Group.Name)
		w.out = m.appendIDs(w.out, positions)
		if queue {
			w.out = appendText(appendText(appendCount(w.out, 2+len(positions)), "XDEL"), m.route.keys[shard])
			w.out = m.appendIDs(w.out, positions)
			answers++
		}
	}
	if queue {
		w.out = appendWords(w.out, "EXEC")
		answers++
	}
	a.taken()
	return answers
}

// appendIDs writes entry ids as words of a command.
func (m *member) appendIDs(dst []byte, positions []drivers.Position) []byte {
	for _, p := range positions {
		m.scratch = appendID(m.scratch[:0], p)
		dst = appendText(dst, m.scratch)
	}
	return dst
}

// flushLate is the timer's.
func (m *member) flushLate() {
	if err := m.flush(context.Background()); err != nil {
		m.intake.end(err)
	}
}

// flush sends over the control line.
func (m *member) flush(ctx context.Context) error {
	m.acks.sending.Lock()
	defer m.acks.sending.Unlock()
	a := &m.acks
	a.mu.Lock()
	ids := make([][]string, len(a.shards))
	for shard, positions := range a.shards {
		for _, p := range positions {
			ids[shard] = append(ids[shard], string(appendID(nil, p)))
		}
	}
	a.taken()
	a.mu.Unlock()
	return run(ctx, m.session.control, m.settled(ids))
}

// settled makes the commands that acknowledge the ids of each shard, for the control line.
func (m *member) settled(shards [][]string) []rueidis.Completed {
	var commands []rueidis.Completed
	l, queue := m.session.control, m.spec.Topic.Model == drivers.Queue
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

// milliseconds words a duration for a command, at least 1: 0 would wait for ever.
func milliseconds(d time.Duration) string { return strconv.FormatInt(max(1, d.Milliseconds()), 10) }
