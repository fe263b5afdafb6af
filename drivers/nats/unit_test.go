package nats

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"ordeal/drivers"
)

func TestShardOfIsTheInverseOfRoute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topic := drivers.Topic{Name: rapid.StringMatching(`[a-z0-9_-]{1,9}`).Draw(t, "name"), Shards: rapid.IntRange(1, 2000).Draw(t, "shards")}
		r := newRoute(topic)
		shard := rapid.Int32Range(0, int32(topic.Shards)-1).Draw(t, "shard")
		subject, err := r.subject(&drivers.Message{Shard: shard})
		if err != nil || shardOf(subject) != shard {
			t.Fatalf("shard %d: subject %q, %v, back: %d", shard, subject, err, shardOf(subject))
		}
	})
	for _, odd := range []string{"", "orders", "orders.", "orders.x", "orders.1x", "orders.9999999999"} {
		if got := shardOf(odd); got != drivers.AnyShard {
			t.Errorf("%q: %d", odd, got)
		}
	}
}

func TestReach(t *testing.T) {
	for _, c := range []struct {
		name      string
		guarantee drivers.Guarantee
		topic     drivers.Topic
		storage   string
		remedy    string // part of the error, empty where it can be kept
	}{
		{"default is accepted", 0, drivers.Topic{Replicas: 1}, "file", ""},
		{"sent log", drivers.Sent, drivers.Topic{Replicas: 1}, "file", ""},
		{"sent broadcast", drivers.Sent, drivers.Topic{Model: drivers.Broadcast, Replicas: 1}, "file", ""},
		{"accepted broadcast", 0, drivers.Topic{Model: drivers.Broadcast, Replicas: 1}, "file", "to sent"},
		{"replicated once", drivers.Replicated, drivers.Topic{Replicas: 1}, "file", "nats:3"},
		{"replicated", drivers.Replicated, drivers.Topic{Replicas: 3}, "memory", ""},
		{"too many", drivers.Accepted, drivers.Topic{Replicas: 7}, "file", "at most 5"},
		{"durable in memory", drivers.Durable, drivers.Topic{Replicas: 3}, "memory", "storage"},
		{"durable on one", drivers.Durable, drivers.Topic{Replicas: 1}, "file", ""},
		{
			"queue with two groups", drivers.Accepted,
			drivers.Topic{Model: drivers.Queue, Replicas: 1, Groups: []drivers.Group{{Name: "a"}, {Name: "b"}}},
			"file", "log",
		},
	} {
		err := New().Reach(drivers.Config{Guarantee: c.guarantee, Options: drivers.Options{optStorage: c.storage}}, c.topic)
		if (err == nil) != (c.remedy == "") || err != nil && !strings.Contains(err.Error(), c.remedy) {
			t.Errorf("%s: %v, want a hint about %q", c.name, err, c.remedy)
		}
	}
}

