package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"ordeal/drivers"
)

// Audit reads INFO and CONFIG of the primary and, where a majority must have things on disk, of the replicas.
func (s *session) Audit(ctx context.Context, t drivers.Topic) ([]drivers.Fact, error) {
	facts, err := s.audit(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("audit topic %q: %w", t.Name, err)
	}
	return facts, nil
}

func (s *session) audit(ctx context.Context, t drivers.Topic) ([]drivers.Fact, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	i, err := s.ownInfo(ctx)
	if err != nil {
		return nil, err
	}
	guarantee := wanted(s.access.cfg)
	facts := []drivers.Fact{s.versionFact(t, guarantee, i), fact("role", "master", i["role"], "")}
	if t.Model == drivers.Broadcast {
		return append(facts, drivers.Fact{
			Setting: "persistence", Want: "none", Have: "none", Status: drivers.Confirmed,
			Note: "pub/sub: who does not listen gets nothing",
		}), nil
	}
	facts = append(facts, replicaFact(t, guarantee, i))
	if s.access.set.ofList(t) {
		facts = append(facts, drivers.Fact{
			Setting: "queue", Want: "list", Have: "list", Status: drivers.Confirmed,
			Note: "the server marks no redeliveries: the driver marks what it takes from the list of a member that gave it back or vanished",
		})
	}
	memory, err := s.memoryFacts(ctx, t)
	if err != nil {
		return nil, err
	}
	facts = append(facts, memory...)
	disk, err := s.diskFacts(ctx, s.control, primaryDisk(guarantee))
	if err != nil {
		return nil, err
	}
	facts = append(facts, disk...)
	if guarantee == drivers.Durable && quorum(t) > 0 {
		return append(facts, s.replicaDisks(ctx, i)...), nil
	}
	return facts, nil
}

// memoryFacts tell what the server does when its memory is full. A policy for all keys drops messages. One for keys that expire drops none:
// the only such keys are those by which members of a list show that they live.
func (s *session) memoryFacts(ctx context.Context, t drivers.Topic) ([]drivers.Fact, error) {
	policy, err := s.configFact(ctx, s.control, "maxmemory-policy", "noeviction",
		"such a policy drops messages that were acked: set options.redis.server.maxmemory-policy to noeviction")
	if err != nil {
		return nil, err
	}
	limit, err := s.configFact(ctx, s.control, "maxmemory", "", "0 is no limit; with noeviction a server that reaches it rejects messages")
	if err != nil {
		return nil, err
	}
	switch {
	case policy.Status != drivers.Contradicted: // or not known
	case strings.HasPrefix(policy.Have, "volatile-"):
		policy.Status, policy.Want = drivers.Confirmed, "noeviction or volatile-*"
		policy.Note = "only keys that expire are evicted, and no message is in one; a server that is full rejects messages"
		if s.access.set.ofList(t) {
			policy.Note += "; what shows that a consumer lives may be evicted, and others get what it holds as well"
		}
	case limit.Have == "0":
		policy.Status, policy.Note = drivers.Confirmed, "without maxmemory nothing is evicted; with it, messages that were acked would be"
	}
	return []drivers.Fact{policy, limit}, nil
}

func fact(setting, want, have, note string) drivers.Fact {
	f := drivers.Fact{Setting: setting, Want: want, Have: have, Note: note, Status: drivers.Confirmed}
	if want != "" && want != have {
		f.Status = drivers.Contradicted
	}
	return f
}

func (s *session) versionFact(t drivers.Topic, guarantee drivers.Guarantee, i info) drivers.Fact {
	f := drivers.Fact{Setting: drivers.VersionSetting, Have: i["redis_version"], Status: drivers.Confirmed}
	if guarantee == drivers.Durable && quorum(t) > 0 && !atLeast(f.Have, waitaofSince) {
		f.Want, f.Status = waitaofSince+" or newer", drivers.Contradicted
		f.Note = "WAITAOF, which tells that replicas have synced, is not there before: set replicas to 1, or update the server"
	}
	return f
}

