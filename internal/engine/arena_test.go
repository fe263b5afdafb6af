package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/faults"
	"ordeal/internal/cluster"
	"ordeal/internal/worker"
)

var errGone = errors.New("connection gone")

// oracle is a driver that answers the engine's questions as a test wants.
type oracle struct {
	place  drivers.Placement
	err    error
	ends   []drivers.Position
	depth  int64
	noEnd  bool
	opened int
	closed int
}

func (o *oracle) Name() string                                          { return "oracle" }
func (o *oracle) Promise(drivers.Config, drivers.Topic) drivers.Promise { return drivers.Promise{} }

func (o *oracle) Open(context.Context, drivers.Config, drivers.Env) (drivers.Session, error) {
	o.opened++
	return &oracleSession{oracle: o}, nil
}

type oracleSession struct{ oracle *oracle }

func (s *oracleSession) Declare(context.Context, drivers.Topic) error { return nil }
func (s *oracleSession) Audit(context.Context, drivers.Topic) ([]drivers.Fact, error) {
	return nil, nil
}
func (s *oracleSession) Delete(context.Context, drivers.Topic) error { return nil }
func (s *oracleSession) Close(context.Context) error                 { s.oracle.closed++; return nil }

func (s *oracleSession) Producer(context.Context, drivers.ProducerSpec, func(drivers.Receipt)) (drivers.Producer, error) {
	return nil, errGone
}

func (s *oracleSession) Consumer(context.Context, drivers.ConsumerSpec) (drivers.Consumer, error) {
	return nil, errGone
}

func (s *oracleSession) Locate(context.Context, drivers.Topic, int) (drivers.Placement, error) {
	return s.oracle.place, s.oracle.err
}

func (s *oracleSession) End(context.Context, drivers.Topic) ([]drivers.Position, error) {
	if s.oracle.noEnd {
		return nil, fmt.Errorf("asked: %w", drivers.ErrNoEnd)
	}
	return s.oracle.ends, s.oracle.err
}

func (s *oracleSession) Depth(context.Context, drivers.Topic, string) (int64, error) {
	return s.oracle.depth, s.oracle.err
}

// node is one that has a name only.
type node struct {
	faults.Node
	name string
}

func (n node) Name() string    { return n.name }
func (n node) Address() string { return "at " + n.name }

// trio is a cluster of three such nodes.
type trio struct{ cluster.Cluster }

func (trio) Nodes() []faults.Node {
	return []faults.Node{node{name: "n1"}, node{name: "n2"}, node{name: "n3"}}
}

func newArena(t *testing.T, o *oracle, c cluster.Cluster) *arena {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	a := &admin{driver: o, env: drivers.Env{Logger: logger}}
	t.Cleanup(a.close)
	return &arena{
		target: Target{Text: "oracle:3", Driver: "oracle", Nodes: 3}, cluster: c, logger: logger, admin: a,
		topics: map[string]drivers.Topic{"orders": {Name: "ordeal-1-orders", Shards: 1}}, random: rand.New(rand.NewPCG(1, 2)),
	}
}

func TestResolve(t *testing.T) {
	placed := &oracle{place: drivers.Placement{Leader: "n2", Followers: []string{"n3", "n1"}}}
	tests := []struct {
		selector string
		oracle   *oracle
		want     []string // one of them, or all where all is set
		all      bool
	}{
		{selector: "n1", want: []string{"n1"}},
		{selector: "all", want: []string{"n1", "n2", "n3"}, all: true},
		{selector: "any", want: []string{"n1", "n2", "n3"}},
		{selector: "", want: []string{"n1", "n2", "n3"}},
		{selector: "leader(orders)", oracle: placed, want: []string{"n2"}},
		{selector: "leader( orders )", oracle: placed, want: []string{"n2"}},
		{selector: "follower(orders)", oracle: placed, want: []string{"n1", "n3"}},
	}
	for _, test := range tests {
		if test.oracle == nil {
			test.oracle = &oracle{}
		}
		nodes, err := newArena(t, test.oracle, trio{}).Resolve(t.Context(), test.selector)
		if err != nil || test.all && len(nodes) != len(test.want) || !test.all && len(nodes) != 1 {
			t.Errorf("%q: %d nodes, %v", test.selector, len(nodes), err)
			continue
		}
		for _, n := range nodes {
			found := false
			for _, w := range test.want {
				found = found || n.Name() == w
			}
			if !found {
				t.Errorf("%q gave %s, expected of %v", test.selector, n.Name(), test.want)
			}
		}
	}
}

