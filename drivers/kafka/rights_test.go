package kafka

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// rights are those of the limited user on one topic and its groups.
type rights struct {
	*rig
	owner *session
}

// newRights gives the limited user all rights on a topic of the test's name, and what begins with it, but those.
func newRights(t *testing.T, b *secured, guarantee drivers.Guarantee, but ...kadm.ACLOperation) *rights {
	t.Helper()
	cfg := b.as(userLimited, authScram256)
	cfg.Guarantee = guarantee
	r := &rights{rig: bareRig(t, cfg), owner: connect(t, drivers.Config{Servers: []string{b.open}, Guarantee: guarantee})}
	all := kadm.NewACLs().Topics(r.topic.Name).Groups(r.topic.Name).ResourcePatternType(kadm.ACLPatternPrefixed)
	r.rule(all.Operations(kadm.OpAll).Allow("User:" + userLimited).AllowHosts("*"))
	for _, op := range but {
		r.deny(op)
	}
	return r
}

func (r *rights) deny(op kadm.ACLOperation) {
	r.Helper()
	r.rule(kadm.NewACLs().Topics(r.topic.Name).ResourcePatternType(kadm.ACLPatternLiteral).Operations(op).
		Deny("User:" + userLimited).DenyHosts("*"))
}

func (r *rights) denyGroup(op kadm.ACLOperation) {
	r.Helper()
	r.rule(kadm.NewACLs().Groups(groupID(r.topic, "a")).ResourcePatternType(kadm.ACLPatternLiteral).Operations(op).
		Deny("User:" + userLimited).DenyHosts("*"))
}

func (r *rights) rule(rule *kadm.ACLBuilder) {
	r.Helper()
	made, err := r.owner.admin.CreateACLs(r.Context(), rule)
	must(r.T, err)
	for _, m := range made {
		must(r.T, m.Err)
	}
	eventually(r.T, func() bool { // the controller has it, and the broker soon
		described, err := r.owner.admin.DescribeACLs(r.Context(), rule)
		return err == nil && !slices.ContainsFunc(described, func(d kadm.DescribeACLsResult) bool { return d.Err != nil || len(d.Described) == 0 })
	})
}

// refused checks an error of a user without rights: it is soon there, names the topic, and says what to give.
func (r *rights) refused(err, want error) {
	r.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), r.topic.Name) || !strings.Contains(err.Error(), "give the user the right") {
		r.Errorf("%v", err)
	}
}

func (r *rights) consumer() (drivers.Consumer, error) {
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	return r.Consumer(ctx, drivers.ConsumerSpec{Topic: r.topic, Group: r.topic.Groups[0]})
}

// receives is the error of a consumer that may not read.
func (r *rights) receives(c drivers.Consumer) error {
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	_, err := c.Receive(ctx, make([]drivers.Delivery, 10))
	return err
}

