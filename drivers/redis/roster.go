package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ordeal/drivers"
)

// rosterPoll is how often the members of a broadcast's group look for one that vanished.
const rosterPoll = 250 * time.Millisecond

// roster shares a broadcast among the members of a group, which pub/sub does not know. Every member subscribes to all shards, to a channel
// that shows its presence, and to one of the group. Whoever joins, leaves or misses somebody publishes there who is present. The server
// sends all subscribers everything in one order, so that all members take a new list into use between the same two messages: each message
// goes to one of them.
type roster struct {
	// channel of the group, presence of each member.
	channel  string
	presence []string
	self     int
	// list as it was last published, such as "0,2", and what it means for this member.
	list       string
	rank, live int
}

func newRoster(t drivers.Topic, g drivers.Group, self int) *roster {
	r := &roster{channel: t.Name + ":group:" + g.Name, self: self}
	for i := range max(1, g.Members, self+1) {
		r.presence = append(r.presence, r.channel+":m"+strconv.Itoa(i))
	}
	return r
}

// take puts a published list into use.
func (r *roster) take(list string) {
	r.list = list
	members := strings.Split(list, ",")
	r.rank, r.live = slices.Index(members, strconv.Itoa(r.self)), len(members)
}

// mine tells whether this member is the one to take the messages of shard.
func (r *roster) mine(shard int32) bool {
	return r.rank >= 0 && r.live > 0 && int(shard)%r.live == r.rank
}

// present asks the server who is there.
func (r *roster) present(ctx context.Context, l *line) ([]string, error) {
	reply, err := l.ask(ctx, append([]string{"PUBSUB", "NUMSUB"}, r.presence...)...)
	if err != nil {
		return nil, err
	}
	pairs, err := reply.ToArray() // channel, number of subscribers, …
	if err != nil || len(pairs) != 2*len(r.presence) {
		return nil, fmt.Errorf("%w: to PUBSUB NUMSUB", errReply)
	}
	var members []string
	for i := range r.presence {
		n, err := pairs[2*i+1].ToInt64()
		if err != nil {
			return nil, fmt.Errorf("%w: to PUBSUB NUMSUB: %w", errReply, err)
		}
		if n > 0 {
			members = append(members, strconv.Itoa(i))
		}
	}
	return members, nil
}

// publish tells all members who is there.
func (r *roster) publish(ctx context.Context, l *line, members []string) error {
	_, err := l.ask(ctx, "PUBLISH", r.channel, strings.Join(members, ","))
	return err
}

// leave publishes a list without this member.
func (r *roster) leave(ctx context.Context, l *line) error {
	members, err := r.present(ctx, l)
	if err != nil {
		return err
	}
	self := strconv.Itoa(r.self)
	return r.publish(ctx, l, slices.DeleteFunc(members, func(m string) bool { return m == self }))
}