func TestResolveSaysWhyNot(t *testing.T) {
	tests := []struct {
		selector string
		oracle   oracle
		cluster  cluster.Cluster
		want     []string
	}{
		{"n4", oracle{}, trio{}, []string{`"n4" is no node of oracle:3`, "n1, n2, n3", "leader(topic)"}},
		{"any", oracle{}, cluster.NewExternal("nats://host:1", nil), []string{"has no processes that ordeal may act upon"}},
		{"leader(payments)", oracle{}, trio{}, []string{`the scenario has no topic "payments"`}},
		{"leader(orders)", oracle{err: errGone}, trio{}, []string{"leader(orders)", errGone.Error()}},
		{"follower(orders)", oracle{place: drivers.Placement{Leader: "n1"}}, trio{}, []string{"one replica only"}},
		{"leader(orders)", oracle{place: drivers.Placement{Leader: "n9"}}, trio{}, []string{`the broker names "n9"`}},
		{"master(orders)", oracle{}, trio{}, []string{`"master(orders)" is no node`}},
	}
	for _, test := range tests {
		_, err := newArena(t, &test.oracle, test.cluster).Resolve(t.Context(), test.selector)
		if err == nil {
			t.Errorf("%q was resolved", test.selector)
			continue
		}
		says(t, err.Error(), test.want...)
	}
}

// The admin connection is used again while it answers, and given up after an error, for the node behind it may be gone.
func TestAdminOpensAnewAfterAnError(t *testing.T) {
	o := &oracle{}
	a := &admin{driver: o}
	fine := func(context.Context, drivers.Session) error { return nil }
	for range 3 {
		if err := a.ask(t.Context(), askLimit, fine); err != nil {
			t.Fatal(err)
		}
	}
	if o.opened != 1 || o.closed != 0 {
		t.Errorf("three questions opened %d connections and closed %d", o.opened, o.closed)
	}
	if err := a.ask(t.Context(), askLimit, func(context.Context, drivers.Session) error { return errGone }); !errors.Is(err, errGone) {
		t.Errorf("the answer's error is lost: %v", err)
	}
	if err := a.ask(t.Context(), askLimit, fine); err != nil || o.opened != 2 || o.closed != 1 {
		t.Errorf("after an error: %v, opened %d, closed %d", err, o.opened, o.closed)
	}
	err := a.ask(t.Context(), time.Millisecond, func(ctx context.Context, _ drivers.Session) error { <-ctx.Done(); return ctx.Err() })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a node that does not answer: %v", err)
	}
	a.close()
	a.close()
	if o.opened != o.closed {
		t.Errorf("opened %d, closed %d", o.opened, o.closed)
	}
}

// reader is a worker that has come so far.
type reader struct {
	worker.Worker
	reached worker.Reached
	fence   error
}

func (r reader) Reached(int) worker.Reached       { return r.reached }
func (r reader) Fence(context.Context, int) error { return r.fence }

