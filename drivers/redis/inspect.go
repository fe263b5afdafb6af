package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"ordeal/drivers"
)

// Locate names the primary and its replicas: all shards of all topics live there. The names are those that a cluster of ordeal gives, n1
// and so on in the order of the servers; a server that was not given goes by its address.
func (s *session) Locate(ctx context.Context, t drivers.Topic, _ int) (drivers.Placement, error) {
	p, err := s.locate(ctx)
	if err != nil {
		return p, fmt.Errorf("locate topic %q: %w", t.Name, err)
	}
	return p, nil
}

func (s *session) locate(ctx context.Context) (drivers.Placement, error) {
	if err := s.usable(ctx); err != nil {
		return drivers.Placement{}, err
	}
	i, err := s.ownInfo(ctx)
	if err != nil {
		return drivers.Placement{}, err
	}
	p := drivers.Placement{Leader: s.nodeName(s.control.server)}
	for _, r := range i.replicas() {
		p.Followers = append(p.Followers, s.nodeName(r.address))
	}
	return p, nil
}

// ownInfo reads the INFO of the connected server. One that is a replica by now is of no more use: the line is cut, so that the engine
// looks for the primary anew.
func (s *session) ownInfo(ctx context.Context) (info, error) {
	i, err := readInfo(ctx, s.control)
	if err != nil {
		return nil, err
	}
	if i["role"] != "master" {
		s.control.cut()
		return nil, errReplica
	}
	return i, nil
}

func (s *session) nodeName(address string) string {
	if n := slices.Index(s.access.cfg.Servers, address); n >= 0 {
		return "n" + strconv.Itoa(n+1)
	}
	return address
}

// absent tells that a stream is not there, or not any more. Redis has no code of its own for it.
func absent(err error) bool {
	return code(err) == "ERR" && strings.HasSuffix(err.Error(), "no such key")
}

// Depth is what the group has neither read nor acknowledged. Of a queue it is what the streams hold, because an ack deletes. A stream that
// is gone holds nothing.
func (s *session) Depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	n, err := s.depth(ctx, t, group)
	if err != nil {
		return 0, fmt.Errorf("depth of topic %q for %q: %w", t.Name, group, err)
	}
	return n, nil
}

func (s *session) depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	if t.Model == drivers.Broadcast {
		return 0, nil
	}
	if s.access.set.ofList(t) {
		return newLists(t).depth(ctx, s.control)
	}
	keys := newRoute(t).keys
	commands := make([]rueidis.Completed, 0, 2*len(keys))
	for _, key := range keys {
		commands = append(commands, s.control.command("XLEN", key), s.control.command("XINFO", "GROUPS", key))
	}
	replies, err := s.control.do(ctx, commands...)
	if err != nil {
		return 0, err
	}
	var sum int64
	for i, key := range keys {
		length, err := replies[2*i].ToInt64()
		if err != nil {
			return 0, err
		}
		if t.Model == drivers.Queue {
			sum += length
			continue
		}
		n, err := s.owed(ctx, key, group, length, &replies[2*i+1])
		if err != nil {
			return 0, fmt.Errorf("stream %q: %w", key, err)
		}
		sum += n
	}
	return sum, nil
}

// owed reads the pending and unread entries of a group from XINFO GROUPS. A group that a server lost with its data has read nothing.
func (s *session) owed(ctx context.Context, key, group string, length int64, groups *rueidis.RedisResult) (int64, error) {
	list, err := groups.ToArray()
	if absent(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for i := range list {
		fields, err := list[i].ToMap()
		if err != nil {
			return 0, fmt.Errorf("%w: to XINFO GROUPS", errReply)
		}
		name, pending, lag, read := fields["name"], fields["pending"], fields["lag"], fields["last-delivered-id"]
		if text, err := name.ToString(); err != nil || text != group {
			continue
		}
		held, err := pending.ToInt64()
		if err != nil {
			return 0, fmt.Errorf("%w: to XINFO GROUPS: %w", errReply, err)
		}
		last, err := read.ToString()
		if err != nil {
			return 0, fmt.Errorf("%w: to XINFO GROUPS: %w", errReply, err)
		}
		// The server's own lag is wrong after trimming, and unknown after deletions; that nothing comes behind last is always right.
		if end, err := s.lastID(ctx, key); err != nil || end == last {
			return held, err
		}
		unread, err := lag.ToInt64()
		if err != nil {
			return 0, errors.New("the server does not know how much the group has still to read")
		}
		return held + unread, nil
	}
	return length, nil
}

// lastID is the last id that a stream gave out, "" when there is no stream.
func (s *session) lastID(ctx context.Context, key string) (string, error) {
	reply, err := s.control.ask(ctx, "XINFO", "STREAM", key)
	if absent(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	fields, err := reply.ToMap()
	if err != nil {
		return "", fmt.Errorf("%w: to XINFO STREAM", errReply)
	}
	last := fields["last-generated-id"]
	return last.ToString()
}

// End returns the last id that every stream gave out, also when the entry was deleted since.
func (s *session) End(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	ends, err := s.end(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("end of topic %q: %w", t.Name, err)
	}
	return ends, nil
}

func (s *session) end(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	ends := make([]drivers.Position, max(1, t.Shards))
	if t.Model == drivers.Broadcast || s.access.set.ofList(t) {
		return ends, nil
	}
	for shard, key := range newRoute(t).keys {
		last, err := s.lastID(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("stream %q: %w", key, err)
		}
		if end, ok := parsePosition(last); ok && (end.Major > 0 || end.Minor > 0) {
			ends[shard] = end
		}
	}
	return ends, nil
}
