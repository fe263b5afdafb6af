package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/memory"
	"ordeal/internal/measure"
)

// declared is a memory broker with the test's topic, and a session to ask it.
func declared(t *testing.T) (*memory.Driver, drivers.Session) {
	t.Helper()
	d := memory.New()
	s, err := d.Open(t.Context(), drivers.Config{}, drivers.Env{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Declare(t.Context(), testTopic()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) }) //nolint:errcheck // a broker that goes away with the test
	return d, s
}

// In every way of acknowledging, all that was sent is received once, whole and in order, and the broker is told that it is done with.
func TestConsumersAcknowledge(t *testing.T) {
	tests := []struct {
		name  string
		mode  drivers.AckMode
		batch int
		work  time.Duration
	}{
		{"after", drivers.AckAfter, 0, 0},
		{"after work", drivers.AckAfter, 0, 10 * time.Microsecond},
		{"before", drivers.AckBefore, 0, 0},
		{"before work", drivers.AckBefore, 0, 10 * time.Microsecond},
		{"in batches", drivers.AckAfter, 7, 0},
		{"in batches after work", drivers.AckAfter, 7, 10 * time.Microsecond},
		{"in batches larger than what comes", drivers.AckAfter, 90, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, session := declared(t)
			plan := testPlan(t, 2000, 100*time.Millisecond)
			plan.Groups[0].Spec.Ack, plan.Consumers[0].AckBatch, plan.Consumers[0].Work = test.mode, test.batch, test.work
			r := newRig(t, d, plan)
			r.connect()
			r.begin()
			r.sent()
			r.received(0, 201) // and a probe
			await(t, "all acks", func() bool {
				n, err := session.(drivers.Depther).Depth(t.Context(), testTopic(), "payment")
				return err == nil && n == 0
			})
			f := r.findings()
			if f.Totals.Acked != 200 || f.Totals.Unique != 200 || f.Totals.Delivered != 200 {
				t.Errorf("acked %d, delivered %d, unique %d, expected 200 of each", f.Totals.Acked, f.Totals.Delivered, f.Totals.Unique)
			}
			if n := r.metrics.Finish().Phases[0].Latencies[measure.EndToEnd].Count; n != 200 {
				t.Errorf("%d samples of end-to-end latency", n)
			}
			for kind, n := range f.Groups[0].Counts {
				if n != 0 {
					t.Errorf("%d oddities of kind %d on an honest broker", n, kind)
				}
			}
		})
	}
}

// What a consumer holds unacknowledged when its connection breaks comes again, flagged, and is judged as a redelivery.
func TestConsumerReconnects(t *testing.T) {
	f := newFake()
	f.receive = func(n int64) error {
		if n == 10 || n == 20 {
			return errBroken
		}
		return nil
	}
	r := newRig(t, f, testPlan(t, 1000, 300*time.Millisecond))
	r.connect()
	r.begin()
	r.sent()
	r.received(0, 301)
	r.stop()
	if got := r.result.Reconnects; got != 2 {
		t.Errorf("%d reconnects, expected 2", got)
	}
	if len(r.result.Errors) != 1 || r.result.Errors[0].Count != 2 || r.result.Errors[0].Where != "receive" {
		t.Errorf("errors %v, expected two in receive", r.result.Errors)
	}
	if r.consumers[0].number < 2 {
		t.Errorf("the member is in session %d, expected 2 at least", r.consumers[0].number)
	}
}

// A delivery counts from the moment it arrived, also when its acknowledgement fails.
func TestDeliveriesCountWhenTheirAckFails(t *testing.T) {
	for _, mode := range []drivers.AckMode{drivers.AckAfter, drivers.AckBefore} {
		t.Run(mode.String(), func(t *testing.T) {
			f, refused := newFake(), false
			f.ack = func([]drivers.Delivery) error {
				if !refused {
					refused = true
					return errBroken
				}
				return nil
			}
			plan := testPlan(t, 1000, 50*time.Millisecond)
			plan.Groups[0].Spec.Ack = mode
			r := newRig(t, f, plan)
			r.connect()
			r.begin()
			r.sent()
			r.received(0, 51)
			if got := r.findings().Totals; got.Unique != 50 {
				t.Errorf("%d different messages delivered, expected 50", got.Unique)
			}
			if r.result.Reconnects != 1 {
				t.Errorf("%d reconnects, expected 1", r.result.Reconnects)
			}
		})
	}
}

