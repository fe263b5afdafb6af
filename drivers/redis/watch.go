package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// watch shows that the member is there, takes what was given back, and gives back for members that are not there any more, until it leaves.
func (w *worker) watch() error {
	shard := len(w.lines) - 1 // its own place
	l := w.lines[shard]
	for w.here() {
		if w.care.due() {
			if err := w.look(l); err != nil {
				return err
			}
		}
		w.pause(shard, max(time.Until(w.care.next), time.Millisecond))
	}
	return nil
}

// look goes by the keys that members renew: a member whose key is gone in several looks in a row is dead. After a pause of the server all
// keys are gone at once, and come back with the first look of each.
func (w *worker) look(l *line) error {
	ctx := context.Background()
	w.care.next = time.Now().Add(w.care.every)
	if err := run(ctx, l, w.live(l)); err != nil {
		return err
	}
	members, err := w.lists.who(ctx, l)
	if err != nil {
		return err
	}
	// Whoever is dead stays a member: what it had still asked for may reach the server when a network lets it through, long after.
	for _, member := range members {
		if member == w.name {
			continue
		}
		reply, err := l.ask(ctx, "EXISTS", w.lists.alive(member))
		if err != nil {
			return err
		}
		if n, err := reply.AsInt64(); err == nil && n > 0 {
			delete(w.care.silent, member)
			continue
		}
		if w.care.silent[member]++; w.care.silent[member] >= strikes {
			if err := w.inherit(ctx, l, member); err != nil {
				return err
			}
		}
	}
	for shard := range w.lists.keys {
		if err := w.retake(l, shard); err != nil {
			return err
		}
	}
	return nil
}

// retake takes what was given back of a shard, as far as there is room.
func (w *worker) retake(l *line, shard int) error {
	n := w.reserve(movePage)
	defer w.release(n)
	if n == 0 {
		return nil
	}
	reply, err := l.ask(context.Background(), "LLEN", w.lists.returned(shard))
	if err != nil {
		return err
	}
	waiting, err := reply.AsInt64()
	if err != nil || waiting == 0 {
		return err
	}
	var commands []rueidis.Completed
	for range min(n, int(waiting)) {
		commands = append(commands, l.command("LMOVE", w.lists.returned(shard), w.lists.taken(shard, w.name), "LEFT", "RIGHT"))
	}
	came, err := w.move(l, shard, commands, true)
	if came == len(commands) && int64(came) < waiting {
		w.care.now.Store(true) // there is more
	}
	return err
}
