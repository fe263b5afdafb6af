package kafka

import (
	"context"
	"fmt"
	"strconv"

	"ordeal/drivers"
)

// Audit reads the topic's settings, where its replicas are, and what the brokers say about themselves.
func (s *session) Audit(ctx context.Context, t drivers.Topic) ([]drivers.Fact, error) {
	facts, err := s.audit(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("audit topic %q: %w", t.Name, whole(ctx, err))
	}
	return facts, nil
}

func (s *session) audit(ctx context.Context, t drivers.Topic) ([]drivers.Fact, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	facts, err := s.brokerFacts(ctx)
	if err != nil {
		return nil, err
	}
	topic, err := s.topic(ctx, s.client, t)
	if err != nil {
		return nil, err
	}
	least, insyncNow := t.Replicas, t.Replicas
	for _, p := range topic.Partitions {
		least, insyncNow = min(least, len(p.Replicas)), min(insyncNow, len(p.ISR))
	}
	name := "topic " + t.Name + " "
	facts = append(facts,
		fact(name+"partitions", strconv.Itoa(t.Shards), strconv.Itoa(len(topic.Partitions)), ""),
		fact(name+"replicas", strconv.Itoa(t.Replicas), strconv.Itoa(least), "of the partition that has the fewest"),
		fact(name+"in-sync replicas", strconv.Itoa(t.Replicas), strconv.Itoa(insyncNow), "at the moment, of the partition that has the fewest"),
	)
	config, err := s.topicConfigs(ctx, t)
	if err != nil {
		return nil, err
	}
	return append(append(append(facts, s.topicFacts(t, config)...), s.keptFacts(ctx)...), s.clientFacts(t)...), nil
}

// keptFacts tell where brokers keep how far groups have come, and what became of transactions. No guarantee for messages rests on it: a
// group whose progress is gone begins at the start of the log again. Who may not look is told nothing.
func (s *session) keptFacts(ctx context.Context) []drivers.Fact {
	kept := []string{"__consumer_offsets"}
	if s.set.transactions {
		kept = append(kept, "__transaction_state")
	}
	all, err := s.admin.Metadata(ctx, kept...)
	if err != nil {
		return nil
	}
	var facts []drivers.Fact
	for _, name := range kept {
		if topic, ok := all.Topics[name]; ok && topic.Err == nil {
			facts = append(facts, drivers.Fact{
				Setting: "topic " + name + " replicas", Have: strconv.Itoa(topic.Partitions.NumReplicas()), Status: drivers.Confirmed,
				Note: "the brokers' own; what it holds is lost with them, and then comes again",
			})
		}
	}
	return facts
}

func fact(setting, want, have, note string) drivers.Fact {
	f := drivers.Fact{Setting: setting, Want: want, Have: have, Note: note, Status: drivers.Confirmed}
	if want != have {
		f.Status = drivers.Contradicted
	}
	return f
}

func (s *session) topicFacts(t drivers.Topic, have map[string]string) []drivers.Fact {
	want, name := s.topicConfig(t), "topic "+t.Name+" "
	read := func(setting, note string) drivers.Fact { return fact(name+setting, want[setting], have[setting], note) }
	facts := []drivers.Fact{
		read("min.insync.replicas", "how many must have a message before acks=all answers"),
		read("unclean.leader.election.enable", "a replica that is behind must not become leader"),
		read("cleanup.policy", "compaction would drop messages that were acked"),
		read("retention.ms", "an age would drop messages that were acked"),
		read("retention.bytes", "a limit would drop messages that were acked"),
	}
	if wanted(s.cfg) == drivers.Durable {
		return append(facts, read("flush.messages", "what is not synced is gone when the power fails"))
	}
	return append(facts, drivers.Fact{
		Setting: name + "flush.messages", Have: have["flush.messages"], Status: drivers.Confirmed,
		Note: "messages between two syncs; this guarantee asks for none",
	})
}

// clientFacts are settings of this client: the guarantee rests on them as much as on the broker's.
func (s *session) clientFacts(t drivers.Topic) []drivers.Fact {
	acks, guarantee := "all", t.Owed(wanted(s.cfg))
	switch {
	case guarantee <= drivers.Sent:
		acks = "0"
	case guarantee == drivers.Accepted:
		acks = "1"
	}
	client := func(setting, value, note string) drivers.Fact {
		return drivers.Fact{Setting: "client " + setting, Want: value, Have: value, Status: drivers.Confirmed, Note: note}
	}
	return []drivers.Fact{
		client("acks", acks, "set by this driver"),
		client("enable.idempotence", strconv.FormatBool(s.numbered(guarantee)), "set by this driver; it takes acks=all"),
		client("linger.ms", strconv.FormatFloat(s.set.linger.Seconds()*1000, 'f', -1, 64),
			"how long the client waits for more messages; Kafka's own client waits 5 by default since 4.0"),
		client("compression.type", s.set.compression, "of the client's batches; the broker keeps them so"),
	}
}

// brokerFacts tell the versions, and how many brokers there are.
func (s *session) brokerFacts(ctx context.Context) ([]drivers.Fact, error) {
	versions, err := s.admin.ApiVersions(ctx)
	if err != nil {
		return nil, err
	}
	var facts []drivers.Fact
	for _, b := range versions.Sorted() {
		if b.Err != nil {
			facts = append(facts, drivers.Fact{Setting: fmt.Sprintf("version of broker %d", b.NodeID), Note: b.Err.Error()})
			continue
		}
		guess := b.VersionGuess()
		if len(facts) == 0 || facts[0].Setting != drivers.VersionSetting {
			facts = append([]drivers.Fact{{
				Setting: drivers.VersionSetting, Have: guess, Status: drivers.Confirmed,
				Note: "Kafka does not tell its version: this is the one that speaks the requests it lists",
			}}, facts...)
		}
	}
	return append(facts, drivers.Fact{Setting: "brokers", Have: strconv.Itoa(len(versions)), Status: drivers.Confirmed}), nil
}