// What is delivered again is no second sample of its message's latency, and is counted as repeated.
func TestRepeatsAreNoSamples(t *testing.T) {
	f := newFake()
	f.answer = func(p *fakeProducer, m drivers.Message) {
		p.store(m)
		p.deliver(m)
	}
	r := newRig(t, f, testPlan(t, 1000, 50*time.Millisecond))
	r.connect()
	r.begin()
	r.sent()
	r.received(0, 102)
	got, result := r.findings().Totals, r.metrics.Finish()
	if got.Unique != 50 || got.Delivered != 100 {
		t.Fatalf("%d deliveries of %d messages, expected 100 of 50", got.Delivered, got.Unique)
	}
	if n := result.Phases[0].Latencies[measure.EndToEnd].Count; n != 50 {
		t.Errorf("%d samples of end-to-end latency, expected one of each message", n)
	}
	repeated, received := 0.0, 0.0
	for i := range result.Seconds {
		repeated += result.Seconds[i].Rates[RepeatedCounter(0)]
		received += result.Seconds[i].Rates[ReceivedCounter(0)]
	}
	if repeated == 0 || math.Abs(received/repeated-2) > 0.1 {
		t.Errorf("%.0f/s of %.0f/s were counted as repeated, expected half", repeated, received)
	}
}

// A batch of acks that does not fill is acknowledged all the same, so that a drain can end.
func TestBatchesAreNeverLargerThanAsked(t *testing.T) {
	f := newFake()
	var mu sync.Mutex
	var sizes []int
	f.ack = func(ds []drivers.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(ds))
		return nil
	}
	plan := testPlan(t, 1000, 50*time.Millisecond)
	plan.Consumers[0].AckBatch = 20
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	r.sent()
	await(t, "51 acks", func() bool {
		mu.Lock()
		defer mu.Unlock()
		sum := 0
		for _, n := range sizes {
			if n > 20 {
				t.Errorf("a batch of %d acks, asked for 20", n)
			}
			sum += n
		}
		return sum == 51
	})
}

func TestConnectSaysWhatItWaitedFor(t *testing.T) {
	tests := []struct {
		name   string
		change func(f *fake, plan *Plan)
		want   []string
	}{
		{
			"no consumer can connect", func(f *fake, _ *Plan) { f.open = func(int64) error { return errBroken } },
			[]string{"consumer payment: connect", errBroken.Error(), "patience"},
		},
		{
			"no producer can connect", func(f *fake, _ *Plan) { f.open = func(n int64) error { return refuseFrom(n, 1) } },
			[]string{"producer checkout: connect", errBroken.Error(), "patience"},
		},
		{
			"the probe cannot connect", func(f *fake, _ *Plan) { f.open = func(n int64) error { return refuseFrom(n, 2) } },
			[]string{"probe of topic orders", errBroken.Error(), "patience"},
		},
		{
			"the probe is not acked", func(f *fake, _ *Plan) { f.answer = refuse },
			[]string{"probe of topic orders", "the send was rejected", errBroken.Error()},
		},
		{
			"the probe is not received", func(f *fake, _ *Plan) { f.answer = ackOnly },
			[]string{"probe of topic orders", "acked, but group payment did not receive it", "patience"},
		},
		{
			"the probe is never settled", func(f *fake, _ *Plan) { f.answer = func(*fakeProducer, drivers.Message) {} },
			[]string{"probe of topic orders", "the send was unknown", "patience"},
		},
		{
			"the probe's send fails", func(f *fake, _ *Plan) { f.send = func(int64) error { return errBroken } },
			[]string{"probe of topic orders", errBroken.Error(), "patience"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, plan := newFake(), testPlan(t, 1000, 50*time.Millisecond)
			test.change(f, &plan)
			r := newRig(t, f, plan)
			ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("no more patience"))
			defer cancel()
			err := r.Connect(ctx)
			if err == nil {
				t.Fatal("it connected")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
		})
	}
}

