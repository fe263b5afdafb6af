package rabbitmq

import (
	"context"
	"testing"
	"time"

	"ordeal/drivers"
)

// documentedRights are what docs/drivers.md asks of an administrator: they suffice for everything, the audit too.
func documentedRights(t *testing.T, a admin, cfg drivers.Config) {
	const name = "documented"
	a.user(name, `^ordeal-`, `^(ordeal-|amq\.default$)`, `^ordeal-`)
	a.put(map[string]string{"password": "secret", "tags": "management"}, "users", name)
	cfg.Auth = drivers.Auth{User: name, Password: "secret"}
	for _, c := range []struct {
		model drivers.Model
		kind  string
	}{{drivers.Queue, typeQuorum}, {drivers.Log, typeClassic}, {drivers.Log, typeStream}, {drivers.Broadcast, typeAuto}} {
		t.Run(c.model.String()+" "+c.kind, func(t *testing.T) {
			topic := queueTopic("ordeal-" + c.model.String() + "-" + c.kind)
			topic.Model = c.model
			cfg.Options = drivers.Options{optQueueType: c.kind}
			s := connect(t, cfg)
			if err := s.Declare(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			consumer, err := connect(t, cfg).Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0]})
			if err != nil {
				t.Fatal(err)
			}
			newTry(t, cfg, topic).expect(drivers.Message{Body: []byte("body")}, drivers.Acked, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			ds := make([]drivers.Delivery, 1)
			if n, err := consumer.Receive(ctx, ds); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			if err := consumer.Ack(t.Context(), ds); err != nil {
				t.Error(err)
			}
			if _, err := s.Depth(t.Context(), topic, "g"); err != nil {
				t.Error(err)
			}
			if place, err := s.Locate(t.Context(), topic, 0); c.model != drivers.Broadcast && (err != nil || place.Leader == "") {
				t.Errorf("placement %+v, %v", place, err)
			}
			facts, err := s.Audit(t.Context(), topic)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range facts {
				if f.Status != drivers.Confirmed {
					t.Errorf("%+v", f)
				}
			}
			if err := s.Delete(t.Context(), topic); err != nil {
				t.Error(err)
			}
		})
	}
}
