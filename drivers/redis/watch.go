package redis

import (
	"context"
	"fmt"
	"slices"
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
		if !w.care.now.Load() {
			w.pause(shard, max(time.Until(w.care.next), time.Millisecond))
		}
	}
	return nil
}

// look goes by the keys that members renew: a member whose key is gone in several looks in a row is dead. After a pause of the server all
// keys are gone at once, and come back with the first look of each.
func (w *worker) look(l *line) error {
	ctx := context.Background()
	w.care.now.Store(false)
	w.care.next = time.Now().Add(w.care.every)
	if err := run(ctx, l, w.live(l)); err != nil {
		return err
	}
	members, err := w.lists.who(ctx, l)
	if err != nil {
		return err
	}
	members = slices.DeleteFunc(members, func(member string) bool { return member == w.name })
	if err := w.visit(ctx, l, members); err != nil {
		return err
	}
	for shard := range w.lists.keys {
		if err := w.retake(l, shard); err != nil {
			return err
		}
	}
	return nil
}

// visit looks at all others in one pipeline, for they may be many: whoever is dead stays a member. What it had still asked for may reach
// the server when a network lets it through, long after.
func (w *worker) visit(ctx context.Context, l *line, members []string) error {
	var commands []rueidis.Completed
	for _, member := range members {
		commands = append(commands, l.command("EXISTS", w.lists.alive(member)))
		for shard := range w.lists.keys {
			commands = append(commands, l.command("LLEN", w.lists.taken(shard, member)))
		}
	}
	if len(commands) == 0 {
		return nil
	}
	replies, err := l.do(ctx, commands...)
	if err != nil {
		return err
	}
	for i, member := range members {
		var numbers []int64 // whether it is there, and what it holds of each shard
		for _, reply := range replies[i*(1+len(w.lists.keys)):][:1+len(w.lists.keys)] {
			n, err := reply.AsInt64()
			if err != nil {
				return fmt.Errorf("%w: to EXISTS or LLEN", errReply)
			}
			numbers = append(numbers, n)
		}
		if numbers[0] > 0 {
			delete(w.care.silent, member)
			continue
		}
		if w.care.silent[member]++; w.care.silent[member] < strikes || slices.Max(numbers) == 0 {
			continue
		}
		if err := w.inherit(ctx, l, member); err != nil {
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
