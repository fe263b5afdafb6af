package redis

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// ackPause is how long acks wait for a fetch to take them along.
const ackPause = 2 * time.Millisecond

// acks are on their way to the server. The fetching goroutine sends them in one pipeline with its next fetch, which saves a round trip for
// each batch; while it waits for messages, a timer sends them over the session's control line, ackPause after they came.
type acks struct {
	mu sync.Mutex
	// shards are the positions by shard, count how many.
	shards [][]drivers.Position
	count  int
	timer  *time.Timer
	// sending is held while the timer, or leave, sends.
	sending sync.Mutex
}

// bundle is a sender's scratch: ids by shard, written one after another into text.
type bundle struct {
	ids  [][]string
	text []byte
}

// acknowledge gives the seats of ds back and notes what is to be sent. What was answered before is left out.
func (m *member) acknowledge(ctx context.Context, ds []drivers.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-m.quit:
		return errClosed
	case <-m.done:
		return m.inbox.ended()
	default:
	}
	a := &m.acks
	m.mu.Lock()
	a.mu.Lock()
	if a.shards == nil {
		a.shards = make([][]drivers.Position, len(m.route.keys))
	}
	before := a.count
	for i := range ds {
		if d := &ds[i]; d.Shard >= 0 && int(d.Shard) < len(a.shards) && m.seats.leave(d.Tag) {
			a.shards[d.Shard] = append(a.shards[d.Shard], d.Position)
			a.count++
		}
	}
	if before == 0 && a.count > 0 {
		if a.timer == nil {
			a.timer = time.AfterFunc(ackPause, m.flushLate)
		} else {
			a.timer.Reset(ackPause)
		}
	}
	a.mu.Unlock()
	m.mu.Unlock()
	m.call() // there is room again
	return nil
}

// take moves what is to be sent into b; false where there is nothing.
func (a *acks) take(b *bundle) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count == 0 {
		return false
	}
	a.timer.Stop()
	const longest = 41 // two numbers of 20 digits and the hyphen
	if cap(b.text) < longest*a.count {
		b.text = make([]byte, 0, longest*a.count)
	}
	b.text = b.text[:0]
	if b.ids == nil {
		b.ids = make([][]string, len(a.shards))
	}
	for shard, positions := range a.shards {
		b.ids[shard] = b.ids[shard][:0]
		for _, p := range positions {
			begin := len(b.text)
			b.text = appendID(b.text, p)
			b.ids[shard] = append(b.ids[shard], rueidis.BinaryString(b.text[begin:]))
		}
		a.shards[shard] = positions[:0]
	}
	a.count = 0
	return true
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

// flushLate is the timer's.
func (m *member) flushLate() {
	if err := m.flush(context.Background()); err != nil {
		m.inbox.end(err)
		m.line.cut()
	}
}

// flush sends over the control line.
func (m *member) flush(ctx context.Context) error {
	m.acks.sending.Lock()
	defer m.acks.sending.Unlock()
	var b bundle
	if !m.acks.take(&b) {
		return nil
	}
	return run(ctx, m.session.control, m.settled(m.session.control, b.ids))
}