// A drain is complete only when the broker's own end and its own count say so, and otherwise says what was missing.
func TestDrain(t *testing.T) {
	at := func(ns ...uint64) []drivers.Position {
		out := make([]drivers.Position, len(ns))
		for i, n := range ns {
			if n > 0 {
				out[i] = drivers.At(n)
			}
		}
		return out
	}
	tests := []struct {
		name     string
		oracle   oracle
		reader   reader
		model    drivers.Model
		complete bool
		want     string
	}{
		{"at the end", oracle{ends: at(5, 7)}, reader{reached: worker.Reached{High: at(5, 7)}}, drivers.Log, true, "own end of every shard"},
		{"beyond the end", oracle{ends: at(5)}, reader{reached: worker.Reached{High: at(6)}}, drivers.Log, true, "own end of every shard"},
		{"an empty shard", oracle{ends: at(5, 0)}, reader{reached: worker.Reached{High: at(5, 0)}}, drivers.Log, true, "nothing left"},
		{
			"short of the end",
			oracle{ends: at(5, 7)},
			reader{reached: worker.Reached{High: at(5, 6)}},
			drivers.Log, false,
			"shard 1 ends at 7, read so far: 6",
		},
		{"a shard unread", oracle{ends: at(5, 7)}, reader{reached: worker.Reached{High: at(5, 0)}}, drivers.Log, false, "read so far: ?"},
		{"a backlog", oracle{ends: at(5), depth: 3}, reader{reached: worker.Reached{High: at(5)}}, drivers.Log, false, "3 messages are left"},
		{"no ends", oracle{noEnd: true}, reader{}, drivers.Log, true, "where its shards end, nothing left by the broker's own count"},
		{"no ends and a backlog", oracle{noEnd: true, depth: 3}, reader{}, drivers.Log, false, "3 messages are left"},
		{
			"no answer",
			oracle{err: errGone},
			reader{},
			drivers.Log, false,
			"the broker does not answer: the end of the topic is not known: " + errGone.Error(),
		},
		{
			"no consumer",
			oracle{ends: at(1)},
			reader{reached: worker.Reached{High: at(0), Members: 2, Connected: 1}},
			drivers.Log, false,
			"1 of 2 consumers without a connection",
		},
		{"a fence", oracle{}, reader{}, drivers.Broadcast, true, "has passed a fence"},
		{"a fence that fails", oracle{}, reader{fence: errGone}, drivers.Broadcast, false, errGone.Error()},
		{"no fence", oracle{}, reader{fence: worker.ErrNoFence}, drivers.Broadcast, false, "the driver cannot tell when everything has arrived"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := &drainer{
				worker: test.reader, arena: newArena(t, &test.oracle, trio{}), timeout: 100 * time.Millisecond, now: func() int64 { return 1 },
			}
			group := worker.Group{Name: "payment", Topic: drivers.Topic{Name: "ordeal-1-orders", Model: test.model}}
			got := d.all(t.Context(), []worker.Group{group}, map[string]string{"ordeal-1-orders": "orders"})[0]
			if got.Complete != test.complete || got.Topic != "orders" || got.Group != "payment" {
				t.Errorf("%+v, expected complete %v", got, test.complete)
			}
			says(t, got.Why, test.want)
		})
	}
}

// An interrupted drain says so, and does not claim that the time was too short.
func TestDrainInterrupted(t *testing.T) {
	d := &drainer{worker: reader{}, arena: newArena(t, &oracle{depth: 1}, trio{}), timeout: time.Minute, now: func() int64 { return 1 }}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	complete, why := d.group(ctx, 0, worker.Group{})
	if complete {
		t.Error("an interrupted drain is complete")
	}
	says(t, why, "interrupted")
}

// While something still arrives a drain is not over, even at the end: what comes again must be seen.
func TestDrainWaitsForQuiet(t *testing.T) {
	d := &drainer{
		worker: reader{reached: worker.Reached{High: []drivers.Position{drivers.At(5)}, Last: 0}},
		arena:  newArena(t, &oracle{ends: []drivers.Position{drivers.At(5)}}, trio{}),
		idle:   time.Second, timeout: 100 * time.Millisecond, now: func() int64 { return int64(time.Second) - 1 },
	}
	if complete, _ := d.group(within(t, 100*time.Millisecond), 0, worker.Group{}); complete {
		t.Error("complete though the last delivery is less than idle ago")
	}
	d.now = func() int64 { return int64(time.Second) }
	if complete, why := d.group(within(t, time.Second), 0, worker.Group{}); !complete {
		t.Errorf("not complete after idle: %s", why)
	}
}

