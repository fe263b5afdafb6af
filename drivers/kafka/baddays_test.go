package kafka

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"ordeal/drivers"
)

// TestContradictions changes behind the driver's back, one after the other, every setting that the guarantee durable rests on: the audit
// says which, and declaring the topic again names what is there and what is wanted.
func TestContradictions(t *testing.T) {
	r := newRig(t, startKafka(t, 1, nil).Servers(), drivers.Durable, nil)
	facts, err := r.Audit(t.Context(), r.topic)
	must(t, err)
	for _, f := range facts {
		if f.Status != drivers.Confirmed {
			t.Errorf("before any change: %+v", f)
		}
	}
	want := r.topicConfig(r.topic)
	for setting, wrong := range map[string]string{
		"flush.messages": "1000", "min.insync.replicas": "2", "unclean.leader.election.enable": "true", "cleanup.policy": "compact",
		"retention.ms": "3600000", "retention.bytes": "1073741824",
	} {
		r.alter(setting, wrong)
		eventually(t, func() bool { // the controller has it, and the broker soon
			facts, err := r.Audit(t.Context(), r.topic)
			must(t, err)
			fact := factOf(facts, "topic "+r.topic.Name+" "+setting)
			return fact.Status == drivers.Contradicted && fact.Have == wrong && fact.Want == want[setting] && fact.Note != ""
		})
		err := r.Declare(t.Context(), r.topic)
		if says := setting + " " + wrong + " instead of " + want[setting]; err == nil || !strings.Contains(err.Error(), says) ||
			!strings.Contains(err.Error(), "delete it first or take another name") {
			t.Errorf("the error does not say %q: %v", says, err)
		}
		r.alter(setting, want[setting])
	}
	eventually(t, func() bool { return r.Declare(t.Context(), r.topic) == nil })
	other := r.topic
	other.Shards = 3
	if err := r.Declare(t.Context(), other); err == nil || !strings.Contains(err.Error(), "partitions 1 instead of 3") {
		t.Error(err)
	}
	other.Shards, other.Replicas = 1, 3
	if err := r.Declare(t.Context(), other); err == nil || !strings.Contains(err.Error(), "replicas 1 instead of 3") {
		t.Error(err)
	}
	other.Name += "-new"
	if err := r.Declare(t.Context(), other); err == nil || !strings.Contains(err.Error(), "3 replicas are more than the cluster has brokers") {
		t.Error(err)
	}
}

// TestNowhere uses a topic that nobody has declared, and settings that the broker does not take: each is told soon.
func TestNowhere(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := bareRig(t, drivers.Config{Servers: server})
	absent := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, kerr.UnknownTopicOrPartition) || !strings.Contains(err.Error(), r.topic.Name) || !strings.Contains(err.Error(), "declare it") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := r.Producer(ctx, drivers.ProducerSpec{Topic: r.topic, Window: 1}, func(drivers.Receipt) {})
	absent("producer", err)
	_, err = r.Consumer(ctx, drivers.ConsumerSpec{Topic: r.topic, Group: r.topic.Groups[0]})
	absent("consumer", err)
	_, err = r.Audit(ctx, r.topic)
	absent("audit", err)
	_, err = r.Locate(ctx, r.topic, 0)
	absent("locate", err)
	_, err = r.End(ctx, r.topic)
	absent("end", err)
	_, err = r.Depth(ctx, r.topic, "a")
	absent("depth", err)
	must(t, r.Delete(ctx, r.topic))

	hasty := bareRig(t, drivers.Config{Servers: server, Options: drivers.Options{optSession: "200ms"}})
	must(t, hasty.Declare(ctx, hasty.topic))
	_, err = hasty.Consumer(ctx, drivers.ConsumerSpec{Topic: hasty.topic, Group: hasty.topic.Groups[0]})
	if !errors.Is(err, kerr.InvalidSessionTimeout) || !strings.Contains(err.Error(), "group.min.session.timeout.ms") {
		t.Errorf("a session that is too short: %v", err)
	}
}