func TestPromise(t *testing.T) {
	one, two := []drivers.Group{{Name: "a", Members: 1}}, []drivers.Group{{Name: "a", Members: 2}}
	for _, c := range []struct {
		name      string
		guarantee drivers.Guarantee
		topic     drivers.Topic
		storage   string
		want      drivers.Promise
	}{
		{
			"R1", drivers.Accepted,
			drivers.Topic{Replicas: 1, Groups: one},
			"file",
			drivers.Promise{Delivery: drivers.AtLeastOnce, Order: drivers.PerShard, Survives: drivers.Crash},
		},
		{
			"R1 in memory", drivers.Accepted,
			drivers.Topic{Replicas: 1, Groups: one},
			"memory",
			drivers.Promise{Delivery: drivers.AtLeastOnce, Order: drivers.PerShard, Survives: drivers.Nothing},
		},
		{
			"R3", drivers.Replicated,
			drivers.Topic{Replicas: 3, Groups: two},
			"file",
			drivers.Promise{Delivery: drivers.AtLeastOnce, Order: drivers.Unordered, Survives: drivers.NodeLoss},
		},
		{
			"durable", drivers.Durable,
			drivers.Topic{Replicas: 3, Groups: one},
			"file",
			drivers.Promise{Delivery: drivers.AtLeastOnce, Order: drivers.PerShard, Survives: drivers.PowerLoss},
		},
		{
			"sent to a log", drivers.Sent,
			drivers.Topic{Replicas: 3, Groups: one},
			"file",
			drivers.Promise{Delivery: drivers.AtMostOnce, Order: drivers.PerShard},
		},
		{
			"broadcast", drivers.Sent,
			drivers.Topic{Model: drivers.Broadcast, Replicas: 1, Groups: two},
			"file",
			drivers.Promise{Delivery: drivers.AtMostOnce, Order: drivers.Unordered},
		},
	} {
		got := New().Promise(drivers.Config{Guarantee: c.guarantee, Options: drivers.Options{optStorage: c.storage}}, c.topic)
		if got.Why == "" {
			t.Errorf("%s: no reason", c.name)
		}
		if got.Why = ""; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	for _, options := range []drivers.Options{
		{optDedupWindow: "50ms"}, {optAckWait: "0s"}, {optPublishTimeout: "0s"}, {optStorage: "tape"}, {"colour": "red"},
	} {
		_, err := New().Open(t.Context(), drivers.Config{Servers: []string{"127.0.0.1:1"}, Options: options}, drivers.Env{})
		if err == nil {
			t.Errorf("%v was taken", options)
		}
		for name := range options {
			if err != nil && !strings.Contains(err.Error(), name) {
				t.Errorf("%v: the error does not name it: %v", options, err)
			}
		}
	}
	if _, err := New().Open(t.Context(), drivers.Config{}, drivers.Env{}); err == nil {
		t.Error("no server, and no error")
	}
}

func TestNamesThatNATSDoesNotTake(t *testing.T) {
	for _, name := range []string{"", "a.b", "a*", ">", "a b", "a/b", "a\tb"} {
		if checkName("topic", name) == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

// TestFlightKnowsItsAnswers gives answers late, twice and to nobody: to flights whose messages share subjects, and to one where they do not.
func TestFlightKnowsItsAnswers(t *testing.T) {
	for _, apart := range []bool{false, true} {
		var got []drivers.Receipt
		f := newFlight(2, apart, func(r drivers.Receipt) { got = append(got, r) })
		board := func(token uint64, patience time.Duration) uint64 {
			t.Helper()
			handles, err := f.board(nil, []drivers.Message{{Token: token}}, patience)
			if err != nil || handles[0]&seatMask != 0 {
				t.Fatalf("message %d does not take the seat of the one before: %x, %v", token, handles, err)
			}
			return handles[0]
		}
		ack := func(handle, seq uint64) {
			f.land([]landing{landed(handle, drivers.Receipt{Outcome: drivers.Acked, Position: drivers.At(seq)})})
		}
		refuse := func(handle uint64) {
			f.land([]landing{landed(handle, drivers.Receipt{Outcome: drivers.Rejected, Err: errAnswer})})
		}
		one := board(1, 0)
		f.expire() // its patience was 0
		two := board(2, time.Hour)
		ack(one, 5) // late, and not message 2's
		ack(99, 6)
		ack(two, 6)
		refuse(two)
		three := board(3, time.Hour)
		ack(two, 6) // another leader's answer to message 2, which must not be taken for one to message 3
		ack(three, 7)
		four := board(4, time.Hour)
		ack(two, 6)
		ack(three, 7)
		refuse(four)
		five := board(5, time.Hour)
		ack(four, 8) // of what was refused
		refuse(four)
		ack(five, 9)
		if shared := two == three && three == four; shared == apart || four == five {
			t.Errorf("handles %x, %x, %x, and after a refusal %x", two, three, four, five)
		}
		f.end(errLost)
		if _, err := f.board(nil, []drivers.Message{{Token: 6}}, time.Hour); !errors.Is(err, errLost) {
			t.Errorf("boarded after the end: %v", err)
		}
		want := []drivers.Receipt{
			{Token: 1, Err: errNoAnswer},
			{Token: 2, Outcome: drivers.Acked, Position: drivers.At(6)},
			{Token: 3, Outcome: drivers.Acked, Position: drivers.At(7)},
			{Token: 4, Outcome: drivers.Rejected, Err: errAnswer},
			{Token: 5, Outcome: drivers.Acked, Position: drivers.At(9)},
			{Token: 6, Outcome: drivers.Rejected, Err: errLost},
		}
		if !slices.Equal(got, want) {
			t.Errorf("receipts, apart %v:\n%+v, want\n%+v", apart, got, want)
		}
	}
}

// TestFlightRenewsItsSubjects: an answer that comes long after its message was settled finds nobody, whatever it says.
func TestFlightRenewsItsSubjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []drivers.Receipt
		f := newFlight(1, false, func(r drivers.Receipt) { got = append(got, r) })
		var handles []uint64
		for token := range uint64(3) {
			var err error
			if handles, err = f.board(handles, []drivers.Message{{Token: token}}, time.Hour); err != nil {
				t.Fatal(err)
			}
			f.land([]landing{landed(handles[token], drivers.Receipt{Outcome: drivers.Acked, Position: drivers.At(token + 1)})})
			time.Sleep(2 * subjectAge / 3)
		}
		if handles[0] != handles[1] || handles[1] == handles[2] {
			t.Errorf("handles %x at 0, 2/3 and 4/3 of a subject's age", handles)
		}
		if handles, _ = f.board(handles, []drivers.Message{{Token: 3}}, time.Hour); len(got) != 3 {
			t.Fatalf("%d receipts for 3 messages", len(got))
		}
		f.land([]landing{landed(handles[0], drivers.Receipt{Outcome: drivers.Rejected, Err: errAnswer})})
		if len(got) != 3 {
			t.Errorf("the last message was settled by an answer to the first: %+v", got[3])
		}
	})
}
