package redis

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ordeal/drivers"
)

func TestPositions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drivers.Position{Major: rapid.Uint64().Draw(t, "ms"), Minor: rapid.Uint64().Draw(t, "seq"), Known: true}
		if have, ok := parsePosition(string(appendID(nil, want))); !ok || have != want {
			t.Fatalf("%s comes back as %s", want, have)
		}
	})
	for _, text := range []string{"", "-", "1", "1-", "-1", "1-x", "x-1", "1-2-3", " 1-2", "99999999999999999999-0"} {
		if p, ok := parsePosition(text); ok {
			t.Errorf("%q is taken for %s", text, p)
		}
	}
}

func FuzzInfo(f *testing.F) {
	f.Add("# Replication\r\nrole:master\r\nconnected_slaves:1\r\nslave0:ip=127.0.0.1,port=6380,state=online,offset=42,lag=0\r\n")
	f.Add("connected_slaves:3\r\nslave0:\r\nslave1:ip=,port\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		i := parseInfo(text)
		if i.number("connected_slaves") > 1000 {
			t.Skip("nobody has that many")
		}
		if n := i.online(); n > 0 && !strings.Contains(text, "online") {
			t.Errorf("%d replicas are online in %q", n, text)
		}
	})
}

func TestReplicas(t *testing.T) {
	i := parseInfo("# Replication\r\nrole:master\r\nconnected_slaves:2\r\n" +
		"slave0:ip=10.0.0.1,port=6380,state=online,offset=42,lag=0\r\nslave1:ip=10.0.0.2,port=6381,state=wait_bgsave,offset=0,lag=3\r\n")
	rs := i.replicas()
	if len(rs) != 2 || rs[0] != (replica{"10.0.0.1:6380", "online", 0}) || rs[1] != (replica{"10.0.0.2:6381", "wait_bgsave", 3}) || i.online() != 1 {
		t.Errorf("replicas %v, %d online", rs, i.online())
	}
}

func TestAtLeast(t *testing.T) {
	for _, row := range []struct {
		version, least string
		want           bool
	}{
		{"7.0.15", "7.0", true},
		{"7.2.0", "7.2", true},
		{"8.0.2", "7.2", true},
		{"7.10.1", "7.2", true},
		{"6.2.14", "7.0", false},
		{"7.0.15", "7.2", false},
		{"7", "7.0", false},
		{"", "7.0", false},
		{"x.y", "7.0", false},
	} {
		if have := atLeast(row.version, row.least); have != row.want {
			t.Errorf("%q at least %q: %v", row.version, row.least, have)
		}
	}
}

// TestReach refuses what cannot be, and says what to change.
func TestReach(t *testing.T) {
	for _, row := range []struct {
		name      string
		guarantee drivers.Guarantee
		topic     drivers.Topic
		options   drivers.Options
		want      string
	}{
		{"accepted log", drivers.Accepted, drivers.Topic{Replicas: 1}, nil, ""},
		{"unset is accepted", 0, drivers.Topic{Replicas: 1}, nil, ""},
		{"durable log", drivers.Durable, drivers.Topic{Replicas: 1}, nil, ""},
		{"replicated log", drivers.Replicated, drivers.Topic{Replicas: 3}, nil, ""},
		{"replicated pair", drivers.Replicated, drivers.Topic{Replicas: 2}, nil, ""},
		{"replicated once", drivers.Replicated, drivers.Topic{Replicas: 1}, nil, "redis:2 or redis:3"},
		{"trimmed and replicated", drivers.Replicated, drivers.Topic{Replicas: 3}, drivers.Options{optMaxLen: "10"}, "max_len"},
		{"trimmed and accepted", drivers.Accepted, drivers.Topic{Replicas: 3}, drivers.Options{optMaxLen: "10"}, ""},
		{"sent broadcast", drivers.Sent, drivers.Topic{Model: drivers.Broadcast, Replicas: 1}, nil, ""},
		{"accepted broadcast", drivers.Accepted, drivers.Topic{Model: drivers.Broadcast, Replicas: 1}, nil, "guarantee to sent"},
		{"two groups of a queue", drivers.Sent, drivers.Topic{Model: drivers.Queue, Groups: make([]drivers.Group, 2)}, nil, "model to log"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := New().Reach(drivers.Config{Guarantee: row.guarantee, Options: row.options}, row.topic)
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v; want %q", err, row.want)
			}
		})
	}
}

