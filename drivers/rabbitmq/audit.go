package rabbitmq

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ordeal/drivers"
)

// Audit reads the broker's version from its greeting and the settings of the queues from the management plugin. Without the plugin they
// are unverified, except that the queues exist as they would be declared.
func (s *session) Audit(ctx context.Context, t drivers.Topic) ([]drivers.Fact, error) {
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("audit topic %q: %w", t.Name, err)
	}
	facts := []drivers.Fact{{Setting: drivers.VersionSetting, Have: s.version(), Status: drivers.Confirmed}}
	if t.Model == drivers.Broadcast {
		return append(facts, drivers.Fact{
			Setting: "persistence", Want: "none", Have: "none", Status: drivers.Confirmed,
			Note: "transient messages: who does not listen gets nothing",
		}), nil
	}
	if err := s.Declare(ctx, t); err != nil { // the broker compares, and refuses what is not the same
		return nil, fmt.Errorf("audit: %w", err)
	}
	ask := s.management.queues
	if streams(s.cfg, t) {
		ask = s.management.streams
	}
	known, err := ask(ctx, s.set.vhost, t.Name+".")
	if ctx.Err() != nil {
		return nil, fmt.Errorf("audit topic %q: %w", t.Name, ctx.Err())
	}
	if err != nil {
		return append(facts, s.unverified(t, err)...), nil
	}
	infos := make([]queueInfo, 0, len(known))
	for _, name := range s.allQueues(t) {
		infos = append(infos, known[name])
	}
	policed := s.management.police(ctx, s.set.vhost, infos)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("audit topic %q: %w", t.Name, ctx.Err())
	}
	for _, f := range s.queueFacts(t, infos) {
		if policed != nil && strings.HasSuffix(f.Setting, operatorSetting) {
			f.Status, f.Have, f.Note = drivers.Unverified, "", "the management plugin does not tell: "+policed.Error()
		}
		facts = append(facts, f)
	}
	return facts, nil
}

const operatorSetting = "operator policy"

// unverified are the facts where only AMQP can be asked.
func (s *session) unverified(t drivers.Topic, err error) []drivers.Fact {
	kind := queueType(s.cfg, t)
	facts := []drivers.Fact{{
		Setting: "queues of " + t.Name + " x-queue-type", Want: kind, Have: kind, Status: drivers.Confirmed,
		Note: "the broker took the same declaration again, which it refuses where the type differs",
	}}
	for _, f := range s.queueFacts(t, nil)[1:] {
		f.Status, f.Have = drivers.Unverified, ""
		f.Note = "AMQP does not tell, and the management plugin gave no answer: enable rabbitmq_management, " +
			"or say where it is in options.rabbitmq.management: " + err.Error()
		facts = append(facts, f)
	}
	return facts
}

// queueFacts holds the queues against what they should be; a fact is about all of them.
func (s *session) queueFacts(t drivers.Topic, queues []queueInfo) []drivers.Fact {
	kind := queueType(s.cfg, t)
	name := "queues of " + t.Name + " "
	fact := func(setting, want, note string, have func(q *queueInfo) string) drivers.Fact {
		values := map[string]bool{}
		for i := range queues {
			values[have(&queues[i])] = true
		}
		f := drivers.Fact{Setting: name + setting, Want: want, Note: note, Status: drivers.Contradicted}
		f.Have = strings.Join(slices.Sorted(maps.Keys(values)), ", ")
		if f.Have == want {
			f.Status = drivers.Confirmed
		}
		return f
	}
	facts := []drivers.Fact{
		fact("type", kind, "", func(q *queueInfo) string { return q.Type }),
		fact("durable", "true", "", func(q *queueInfo) string { return strconv.FormatBool(q.Durable) }),
		fact("policy", "none", "a policy may limit, expire or mirror queues", func(q *queueInfo) string { return none(q.Policy) }),
		fact(operatorSetting, "none", "", func(q *queueInfo) string { return none(q.Operator) }),
		fact("limits", "none", "a limit or an age would drop messages that were acked", func(q *queueInfo) string { return q.limits() }),
	}
	if kind == typeStream {
		facts = append(facts,
			fact("x-initial-cluster-size", strconv.Itoa(t.Replicas), "a message is confirmed when a majority has it in memory; nobody syncs it",
				func(q *queueInfo) string { return fmt.Sprint(q.Arguments["x-initial-cluster-size"]) }))
		told := slices.ContainsFunc(queues, func(q queueInfo) bool { return len(q.Members) > 0 })
		switch {
		case told:
		case t.Replicas == 1: // what exists has one
			return facts
		default:
			return append(facts, drivers.Fact{
				Setting: name + "members", Want: strconv.Itoa(t.Replicas),
				Note: "the management plugin tells no members of streams while its metrics collector is off",
			})
		}
	}
	if kind == typeQuorum || kind == typeStream {
		note := "a majority of them confirms a message"
		if kind == typeQuorum {
			note += ", when it is synced: wal_sync_method of ra, with which an advanced.config may forgo that, cannot be read"
		}
		facts = append(facts,
			fact("members", strconv.Itoa(t.Replicas), note,
				func(q *queueInfo) string { return strconv.Itoa(len(q.Members)) }),
			fact("members online", strconv.Itoa(t.Replicas), "", func(q *queueInfo) string { return strconv.Itoa(len(q.Online)) }))
	}
	return facts
}

func none(names ...string) string {
	out := strings.Join(slices.DeleteFunc(names, func(n string) bool { return n == "" }), " and ")
	if out == "" {
		return "none"
	}
	return out
}

// limits are those arguments by which a queue drops messages.
func (q *queueInfo) limits() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(q.Arguments)) {
		switch name {
		case "x-max-length", "x-max-length-bytes", "x-max-age", "x-message-ttl", "x-expires", "x-overflow":
			out = append(out, fmt.Sprintf("%s %v", name, q.Arguments[name]))
		}
	}
	return none(out...)
}