// A member that works on what it received may have more waiting in its client, of which the broker knows nothing any more.
func TestDrainWaitsForWork(t *testing.T) {
	d := &drainer{
		worker: reader{reached: worker.Reached{Working: 1}}, arena: newArena(t, &oracle{}, trio{}), timeout: 100 * time.Millisecond,
		now: func() int64 { return int64(time.Hour) },
	}
	if complete, _ := d.group(within(t, 100*time.Millisecond), 0, worker.Group{}); complete {
		t.Error("complete though a member works")
	}
}

// Who acknowledges before it has received may have lost the end of a shard with a connection. When the broker has nothing left for it and
// nothing comes for a while, that is known, and what is missing is lost.
func TestDrainOfWhatWasAcknowledgedBefore(t *testing.T) {
	for _, test := range []struct {
		name     string
		ack      drivers.AckMode
		noEnd    bool
		depth    int64
		quiet    time.Duration
		complete bool
		want     string
	}{
		{"before", drivers.AckBefore, false, 0, shortIdle, true, "shard 0 ends at 5, read so far: 4, acknowledged before that, and nothing left"},
		{"before, a moment ago", drivers.AckBefore, false, 0, shortIdle - 1, false, "acknowledged before that"},
		{"before, and on its way", drivers.AckBefore, false, 1, shortIdle, false, "shard 0 ends at 5, read so far: 4, and 1 messages are left"},
		{"after", drivers.AckAfter, false, 0, shortIdle, false, "shard 0 ends at 5"},
		{"before, no ends", drivers.AckBefore, true, 0, shortIdle, true, "where its shards end, acknowledged before that, and nothing"},
		{"before, no ends, a moment ago", drivers.AckBefore, true, 0, shortIdle - 1, false, "does not say where its shards end"},
		{"before, no ends, and on its way", drivers.AckBefore, true, 2, shortIdle, false, "and 2 messages are left"},
		{"after, no ends", drivers.AckAfter, true, 0, 0, true, "does not say where its shards end"},
	} {
		d := &drainer{
			worker: reader{reached: worker.Reached{High: []drivers.Position{drivers.At(4)}}},
			arena:  newArena(t, &oracle{ends: []drivers.Position{drivers.At(5)}, depth: test.depth, noEnd: test.noEnd}, trio{}),
			now:    func() int64 { return int64(test.quiet) },
		}
		complete, why := d.group(within(t, 100*time.Millisecond), 0, worker.Group{Spec: drivers.Group{Ack: test.ack}})
		if complete != test.complete {
			t.Errorf("%s: complete %t, %s", test.name, complete, why)
		}
		says(t, why, test.want)
	}
}

// readers are a worker whose groups have come so far.
type readers struct {
	worker.Worker
	reached []worker.Reached
}

func (r readers) Reached(i int) worker.Reached { return r.reached[i] }

// A group that cannot be drained takes no time from the others: what they have lost is known all the same.
func TestDrainsAtOnce(t *testing.T) {
	d := &drainer{
		worker: readers{reached: []worker.Reached{{}, {High: []drivers.Position{drivers.At(5)}}}},
		arena:  newArena(t, &oracle{ends: []drivers.Position{drivers.At(5)}}, trio{}), timeout: 200 * time.Millisecond, now: func() int64 { return 1 },
	}
	group := worker.Group{Spec: drivers.Group{Ack: drivers.AckAfter}}
	if got := d.all(t.Context(), []worker.Group{group, group}, nil); got[0].Complete || !got[1].Complete {
		t.Errorf("the stuck one is complete: %t (%s), the other: %t (%s)", got[0].Complete, got[0].Why, got[1].Complete, got[1].Why)
	}
}
