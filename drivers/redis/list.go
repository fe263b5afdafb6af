package redis

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// lists knows the keys of a queue that is kept in lists:
//
//	<topic>:<shard>            what nobody has taken yet, oldest at the left
//	<topic>:<shard>:<member>   what a member has taken and not acknowledged
//	<topic>:<shard>:returned   what was given back, or left behind by a member that vanished
//	<topic>:members            the set of members, <topic>:alive:<member> that one is there
//
// A member is m<number>:<id of its connection>, so that two lives of one member never share a list.
type lists struct {
	topic string
	keys  []string
}

func newLists(t drivers.Topic) lists { return lists{topic: t.Name, keys: newRoute(t).keys} }

func (q lists) members() string                       { return q.topic + ":members" }
func (q lists) alive(member string) string            { return q.topic + ":alive:" + member }
func (q lists) taken(shard int, member string) string { return q.keys[shard] + ":" + member }
func (q lists) returned(shard int) string             { return q.keys[shard] + ":returned" }

// ofList tells whether t is a queue that is kept in lists.
func (s settings) ofList(t drivers.Topic) bool { return s.list && t.Model == drivers.Queue }

// who lists the members that are noted, dead ones included.
func (q lists) who(ctx context.Context, l *line) ([]string, error) {
	reply, err := l.ask(ctx, "SMEMBERS", q.members())
	if err != nil {
		return nil, err
	}
	members, err := reply.AsStrSlice()
	if err != nil {
		return nil, fmt.Errorf("%w: to SMEMBERS", errReply)
	}
	return members, nil
}

// all are the keys of everything but the settings.
func (q lists) all(ctx context.Context, l *line) ([]string, error) {
	members, err := q.who(ctx, l)
	if err != nil {
		return nil, err
	}
	keys := []string{q.members()}
	for shard, key := range q.keys {
		keys = append(keys, key, q.returned(shard))
		for _, member := range members {
			keys = append(keys, q.taken(shard, member))
		}
	}
	for _, member := range members {
		keys = append(keys, q.alive(member))
	}
	return keys, nil
}

// depthTries is how often a count is made again because a member came meanwhile.
const depthTries = 10

// depth counts what is in all lists.
func (q lists) depth(ctx context.Context, l *line) (int64, error) {
	for range depthTries {
		members, err := q.who(ctx, l)
		if err != nil {
			return 0, err
		}
		if n, whole, err := q.count(ctx, l, members); whole || err != nil {
			return n, err
		}
	}
	return 0, fmt.Errorf("members come and go too fast to count what they hold")
}

// count is one try, whole unless there was somebody else than members. It is one transaction, or what moves from one list to another
// meanwhile would be counted twice or not at all.
func (q lists) count(ctx context.Context, l *line, members []string) (sum int64, whole bool, err error) {
	commands := []rueidis.Completed{l.command("MULTI"), l.command("SCARD", q.members())}
	for shard, key := range q.keys {
		commands = append(commands, l.command("LLEN", key), l.command("LLEN", q.returned(shard)))
		for _, member := range members {
			commands = append(commands, l.command("SISMEMBER", q.members(), member), l.command("LLEN", q.taken(shard, member)))
		}
	}
	commands = append(commands, l.command("EXEC"))
	replies, err := l.do(ctx, commands...)
	if err != nil {
		return 0, false, err
	}
	numbers, err := replies[len(replies)-1].AsIntSlice()
	if err != nil {
		return 0, false, err
	}
	whole = numbers[0] == int64(len(members))
	for at := 1; at < len(numbers); at += 2 + 2*len(members) {
		sum += numbers[at] + numbers[at+1]
		for i := range members {
			whole = whole && numbers[at+2+2*i] == 1
			sum += numbers[at+3+2*i]
		}
	}
	return sum, whole, nil
}

// giveBack moves everything that member has taken from a shard to what was given back.
func (q lists) giveBack(ctx context.Context, l *line, shard int, member string) error {
	from, to := q.taken(shard, member), q.returned(shard)
	for {
		reply, err := l.ask(ctx, "LLEN", from)
		if err != nil {
			return err
		}
		n, err := reply.AsInt64()
		if err != nil {
			return fmt.Errorf("%w: to LLEN", errReply)
		}
		if n == 0 {
			return nil
		}
		commands := make([]rueidis.Completed, 0, min(n, givePage))
		for range cap(commands) {
			commands = append(commands, l.command("LMOVE", from, to, "LEFT", "RIGHT"))
		}
		replies, err := l.do(ctx, commands...)
		if err != nil {
			return err
		}
		for i := range replies {
			if err := replies[i].Error(); err != nil && !rueidis.IsRedisNil(err) {
				return err
			}
		}
	}
}

// remove makes the command that takes one message with this body out of what member has taken. Two with the same body are the same to a
// list.
func (q lists) remove(l *line, shard int, member, body string) rueidis.Completed {
	return l.command("LREM", q.taken(shard, member), "1", body)
}

// memberName is that of a life of a member, which is known by the id of its connection.
func memberName(number int, connection string) string { return memberPrefix(number) + connection }

// memberPrefix is what the names of all lives of a member begin with.
func memberPrefix(number int) string { return "m" + strconv.Itoa(number) + ":" }