func refuseFrom(n, first int64) error {
	if n >= first {
		return errBroken
	}
	return nil
}

func refuse(p *fakeProducer, m drivers.Message) {
	p.receipt(drivers.Receipt{Token: m.Token, Outcome: drivers.Rejected, Err: errBroken})
}

func ackOnly(p *fakeProducer, m drivers.Message) {
	p.receipt(drivers.Receipt{Token: m.Token, Outcome: drivers.Acked})
}

// A broker that is not quite there yet is asked again until it is, by every kind of client.
func TestConnectTriesAgain(t *testing.T) {
	f := newFake()
	f.open = func(n int64) error {
		if n%2 == 0 { // each of the three clients fails once
			return fmt.Errorf("not ready: %w", errBroken)
		}
		return nil
	}
	f.send = func(n int64) error {
		if n == 0 { // and so does the first probe
			return errBroken
		}
		return nil
	}
	r := newRig(t, f, testPlan(t, 1000, 50*time.Millisecond))
	r.connect()
	r.begin()
	r.sent()
	r.received(0, 51)
	if got := r.findings().Totals; got.Acked != 50 || got.Unique != 50 {
		t.Errorf("acked %d, delivered %d of 50", got.Acked, got.Unique)
	}
}

// A driver that misbehaves already when it is probed is stopped by the time-out and by nothing worse.
func TestProbeSurvivesMisuse(t *testing.T) {
	f := newFake()
	f.answer = func(p *fakeProducer, m drivers.Message) { p.deliver(m); p.deliver(m); p.deliver(m) }
	plan := testPlan(t, 1000, 50*time.Millisecond)
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	r.sent()
	if r.stop().Misuse != 2*51 {
		t.Errorf("misuse was seen %d times, expected two for each of 50 messages and a probe", r.result.Misuse)
	}
}

// A broadcast keeps nothing, so only a fence can tell when everything has arrived; without one the worker says so.
func TestFence(t *testing.T) {
	r := newRig(t, newFake(), testPlan(t, 1000, 50*time.Millisecond))
	r.connect()
	if err := r.Fence(t.Context(), 0); !errors.Is(err, ErrNoFence) {
		t.Errorf("fence on a driver without one: %v", err)
	}
}

// A body that is damaged or foreign is noted as such and never taken for one of the run's.
func TestDamagedAndForeignBodies(t *testing.T) {
	f := newFake()
	f.answer = func(p *fakeProducer, m drivers.Message) {
		p.deliver(m)
		damaged := m
		damaged.Body = append([]byte(nil), m.Body...)
		damaged.Body[len(damaged.Body)-1] ^= 1
		p.store(damaged)
		foreign := m
		foreign.Body = []byte("somebody else's message, longer than a stamp of 48 bytes is")
		p.store(foreign)
		foreign.Body = nil
		p.store(foreign)
	}
	r := newRig(t, f, testPlan(t, 1000, 20*time.Millisecond))
	r.connect()
	r.begin()
	r.sent()
	r.received(0, 4*21)
	g := r.findings().Groups[0]
	counts := map[string]int64{"whole": g.Whole, "delivered": g.Delivered}
	if counts["whole"] != 21 || counts["delivered"] != 84 {
		t.Errorf("whole %d of %d delivered, expected 21 of 84", g.Whole, g.Delivered)
	}
}

// Who works on what it received says so, and is not quiet before it is done.
func TestWorkIsShown(t *testing.T) {
	f := newFake()
	plan := testPlan(t, 100, 100*time.Millisecond)
	plan.Consumers[0].Work = 20 * time.Millisecond
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	await(t, "work", func() bool { return r.Reached(0).Working == 1 })
	began := r.run.clock.Now()
	r.sent()
	r.received(0, 11)
	await(t, "the end of the work", func() bool { return r.Reached(0).Working == 0 })
	if at := r.Reached(0).Last; at < began+int64(plan.Consumers[0].Work) {
		t.Errorf("quiet since %s, though work went on at %s and took longer", time.Duration(at), time.Duration(began))
	}
}
