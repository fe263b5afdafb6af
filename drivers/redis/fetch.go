package redis

import (
	"context"
	"fmt"
	"strconv"

	"ordeal/drivers"
)

// page is a reply to XREADGROUP as it lies in the read buffer: a map from streams to entries, of which some were handed out.
type page struct {
	rest             cursor
	streams, entries int
	shard            int32
	// asked is how many entries it may have had, which count as held until all of it was handed out.
	asked int
}

// turnPage begins with the next reply.
func (m *member) turnPage(reply []byte) error {
	asked := m.asked[0]
	m.asked = [2]int{m.asked[1], 0}
	if m.fetches--; m.fetches == 0 {
		m.owed.Store(false)
	}
	if err := errorOf(reply); err != nil {
		return err
	}
	m.page = page{rest: reply, asked: asked}
	m.vain += asked // of each stream at least one message
	if isNone(reply) {
		m.closePage()
		return nil
	}
	kind, _, streams := m.page.rest.value()
	if kind != '%' {
		return fmt.Errorf("%w: to XREADGROUP", errReply)
	}
	m.page.streams, m.vain, m.lull = streams, 0, 0
	return nil
}

func (m *member) closePage() {
	m.open -= m.page.asked
	m.page = page{}
}

// read makes deliveries of the page, as many as there is room for in dst.
func (m *member) read(dst []drivers.Delivery) (n int, err error) {
	p := &m.page
	for n < len(dst) {
		switch {
		case p.entries > 0:
			p.entries--
			d := &dst[n]
			*d = drivers.Delivery{Shard: p.shard, Attempt: 1}
			there, err := scanEntry(&p.rest, d)
			if err != nil {
				return n, err
			}
			if there {
				n++
			}
		case p.streams > 0:
			p.streams--
			key, isText := p.rest.text()
			shard, known := m.shards[string(key)]
			entries, isList := p.rest.list()
			if !isText || !known || !isList {
				return n, fmt.Errorf("%w: to XREADGROUP of %.80q", errReply, key)
			}
			p.shard, p.entries = shard, entries
		default:
			m.closePage()
			return n, nil
		}
	}
	return n, nil
}

// ask fetches new messages of all shards, and takes along the acks that have come together.
//
// There are two commands in one write. The first waits for messages, and Redis answers it with the first one of a pipeline, because it
// serves who waits after each command. It runs the second when it has gone through what it had read, and sends both answers at once: so a
// producer's batch comes by one read, and nothing in it later than it would have otherwise.
func (m *member) ask(ctx context.Context, room int) error {
	if err := m.fuse.Arm(ctx); err != nil {
		return err
	}
	defer m.fuse.Disarm()
	m.intake.wire.begin()
	m.plain += m.acknowledge()
	first := m.share(room)
	m.asked = [2]int{m.fetch(first, m.patience(first)), 0}
	m.fetches = 1
	if rest := room - first; rest > 0 {
		m.asked[1] = m.fetch(rest, "")
		m.fetches = 2
	}
	m.open += m.asked[0] + m.asked[1]
	m.owed.Store(true)
	return m.finished(m.intake.wire.end())
}

// finished words the error of a write.
func (m *member) finished(err error) error {
	if err != nil {
		return cutOff(m.intake.reason(), err)
	}
	return nil
}

// share is how much of the room the first fetch gets: half of it, but a place for each stream where there are so many, so that it can wait
// for all.
func (m *member) share(room int) int { return max(room-room/2, min(room, len(m.route.keys))) }

// patience is how long a fetch for at most room messages may wait, in milliseconds, "" for not at all. Where there is less room than
// streams it names some of them only, and what comes in another would wait as long: so it only looks until all streams were found empty,
// and then waits briefly, and longer each time.
func (m *member) patience(room int) string {
	switch {
	case room >= len(m.route.keys):
		return m.block
	case m.vain < len(m.route.keys):
		return ""
	default:
		m.vain = 0
		return milliseconds(m.lull.longer(m.care.every))
	}
}

// fetch adds an XREADGROUP for at most room messages, and returns for how many. COUNT is for each stream, so when there is less room than
// streams some have to wait for their turn.
func (m *member) fetch(room int, block string) int {
	w, streams := m.intake.wire, min(len(m.route.keys), room)
	words := 7 + 2*streams
	if block != "" {
		words += 2
	}
	if m.mode == ackNever {
		words++
	}
	w.out = appendText(appendText(appendCount(w.out, words), "XREADGROUP"), "GROUP")
	w.out = appendText(appendText(w.out, m.spec.Group.Name), m.name)
	m.scratch = strconv.AppendInt(m.scratch[:0], int64(room/streams), 10)
	w.out = appendText(appendText(w.out, "COUNT"), m.scratch)
	if block != "" {
		w.out = appendText(appendText(w.out, "BLOCK"), block)
	}
	if m.mode == ackNever {
		w.out = appendText(w.out, "NOACK")
	}
	w.out = appendText(w.out, "STREAMS")
	for i := range streams {
		w.out = appendText(w.out, m.route.keys[(m.turn+i)%len(m.route.keys)])
	}
	for range streams {
		w.out = appendText(w.out, ">")
	}
	m.turn = (m.turn + streams) % len(m.route.keys)
	return room / streams * streams
}
