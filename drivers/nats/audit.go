package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"ordeal/drivers"
)

// monitorAnswer bounds what is read from a monitoring port, in bytes.
const monitorAnswer = 1 << 20

// Audit reads the stream, its consumers and, where the option monitor names them, the servers' own settings.
func (s *session) Audit(ctx context.Context, t drivers.Topic) ([]drivers.Fact, error) {
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("audit topic %q: %w", t.Name, err)
	}
	facts := []drivers.Fact{{Setting: "server version", Have: s.nc.ConnectedServerVersion(), Status: drivers.Confirmed}}
	if t.Model == drivers.Broadcast {
		return append(facts, drivers.Fact{
			Setting: "persistence", Want: "none", Have: "none", Status: drivers.Confirmed,
			Note: "core NATS: who does not listen gets nothing",
		}), nil
	}
	info, err := s.streamInfo(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("audit topic %q: %w", t.Name, err)
	}
	facts = append(facts, s.streamFacts(t, info.Config)...)
	for _, g := range t.Groups {
		info, err := s.consumerInfo(ctx, t, g.Name)
		if err != nil {
			return nil, fmt.Errorf("audit topic %q: group %q: %w", t.Name, g.Name, err)
		}
		facts = append(facts, s.groupFacts(t, g, info.Config)...)
	}
	if wanted(s.cfg) == drivers.Durable {
		facts = append(facts, s.syncFacts(ctx)...)
	}
	return facts, nil
}

func fact(setting, want, have, note string) drivers.Fact {
	f := drivers.Fact{Setting: setting, Want: want, Have: have, Note: note, Status: drivers.Confirmed}
	if want != have {
		f.Status = drivers.Contradicted
	}
	return f
}

func (s *session) streamFacts(t drivers.Topic, have jetstream.StreamConfig) []drivers.Fact {
	want := s.streamConfig(t)
	name := "stream " + t.Name + " "
	limit := func(n int64) string {
		if n <= 0 {
			return "unlimited"
		}
		return strconv.FormatInt(n, 10)
	}
	// A limit drops what was acked, unless the stream refuses what is new instead.
	bound := func(setting string, n int64, refuses bool) drivers.Fact {
		if n > 0 && refuses {
			return drivers.Fact{
				Setting: name + setting, Want: "unlimited", Have: limit(n) + ", discard new", Status: drivers.Confirmed,
				Note: "when it is full it refuses new messages, and drops none that was acked",
			}
		}
		return fact(name+setting, "unlimited", limit(n), "a limit would drop messages that were acked: remove it, or set discard to new")
	}
	refuses := have.Discard == jetstream.DiscardNew
	return []drivers.Fact{
		fact(name+"num_replicas", strconv.Itoa(want.Replicas), strconv.Itoa(have.Replicas), "a majority of them confirms a message"),
		fact(name+"storage", want.Storage.String(), have.Storage.String(), ""),
		fact(name+"retention", want.Retention.String(), have.Retention.String(), ""),
		bound("max_msgs", have.MaxMsgs, refuses),
		bound("max_bytes", have.MaxBytes, refuses),
		bound("max_msgs_per_subject", have.MaxMsgsPerSubject, refuses && have.DiscardNewPerSubject),
		fact(name+"max_age", "unlimited", limit(int64(have.MaxAge)), "an age would drop messages that were acked"),
		fact(name+"no_ack", "false", strconv.FormatBool(have.NoAck), "without acks no send is ever known to be stored"),
		fact(name+"duplicate_window", want.Duplicates.String(), have.Duplicates.String(), dedupNote(s.set)),
	}
}

func dedupNote(s settings) string {
	if s.dedupWindow > 0 {
		return "messages carry an id made from their body"
	}
	return "the least that JetStream takes; messages carry no id"
}

func (s *session) groupFacts(t drivers.Topic, g drivers.Group, have jetstream.ConsumerConfig) []drivers.Fact {
	want := s.groupConfig(t, g)
	name := "consumer " + g.Name + " "
	facts := []drivers.Fact{fact(name+"ack_policy", want.AckPolicy.String(), have.AckPolicy.String(), "")}
	if want.AckPolicy == jetstream.AckNonePolicy {
		return facts
	}
	return append(facts,
		fact(name+"ack_wait", want.AckWait.String(), have.AckWait.String(), "after it a message is delivered again"),
		fact(name+"max_deliver", "-1", strconv.Itoa(have.MaxDeliver), "a limit would give messages up"),
		fact(name+"max_ack_pending", strconv.Itoa(want.MaxAckPending), strconv.Itoa(have.MaxAckPending), ""),
	)
}

// syncFacts asks every monitoring port whether each write is synced.
func (s *session) syncFacts(ctx context.Context) []drivers.Fact {
	const setting, always = "jetstream sync_interval", "always"
	if len(s.set.monitors) == 0 {
		return []drivers.Fact{{
			Setting: setting, Want: always,
			Note: "an ordinary client cannot see it: name the nodes' monitoring ports in options.nats.monitor",
		}}
	}
	client := &http.Client{Transport: &http.Transport{Proxy: nil, DialContext: s.env.Dial, DisableKeepAlives: true}}
	var facts []drivers.Fact
	for _, address := range s.set.monitors {
		f := drivers.Fact{Setting: setting + " at " + address, Want: always}
		interval, err := syncInterval(ctx, client, address)
		if err != nil {
			f.Note = err.Error()
		} else {
			f = fact(f.Setting, always, interval, "what is not synced is gone when the power fails")
		}
		facts = append(facts, f)
	}
	return facts
}

func syncInterval(ctx context.Context, client *http.Client, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/jsz?config=true", http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	var jsz struct {
		Config struct {
			SyncAlways   bool  `json:"sync_always"`
			SyncInterval int64 `json:"sync_interval"`
		} `json:"config"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, monitorAnswer)).Decode(&jsz); err != nil {
		return "", fmt.Errorf("/jsz of %s: %s: %w", address, answer.Status, err)
	}
	if jsz.Config.SyncAlways {
		return "always", nil
	}
	return fmt.Sprintf("%ds", jsz.Config.SyncInterval/1e9), nil
}
