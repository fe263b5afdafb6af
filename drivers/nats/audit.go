package nats

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
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
	holders := s.holders(info)
	facts = append(facts, s.streamFacts(t, info.Config)...)
	for _, g := range t.Groups {
		info, err := s.consumerInfo(ctx, t, g.Name)
		if err != nil {
			return nil, fmt.Errorf("audit topic %q: group %q: %w", t.Name, g.Name, err)
		}
		facts = append(facts, s.groupFacts(t, g, info.Config)...)
	}
	if wanted(s.cfg) == drivers.Durable {
		facts = append(facts, s.syncFacts(ctx, holders)...)
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

// syncFacts asks the monitoring ports whether each write is synced, on every node that holds the stream: any of them may be of the majority
// that confirms a message. What other nodes do is of no account.
func (s *session) syncFacts(ctx context.Context, holders []string) []drivers.Fact {
	const setting, always = "jetstream sync_interval", "always"
	if len(s.set.monitors) == 0 {
		return []drivers.Fact{{
			Setting: setting, Want: always,
			Note: "an ordinary client cannot see it: name the nodes' monitoring ports in options.nats.monitor",
		}}
	}
	client := &http.Client{Transport: &http.Transport{Proxy: nil, DialContext: s.env.Dial, DisableKeepAlives: true}}
	var facts []drivers.Fact
	asked, answered := map[string]bool{}, map[string]bool{}
	for _, address := range s.set.monitors {
		if asked[address] {
			continue
		}
		asked[address] = true
		f := drivers.Fact{Setting: setting + " at " + address, Want: always}
		name, interval, err := syncInterval(ctx, client, address)
		switch {
		case err != nil:
			f.Note = err.Error()
		case !slices.Contains(holders, name) || answered[name]:
			continue
		default:
			answered[name] = true
			f = fact(f.Setting, always, interval, "what is not synced is gone when the power fails")
		}
		facts = append(facts, f)
	}
	for _, name := range holders {
		if !answered[name] {
			facts = append(facts, drivers.Fact{
				Setting: setting + " of " + name, Want: always,
				Note: "the node holds the stream, and no address in options.nats.monitor that answered is its monitoring port: add it",
			})
		}
	}
	return facts
}

// holders are the names of the servers that hold a stream.
func (s *session) holders(info *jetstream.StreamInfo) []string {
	if info.Cluster == nil {
		if name := s.nc.ConnectedServerName(); name != "" {
			return []string{name}
		}
		return []string{"the server, to which the connection is lost"}
	}
	var names []string
	if info.Cluster.Leader != "" {
		names = append(names, info.Cluster.Leader)
	}
	for _, peer := range info.Cluster.Replicas {
		names = append(names, peer.Name)
	}
	return names
}

// syncInterval tells which server answers at address, and how often it syncs.
func syncInterval(ctx context.Context, client *http.Client, address string) (name, interval string, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryLimit)
	defer cancel()
	var varz struct {
		ID   string `json:"server_id"`
		Name string `json:"server_name"`
	}
	var jsz struct { // what /varz tells of it may be missing: it is what it was when /varz was first asked
		ID     string `json:"server_id"`
		Config struct {
			SyncAlways   bool  `json:"sync_always"`
			SyncInterval int64 `json:"sync_interval"`
		} `json:"config"`
	}
	if err := monitored(ctx, client, address, "/varz", &varz); err != nil {
		return "", "", err
	}
	if err := monitored(ctx, client, address, "/jsz?config=true", &jsz); err != nil {
		return "", "", err
	}
	switch {
	case varz.ID != jsz.ID:
		return "", "", fmt.Errorf("different servers answer at %s: name the monitoring port of each node by itself", address)
	case jsz.Config.SyncAlways:
		return varz.Name, "always", nil
	default:
		return varz.Name, fmt.Sprintf("%ds", jsz.Config.SyncInterval/1e9), nil
	}
}

// monitored reads what a monitoring port says at path.
func monitored(ctx context.Context, client *http.Client, address, path string, v any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	if err := json.NewDecoder(io.LimitReader(answer.Body, monitorAnswer)).Decode(v); err != nil {
		return fmt.Errorf("%s of %s: %s: %w", path, address, answer.Status, err)
	}
	return nil
}
