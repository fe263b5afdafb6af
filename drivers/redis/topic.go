package redis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ordeal/drivers"
)

// groupField is what the field of a group begins with in the settings of a topic.
const groupField = "group."

// Declare makes a consumer group at the beginning of every stream, and notes the settings. A broadcast needs nothing.
func (s *session) Declare(ctx context.Context, t drivers.Topic) error {
	if err := s.declare(ctx, t); err != nil {
		return fmt.Errorf("declare topic %q: %w", t.Name, advised(err))
	}
	return nil
}

func (s *session) declare(ctx context.Context, t drivers.Topic) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if err := checkTopic(t); err != nil {
		return err
	}
	switch {
	case t.Model == drivers.Broadcast:
		return nil
	case t.Model == drivers.Queue && len(t.Groups) > 1:
		return fmt.Errorf("a queue has one copy of each message, so it cannot have %d groups: make it a log", len(t.Groups))
	}
	want := topicSettings(t)
	list := s.access.set.ofList(t)
	if t.Model == drivers.Queue {
		want["queue"] = "stream"
	}
	if list {
		want["queue"] = "list"
	}
	if err := s.compare(ctx, t, want); err != nil {
		return err
	}
	for _, g := range t.Groups {
		if list {
			break // a list knows no groups
		}
		if err := s.declareGroup(ctx, s.control, t, g.Name); err != nil {
			return err
		}
	}
	words := []string{"HSET", settingsKey(t)}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		words = append(words, name, want[name])
	}
	if _, err := s.control.ask(ctx, words...); err != nil {
		return fmt.Errorf("note its settings: %w", err)
	}
	return s.spread(ctx, t)
}

// topicSettings are what Redis does not keep of a topic by itself.
func topicSettings(t drivers.Topic) map[string]string {
	want := map[string]string{"model": t.Model.String(), "shards": strconv.Itoa(t.Shards)}
	for _, g := range t.Groups {
		want[groupField+g.Name] = "ack " + g.Ack.String()
	}
	return want
}

// compare names the settings in which a topic that exists differs from the one that is wanted. Groups may be added.
func (s *session) compare(ctx context.Context, t drivers.Topic, want map[string]string) error {
	reply, err := s.control.ask(ctx, "HGETALL", settingsKey(t))
	if err != nil {
		return err
	}
	have, err := reply.AsStrMap()
	if err != nil {
		return fmt.Errorf("%w: its settings: %w", errReply, err)
	}
	var diffs []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if is, known := have[name]; known && is != want[name] {
			diffs = append(diffs, fmt.Sprintf("%s %s instead of %s", name, is, want[name]))
		}
	}
	if diffs != nil {
		return fmt.Errorf("it exists with %s: delete it first or take another name", strings.Join(diffs, ", "))
	}
	return nil
}

// declareGroup makes the group in every shard. One that exists stays as it is.
func (s *session) declareGroup(ctx context.Context, l *line, t drivers.Topic, group string) error {
	for _, key := range newRoute(t).keys {
		// With ENTRIESREAD the server knows from the beginning how much the group has still to read.
		_, err := l.ask(ctx, "XGROUP", "CREATE", key, group, "0", "MKSTREAM", "ENTRIESREAD", "0")
		if code(err) == "OOM" { // said before it looks whether the group is there, which is enough to read
			if there, asked := hasGroup(ctx, l, key, group); asked == nil && there {
				continue
			}
		}
		if err != nil && code(err) != "BUSYGROUP" {
			return fmt.Errorf("group %q of stream %q: %w", group, key, err)
		}
	}
	return nil
}

// hasGroup tells whether the stream has the group.
func hasGroup(ctx context.Context, l *line, key, group string) (bool, error) {
	reply, err := l.ask(ctx, "XINFO", "GROUPS", key)
	if err != nil {
		return false, err
	}
	list, err := reply.ToArray()
	if err != nil {
		return false, fmt.Errorf("%w: to XINFO GROUPS", errReply)
	}
	for i := range list {
		fields, err := list[i].AsStrMap()
		if err == nil && fields["name"] == group {
			return true, nil
		}
	}
	return false, nil
}

// spread waits until the replicas of a topic that has some know it: a failover must not forget its groups.
func (s *session) spread(ctx context.Context, t drivers.Topic) error {
	need := quorum(t)
	if need == 0 {
		return nil
	}
	reply, err := s.control.ask(ctx, "WAIT", strconv.Itoa(need), strconv.FormatInt(s.access.set.answerTimeout.Milliseconds(), 10))
	if err != nil {
		return fmt.Errorf("wait for %d replicas: %w", need, err)
	}
	have, err := reply.ToInt64()
	switch {
	case err != nil:
		return fmt.Errorf("%w: to WAIT", errReply)
	case have < int64(need) && wanted(s.access.cfg) >= drivers.Replicated:
		return fmt.Errorf("%d of the %d replicas that a majority needs answered within answer_timeout: start them, or set replicas to 1",
			have, need)
	default:
		return nil
	}
}

// Delete removes the streams, and their groups with them.
func (s *session) Delete(ctx context.Context, t drivers.Topic) error {
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("delete topic %q: %w", t.Name, err)
	}
	if t.Model == drivers.Broadcast {
		return nil
	}
	keys := newRoute(t).keys
	if s.access.set.ofList(t) {
		var err error
		if keys, err = newLists(t).all(ctx, s.control); err != nil {
			return fmt.Errorf("delete topic %q: %w", t.Name, err)
		}
	}
	if _, err := s.control.ask(ctx, append([]string{"UNLINK", settingsKey(t)}, keys...)...); err != nil {
		return fmt.Errorf("delete topic %q: %w", t.Name, err)
	}
	return nil
}
