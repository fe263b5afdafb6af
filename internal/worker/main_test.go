package worker

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/measure"
	"ordeal/internal/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testRun is the number of every run in these tests.
const testRun = 0x0ddba11

// testTopic is one log with two shards.
func testTopic() drivers.Topic {
	return drivers.Topic{Name: "orders", Model: drivers.Log, Shards: 2, Replicas: 1, Groups: []drivers.Group{testGroup()}}
}

func testGroup() drivers.Group {
	return drivers.Group{Name: "payment", Members: 1, Ack: drivers.AckAfter, Prefetch: 100}
}

// testPlan sends at rate for length: one producer, one group with one consumer, one probe.
func testPlan(t *testing.T, rate float64, length time.Duration) Plan {
	t.Helper()
	s, err := schedule.New([]schedule.Segment{{From: rate, To: rate, For: length}}, schedule.Uniform, 1)
	if err != nil {
		t.Fatal(err)
	}
	return Plan{
		Run: testRun, Seed: 1, Until: int64(length),
		Producers: []Producer{{
			ID: 1, Name: "checkout", Topic: testTopic(), Guarantee: drivers.Accepted, Schedule: s, Rate: rate, Stride: 1, Window: 100,
			MinSize: 64, MaxSize: 64, Attempts: 1,
		}},
		Probes:    []Probe{{ID: 2, Topic: testTopic(), Guarantee: drivers.Accepted, Groups: []int{0}}},
		Groups:    []Group{{Name: "payment", Topic: testTopic(), Spec: testGroup()}},
		Consumers: []Consumer{{Name: "payment"}},
	}
}

// rig is a worker with everything that it needs, on a driver of the test's choice.
type rig struct {
	*Local
	t       *testing.T
	plan    Plan
	judged  judge.Plan
	book    *judge.Book
	writer  *history.Writer
	path    string
	metrics *measure.Collector
	result  *Result

	mu     sync.Mutex
	events []string
}

func newRig(t *testing.T, d drivers.Driver, plan Plan) *rig {
	t.Helper()
	r := &rig{t: t, plan: plan, path: filepath.Join(t.TempDir(), "history.bin")}
	jp := judge.Plan{Run: testRun}
	for _, p := range plan.Producers {
		lanes := uint32(p.Topic.Shards)
		if p.Keys != nil {
			lanes = uint32(p.Keys.count)
		}
		jp.Producers = append(jp.Producers, judge.Producer{
			ID: p.ID, Name: p.Name, Topic: p.Topic.Name, Lanes: lanes, KeyLanes: p.Keys != nil, Counted: true,
		})
	}
	for _, p := range plan.Probes {
		jp.Producers = append(jp.Producers, judge.Producer{ID: p.ID, Name: "probe", Topic: p.Topic.Name, Lanes: 1})
	}
	for _, g := range plan.Groups {
		jp.Groups = append(jp.Groups, judge.Group{
			ID: g.ID, Name: g.Name, Topic: g.Topic.Name, Members: uint32(g.Spec.Members), Shards: uint32(g.Topic.Shards),
			Delivery: judge.AtLeastOnce, Order: judge.PerShard,
		})
	}
	r.judged, r.book = jp, judge.NewBook(jp)
	var err error
	if r.writer, err = history.Create(r.path, history.Header{Run: "test"}); err != nil {
		t.Fatal(err)
	}
	r.Local, err = NewLocal(plan, Deps{
		Driver: d, Book: r.book, History: r.writer, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Dial: func(Role, string) Dial { return nil },
		Notify: func(text string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, text)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.stop() })
	return r
}

// connect must succeed.
func (r *rig) connect() {
	r.t.Helper()
	if err := r.Connect(within(r.t, 10*time.Second)); err != nil {
		r.t.Fatal(err)
	}
}

// begin lets the load run.
func (r *rig) begin() {
	clock := measure.NewClock(time.Now())
	spans := []measure.Span{{Name: "steady", End: r.plan.Until, Recorded: true}}
	r.metrics = measure.NewCollector(clock, spans)
	r.Start(clock, r.metrics, spans)
}

// sent waits until everything was sent and settled.
func (r *rig) sent() {
	r.t.Helper()
	select {
	case <-r.Sent():
	case <-within(r.t, 20*time.Second).Done():
		r.t.Fatal("not everything was sent and settled")
	}
}

// received waits until a group has had n deliveries.
func (r *rig) received(group int, n int64) {
	r.t.Helper()
	await(r.t, "deliveries", func() bool { return r.Reached(group).Deliveries >= n })
}

// stop ends everything; it may be repeated.
func (r *rig) stop() *Result {
	if r.result == nil {
		r.result = r.Stop()
		if _, err := r.writer.Close(nil); err != nil {
			r.t.Error(err)
		}
	}
	return r.result
}

// findings are the book's, as if the drain was complete.
func (r *rig) findings() *judge.Findings {
	r.stop()
	drains := make([]judge.Drain, len(r.plan.Groups))
	for i := range drains {
		drains[i].Complete = true
	}
	return r.book.Findings(judge.Evidence{Drains: drains})
}

func (r *rig) notes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.events...)
}

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// await polls for a condition that nothing else announces.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