// TestPromise: stronger guarantees survive more, and every claim has a reason.
func TestPromise(t *testing.T) {
	for _, row := range []struct {
		name      string
		guarantee drivers.Guarantee
		topic     drivers.Topic
		options   drivers.Options
		delivery  drivers.Semantics
		order     drivers.Scope
		survives  drivers.Survival
		why       string
	}{
		{"accepted", drivers.Accepted, drivers.Topic{Replicas: 1}, nil, drivers.AtLeastOnce, drivers.PerShard, drivers.Nothing, "in memory"},
		{"replicated", drivers.Replicated, drivers.Topic{Replicas: 3}, nil, drivers.AtLeastOnce, drivers.PerShard, drivers.NodeLoss, "WAIT 1"},
		{"durable", drivers.Durable, drivers.Topic{Replicas: 1}, nil, drivers.AtLeastOnce, drivers.PerShard, drivers.PowerLoss, "one copy only"},
		{"durable copies", drivers.Durable, drivers.Topic{Replicas: 3}, nil, drivers.AtLeastOnce, drivers.PerShard, drivers.PowerLoss, "WAITAOF"},
		{
			"trimmed", drivers.Accepted,
			drivers.Topic{Replicas: 1},
			drivers.Options{optMaxLen: "9"},
			drivers.AtMostOnce, drivers.PerShard,
			drivers.Nothing, "max_len",
		},
		{
			"competing", drivers.Accepted,
			drivers.Topic{Groups: []drivers.Group{{Members: 2}}},
			nil, drivers.AtLeastOnce, drivers.Unordered,
			drivers.Nothing, "compete",
		},
		{"broadcast", drivers.Sent, drivers.Topic{Model: drivers.Broadcast}, nil, drivers.AtMostOnce, drivers.PerShard, drivers.Nothing, "pub/sub"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := New().Promise(drivers.Config{Guarantee: row.guarantee, Options: row.options}, row.topic)
			if p.Delivery != row.delivery || p.Order != row.order || p.Survives != row.survives || !strings.Contains(p.Why, row.why) {
				t.Errorf("promise %+v", p)
			}
		})
	}
}

// TestSeats holds the seats against a map: a tag is good once.
func TestSeats(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s seats
		held := make(map[uint64]bool)
		var old []uint64
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			switch {
			case rapid.Bool().Draw(t, "take"):
				tag := s.take()
				if held[tag] {
					t.Fatalf("tag %d is given twice", tag)
				}
				held[tag] = true
				old = append(old, tag)
			case len(old) > 0:
				tag := rapid.SampledFrom(old).Draw(t, "tag")
				if have := s.leave(tag); have != held[tag] {
					t.Fatalf("leaving %d, held %v: %v", tag, held[tag], have)
				}
				delete(held, tag)
			}
			if s.count != len(held) {
				t.Fatalf("%d seats are taken, counted %d", len(held), s.count)
			}
		}
	})
}

// TestRoster: whatever the list, each shard is one present member's.
func TestRoster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(1, 5).Draw(t, "members")
		topic, g := drivers.Topic{Name: "t"}, drivers.Group{Name: "g", Members: members}
		present := rapid.SliceOfNDistinct(rapid.IntRange(0, members-1), 1, members, rapid.ID[int]).Draw(t, "present")
		list := make([]string, len(present))
		for i, m := range present {
			list[i] = string(rune('0' + m))
		}
		for shard := range int32(7) {
			var takers []int
			for m := range members {
				r := newRoster(topic, g, m)
				if r.take(strings.Join(list, ",")); r.mine(shard) {
					takers = append(takers, m)
				}
			}
			if len(takers) != 1 {
				t.Fatalf("shard %d with %v present is taken by %v", shard, present, takers)
			}
		}
	})
}

func TestRoute(t *testing.T) {
	r := newRoute(drivers.Topic{Name: "t", Shards: 3})
	if r.keys[2] != "t:2" || r.shards()["t:1"] != 1 {
		t.Errorf("keys %v", r.keys)
	}
	for _, wrong := range []int32{3, -2} {
		if _, err := r.shard(&drivers.Message{Shard: wrong}); err == nil {
			t.Errorf("shard %d of 3 is taken", wrong)
		}
	}
}

// A primary that is cut off from its replicas calls them online for a while, and is followed by none.
func TestFollowing(t *testing.T) {
	i := info{
		"connected_slaves": "3", "slave0": "ip=a,port=1,state=online,offset=9,lag=1", "slave1": "ip=b,port=2,state=online,offset=5,lag=20",
		"slave2": "ip=c,port=3,state=wait_bgsave,offset=0,lag=0",
	}
	if i.online() != 2 || i.following() != 1 {
		t.Errorf("%d are online, %d follow; want 2 and 1", i.online(), i.following())
	}
}
