package nats

import (
	"fmt"
	"strconv"
	"strings"

	"ordeal/drivers"
	"ordeal/drivers/shards"
)

// route knows the subjects of a topic.
type route struct {
	subjects []string
	picker   shards.Picker
}

func newRoute(t drivers.Topic) route {
	r := route{subjects: make([]string, t.Shards)}
	for i := range r.subjects {
		r.subjects[i] = t.Name + "." + strconv.Itoa(i)
	}
	return r
}

// subject of a message, by its shard.
func (r *route) subject(m *drivers.Message) (string, error) {
	shard, err := r.picker.Pick(m, len(r.subjects))
	if err != nil {
		return "", err
	}
	return r.subjects[shard], nil
}

// shardOf reads the shard from a subject; AnyShard where there is none.
func shardOf[T text](subject T) int32 {
	var shard int32
	i := len(subject)
	for unit := int32(1); i > 0 && subject[i-1] != '.'; unit *= 10 {
		i--
		if subject[i] < '0' || subject[i] > '9' || unit > 1e8 {
			return drivers.AnyShard
		}
		shard += unit * int32(subject[i]-'0')
	}
	if i == 0 || i == len(subject) {
		return drivers.AnyShard
	}
	return shard
}

// allSubjects matches every shard of a topic.
func allSubjects(t drivers.Topic) string { return t.Name + ".*" }

// checkTopic refuses what cannot be a stream with its subjects.
func checkTopic(t drivers.Topic) error {
	if t.Shards < 1 {
		return fmt.Errorf("it has %d shards: give it at least 1", t.Shards)
	}
	return checkName("topic", t.Name)
}

// checkName refuses what NATS does not take as the name of a stream or a consumer.
func checkName(what, name string) error {
	if name == "" || strings.ContainsAny(name, ".*> \t\r\n/\\") {
		return fmt.Errorf("the %s name %q: use letters, digits, '-' and '_' only", what, name)
	}
	return nil
}
