package redis

import (
	"errors"
	"strings"
	"testing"

	"ordeal/drivers"
)

// TestEviction: a policy that drops keys matters where there is a limit to the memory, and where it drops such as messages are in.
func TestEviction(t *testing.T) {
	for _, row := range []struct {
		policy, limit, queue string
		want                 drivers.FactStatus
		note                 string
	}{
		{"allkeys-lru", "100mb", "stream", drivers.Contradicted, "set options.redis.server.maxmemory-policy"},
		{"allkeys-random", "100mb", "list", drivers.Contradicted, "set options.redis.server.maxmemory-policy"},
		{"allkeys-lru", "0", "stream", drivers.Confirmed, "without maxmemory"},
		{"noeviction", "100mb", "stream", drivers.Confirmed, ""},
		{"volatile-lru", "100mb", "stream", drivers.Confirmed, "rejects messages"},
		{"volatile-ttl", "100mb", "list", drivers.Confirmed, "others get what it holds"},
	} {
		t.Run(row.policy+" "+row.limit+" "+row.queue, func(t *testing.T) {
			k := startNode(t, "--maxmemory-policy", row.policy, "--maxmemory", row.limit)
			s := connect(t, drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optQueue: row.queue}})
			facts, err := s.Audit(t.Context(), drivers.Topic{Name: "jobs", Model: drivers.Queue, Shards: 1, Replicas: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range facts {
				if f.Setting != "maxmemory-policy" {
					continue
				}
				if f.Status != row.want || !strings.Contains(f.Note, row.note) {
					t.Errorf("it is %s: %+v; want %s, %q", f.Status, f, row.want, row.note)
				}
				return
			}
			t.Errorf("no fact about it in %+v", facts)
		})
	}
}

// TestNothingExpires holds the audit to its word: no key expires but those by which members of a list show that they live, so that a policy
// volatile-* evicts no message.
func TestNothingExpires(t *testing.T) {
	for _, row := range []struct {
		model drivers.Model
		queue string
		alive int
	}{{drivers.Log, "stream", 0}, {drivers.Queue, "stream", 0}, {drivers.Queue, "list", 1}} {
		t.Run(row.model.String()+" "+row.queue, func(t *testing.T) {
			k := startNode(t)
			s := connect(t, drivers.Config{Servers: []string{k.address}, Options: drivers.Options{optQueue: row.queue}})
			topic := drivers.Topic{
				Name: "jobs", Model: row.model, Shards: 1, Replicas: 1, Groups: []drivers.Group{{Name: "g", Members: 1, Prefetch: 10}},
			}
			if err := s.Declare(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
			p, batch := produce(t, s, topic, drivers.Accepted), make([]drivers.Message, 12)
			for i := range batch {
				batch[i] = drivers.Message{Token: uint64(i), Body: []byte{byte(i)}}
			}
			if err := errors.Join(p.Send(t.Context(), batch), p.Flush(t.Context())); err != nil {
				t.Fatal(err)
			}
			c := consume(t, s, topic, 0)
			ds := receive(t, c, 5)
			if err := errors.Join(c.Ack(t.Context(), ds[:1]), c.(drivers.Nacker).Nack(t.Context(), ds[1:3], true)); err != nil {
				t.Fatal(err)
			}
			reply, err := s.control.ask(t.Context(), "KEYS", "*")
			if err != nil {
				t.Fatal(err)
			}
			keys, err := reply.AsStrSlice()
			if err != nil || len(keys) < 2 {
				t.Fatalf("keys %q, %v", keys, err)
			}
			alive := 0
			for _, key := range keys {
				reply, err := s.control.ask(t.Context(), "TTL", key)
				if err != nil {
					t.Fatal(err)
				}
				left, err := reply.AsInt64()
				switch {
				case err != nil:
					t.Fatal(err)
				case strings.HasPrefix(key, "jobs:alive:") && left >= 0:
					alive++
				case left != -1 && left != -2: // -2: it is gone meanwhile
					t.Errorf("%s expires in %d s", key, left)
				}
			}
			if alive != row.alive {
				t.Errorf("%d members show that they live, want %d: %q", alive, row.alive, keys)
			}
		})
	}
}