// TestRights takes one right after the other from a user, and some while it is at work.
func TestRights(t *testing.T) {
	b := startSecured(t)
	t.Run("all", func(t *testing.T) {
		r := newRights(t, b, drivers.Durable)
		must(t, r.Declare(t.Context(), r.topic))
		r.produces()
		r.fill(1, 2)
		c, err := r.consumer()
		must(t, err)
		must(t, c.Ack(t.Context(), hand(t, c, 2, 20*time.Second)))
		depth(t, r.session, r.topic, 0)
		if _, err := r.Audit(t.Context(), r.topic); err != nil {
			t.Error(err)
		}
		must(t, c.Close(t.Context()))
		must(t, r.Delete(t.Context(), r.topic))
	})
	for name, op := range map[string]kadm.ACLOperation{"create": kadm.OpCreate, "describe": kadm.OpDescribe} {
		t.Run(name, func(t *testing.T) {
			r := newRights(t, b, drivers.Accepted, op)
			r.refused(r.Declare(t.Context(), r.topic), kerr.TopicAuthorizationFailed)
		})
	}
	t.Run("describe settings", func(t *testing.T) {
		r := newRights(t, b, drivers.Accepted, kadm.OpDescribeConfigs)
		must(t, r.Declare(t.Context(), r.topic))
		_, err := r.Audit(t.Context(), r.topic)
		r.refused(err, kerr.TopicAuthorizationFailed)
	})
	t.Run("delete", func(t *testing.T) {
		r := newRights(t, b, drivers.Accepted, kadm.OpDelete)
		must(t, r.Declare(t.Context(), r.topic))
		r.refused(r.Delete(t.Context(), r.topic), kerr.TopicAuthorizationFailed)
	})
	t.Run("write", func(t *testing.T) {
		r := newRights(t, b, drivers.Durable, kadm.OpWrite)
		must(t, r.Declare(t.Context(), r.topic))
		r.produces()
		must(t, r.send(1, "not allowed"))
		r.want(1, drivers.Unknown, kerr.TopicAuthorizationFailed)
		if err := r.of(1).Err; !strings.Contains(err.Error(), "give the user the right") {
			t.Error(err)
		}
		r.stored(0)
	})
	t.Run("read", func(t *testing.T) {
		r := newRights(t, b, drivers.Accepted, kadm.OpRead)
		must(t, r.owner.Declare(t.Context(), r.topic))
		c, err := r.consumer()
		if err == nil {
			err = r.receives(c)
		}
		r.refused(err, kerr.TopicAuthorizationFailed)
	})
	t.Run("group", func(t *testing.T) {
		r := newRights(t, b, drivers.Accepted)
		r.denyGroup(kadm.OpRead)
		r.refused(r.Declare(t.Context(), r.topic), kerr.GroupAuthorizationFailed)
		must(t, r.owner.Declare(t.Context(), r.topic))
		_, err := r.consumer()
		r.refused(err, kerr.GroupAuthorizationFailed)
	})
	t.Run("write lost on the way", func(t *testing.T) {
		r := newRights(t, b, drivers.Durable)
		must(t, r.Declare(t.Context(), r.topic))
		r.produces()
		r.fill(1, 1)
		r.deny(kadm.OpWrite)
		must(t, r.send(2, "no longer allowed"))
		r.want(2, drivers.Unknown, kerr.TopicAuthorizationFailed)
		r.stored(1)
	})
	t.Run("read lost on the way", func(t *testing.T) {
		r := newRights(t, b, drivers.Accepted)
		must(t, r.Declare(t.Context(), r.topic))
		r.produces()
		r.fill(1, 1)
		c, err := r.consumer()
		must(t, err)
		hand(t, c, 1, 20*time.Second)
		r.deny(kadm.OpRead)
		r.refused(r.receives(c), kerr.TopicAuthorizationFailed)
	})
	t.Run("group lost on the way", func(t *testing.T) {
		r := newRights(t, b, drivers.Accepted)
		must(t, r.Declare(t.Context(), r.topic))
		r.produces()
		r.fill(1, 1)
		c, err := r.consumer()
		must(t, err)
		got := hand(t, c, 1, 20*time.Second)
		r.denyGroup(kadm.OpRead)
		must(t, c.Ack(t.Context(), got)) // the commit comes after it
		r.refused(r.receives(c), kerr.GroupAuthorizationFailed)
	})
	t.Run("quota", func(t *testing.T) { quota(t, b) })
}

// words collects what is logged.
type words struct {
	slog.Handler
	mu   sync.Mutex
	said []string
}

func (w *words) Enabled(context.Context, slog.Level) bool { return true }
func (w *words) WithAttrs([]slog.Attr) slog.Handler       { return w }
func (w *words) Handle(_ context.Context, r slog.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Level >= slog.LevelWarn {
		w.said = append(w.said, r.Message)
	}
	return nil
}

// quota slows a user down: every message is acked, and the slowness is told once at the first time and summed up at the end.
func quota(t *testing.T, b *secured) {
	owner := connect(t, drivers.Config{Servers: []string{b.open}})
	user := userTester
	alter := kmsg.NewPtrAlterClientQuotasRequest()
	entry := kmsg.NewAlterClientQuotasRequestEntry()
	entry.Entity = []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "user", Name: &user}}
	entry.Ops = []kmsg.AlterClientQuotasRequestEntryOp{{Key: "producer_byte_rate", Value: 2000}}
	alter.Entries = append(alter.Entries, entry)
	_, err := alter.RequestWith(t.Context(), owner.Client)
	must(t, err)
	heard := &words{Handler: quiet().Handler()}
	s, err := New().Open(t.Context(), b.as(userTester, authPlain), drivers.Env{Dial: drivertest.Dial, Logger: slog.New(heard), Name: "quota"})
	must(t, err)
	r := &rig{T: t, session: s.(*session), outcomes: &outcomes{receipts: map[uint64]drivers.Receipt{}}}
	r.topic = drivers.Topic{Name: "quota", Shards: 1, Replicas: 1}
	must(t, r.Declare(t.Context(), r.topic))
	r.produces()
	for i := range uint64(2) { // the quota is measured over some seconds: the first of them uses it up
		must(t, r.send(i+1, strings.Repeat("x", 25_000)))
		r.want(i+1, drivers.Acked, nil)
	}
	must(t, s.Close(t.Context()))
	heard.mu.Lock()
	defer heard.mu.Unlock()
	if first := "a quota of the broker slows this client down"; !slices.Contains(heard.said, first) ||
		!slices.Contains(heard.said, "a quota of the broker has slowed this client down") {
		t.Errorf("it is not told that a quota slows the client down: %q", heard.said)
	}
}
