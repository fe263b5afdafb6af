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
		var err error
		switch {
		case w.care.due():
			err = w.look(l)
		case w.called(shard):
			err = w.retake(context.Background(), l)
		}
		if err != nil {
			return err
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
	return w.retake(ctx, l)
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

// retake takes what was given back, as far as there is room.
func (w *worker) retake(ctx context.Context, l *line) error {
	commands := make([]rueidis.Completed, 0, len(w.lists.keys))
	for shard := range w.lists.keys {
		commands = append(commands, l.command("LLEN", w.lists.returned(shard)))
	}
	replies, err := l.do(ctx, commands...)
	if err != nil {
		return err
	}
	waiting, total := make([]int, len(replies)), 0
	for shard := range replies {
		n, err := replies[shard].AsInt64()
		if err != nil {
			return fmt.Errorf("%w: to LLEN: %w", errReply, err)
		}
		waiting[shard] = int(n)
		total += int(n)
	}
	who := len(w.lines) - 1
	if total == 0 {
		w.withdraw(who) // others took what it wants a place for
		return nil
	}
	// One place in the queue stands for all shards, so their room is reserved at once: with none it is called when it is its turn.
	room := w.reserve(who, min(total, movePage))
	if 0 < room && room < total {
		w.care.now.Store(true) // there is more
	}
	for shard, n := range waiting {
		if n = min(n, room); n == 0 {
			continue
		}
		room -= n
		came, err := w.retakeShard(l, shard, n)
		w.release(who, n, came)
		if err != nil {
			return err
		}
	}
	return nil
}

// retakeShard does so with at most n messages of one shard.
func (w *worker) retakeShard(l *line, shard, n int) (came int, err error) {
	commands := make([]rueidis.Completed, 0, n)
	for range n {
		commands = append(commands, l.command("LMOVE", w.lists.returned(shard), w.lists.taken(shard, w.name), "LEFT", "RIGHT"))
	}
	return w.move(l, shard, commands, true)
}