// replicaFact counts the replicas that follow the primary.
func replicaFact(t drivers.Topic, guarantee drivers.Guarantee, i info) drivers.Fact {
	f := drivers.Fact{Setting: "replicas online", Have: strconv.Itoa(i.online()), Status: drivers.Confirmed}
	if guarantee < drivers.Replicated || quorum(t) == 0 {
		f.Note = "an ack does not wait for them"
		return f
	}
	f.Want = fmt.Sprintf("at least %d", quorum(t))
	f.Note = fmt.Sprintf("with the primary a majority of the topic's %d copies; WAIT counts them for each batch", t.Replicas)
	if i.online() < quorum(t) {
		f.Status = drivers.Contradicted
	}
	return f
}

// configFact reads one setting by CONFIG GET, which managed servers often forbid.
func (s *session) configFact(ctx context.Context, l *line, setting, want, note string) (drivers.Fact, error) {
	reply, err := l.ask(ctx, "CONFIG", "GET", setting)
	if code(err) != "" {
		return drivers.Fact{Setting: setting, Want: want, Note: "CONFIG GET is not allowed: " + err.Error()}, nil
	}
	if err != nil {
		return drivers.Fact{}, err
	}
	values, err := reply.AsStrMap()
	if err != nil {
		return drivers.Fact{}, fmt.Errorf("%w: to CONFIG GET %s", errReply, setting)
	}
	return fact(setting, want, values[setting], note), nil
}

// want is what a setting should be, "" for anything, and why.
type want struct{ setting, value, why string }

// primaryDisk is what the primary's settings must be for an ack to outlive the power.
func primaryDisk(guarantee drivers.Guarantee) []want {
	if guarantee == drivers.Durable {
		return []want{
			{"appendonly", "yes", "set options.redis.server.appendonly to yes: without it nothing but snapshots is written"},
			{"appendfsync", "always", "set options.redis.server.appendfsync to always: what is not synced is gone when the power fails"},
			{"no-appendfsync-on-rewrite", "no", "set options.redis.server.no-appendfsync-on-rewrite to no: else snapshots suspend syncing"},
		}
	}
	return []want{
		{"appendonly", "", "no: what was acked since the last snapshot ends with the process"},
		{"appendfsync", "", "only always has a write on disk before it is answered"},
	}
}

// replicaDisk is the same for a replica: WAITAOF waits for its fsync, whenever that is.
func replicaDisk() []want {
	return []want{
		{"appendonly", "yes", "a replica without an append-only file is never counted by WAITAOF"},
		{"appendfsync", "", "everysec takes up to a second: wait_timeout must be longer, or every ack is unknown"},
	}
}

// diskFacts tell how soon writes are on the disk of the server behind l.
func (s *session) diskFacts(ctx context.Context, l *line, wants []want) ([]drivers.Fact, error) {
	var facts []drivers.Fact
	for _, w := range wants {
		f, err := s.configFact(ctx, l, w.setting, w.value, w.why)
		if err != nil {
			return nil, err
		}
		facts = append(facts, f)
	}
	return facts, nil
}

// replicaDisks asks the replicas themselves: WAITAOF counts those that have synced their own append-only file.
func (s *session) replicaDisks(ctx context.Context, i info) []drivers.Fact {
	var facts []drivers.Fact
	for _, r := range i.replicas() {
		of, err := s.askDisk(ctx, r.address)
		if err != nil {
			of = []drivers.Fact{{Setting: "appendonly", Want: "yes", Note: err.Error()}}
		}
		for _, f := range of {
			f.Setting = s.nodeName(r.address) + " " + f.Setting
			facts = append(facts, f)
		}
	}
	return facts
}

func (s *session) askDisk(ctx context.Context, address string) ([]drivers.Fact, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	l, err := s.access.dialLine(ctx, address, controlBuffers())
	if err != nil {
		return nil, err
	}
	defer l.close()
	return s.diskFacts(ctx, l, replicaDisk())
}
