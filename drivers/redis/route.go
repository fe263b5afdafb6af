package redis

import (
	"fmt"
	"strconv"

	"ordeal/drivers"
	"ordeal/drivers/shards"
)

// route knows the keys of a topic: streams, or channels of a broadcast.
type route struct {
	keys   []string
	picker shards.Picker
}

func newRoute(t drivers.Topic) route {
	r := route{keys: make([]string, t.Shards)}
	for i := range r.keys {
		r.keys[i] = t.Name + ":" + strconv.Itoa(i)
	}
	return r
}

// shard of a message, by which its key is found.
func (r *route) shard(m *drivers.Message) (int32, error) { return r.picker.Pick(m, len(r.keys)) }

// shards tells the shard of each key.
func (r *route) shards() map[string]int32 {
	out := make(map[string]int32, len(r.keys))
	for i, key := range r.keys {
		out[key] = int32(i)
	}
	return out
}

// settingsKey is the hash that keeps what a stream cannot tell: the topic's model, its number of shards, its groups' ack modes.
func settingsKey(t drivers.Topic) string { return t.Name + ":settings" }

func checkTopic(t drivers.Topic) error {
	switch {
	case t.Name == "":
		return fmt.Errorf("it has no name")
	case t.Shards < 1:
		return fmt.Errorf("it has %d shards: give it at least 1", t.Shards)
	default:
		return nil
	}
}
