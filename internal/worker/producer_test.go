package worker

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ordeal/drivers"
	"ordeal/internal/measure"
	"ordeal/internal/schedule"
)

// Whatever the shape of the load and the number of producers that share it, exactly what the schedule asks for is sent: all of it, once.
func TestAsManyAreSentAsTheScheduleAsksFor(t *testing.T) {
	for _, arrival := range []schedule.Arrival{schedule.Uniform, schedule.Poisson} {
		t.Run(arrival.String(), func(t *testing.T) {
			const length = 300 * time.Millisecond
			s, err := schedule.New([]schedule.Segment{
				{From: 1000, To: 1000, For: 100 * time.Millisecond}, {From: 1000, To: 20_000, For: 100 * time.Millisecond}, {From: 777, To: 777},
			}, arrival, 42)
			if err != nil {
				t.Fatal(err)
			}
			plan := testPlan(t, 1, length)
			one := plan.Producers[0]
			plan.Producers, plan.Probes = nil, nil
			for i := range 3 {
				p := one
				p.ID, p.Name, p.Schedule = uint32(i+1), fmt.Sprintf("checkout-%d", i+1), s
				p.Offset, p.Stride = uint64(i), 3
				plan.Producers = append(plan.Producers, p)
			}
			r := newRig(t, newFake(), plan)
			r.connect()
			r.begin()
			r.sent()
			f, want := r.findings(), int64(s.Count(int64(length)))
			if f.Totals.Attempted != want || f.Totals.Acked != want {
				t.Errorf("%d attempted, %d acked, the schedule asks for %d", f.Totals.Attempted, f.Totals.Acked, want)
			}
			if r.result.Unsent != 0 || r.result.Misuse != 0 || r.result.Resent != 0 {
				t.Errorf("unsent %d, misuse %d, resent %d: all must be 0", r.result.Unsent, r.result.Misuse, r.result.Resent)
			}
			if sum := r.metrics.Finish().Phases[0].Latencies[measure.Lag].Count; sum != want {
				t.Errorf("%d samples of lag for %d messages", sum, want)
			}
		})
	}
}

// A producer sends once in a tick, also when sending takes so long that more falls due meanwhile.
func TestOneSendInATick(t *testing.T) {
	const length, tick = 200 * time.Millisecond, 20 * time.Millisecond
	plan := testPlan(t, 5000, length)
	plan.Probes, plan.Producers[0].Tick, plan.Producers[0].Window = nil, tick, 1000
	d := newFake()
	d.send = func(int64) error {
		time.Sleep(time.Millisecond)
		return nil
	}
	r := newRig(t, d, plan)
	r.connect()
	r.begin()
	r.sent()
	if acked := r.findings().Totals.Acked; acked != 1000 {
		t.Errorf("%d of 1000 messages acked", acked)
	}
	if n := d.sends.Load(); n > int64(length/tick)+2 { // the first message, and what the end finds
		t.Errorf("%d sends in %d ticks", n, length/tick)
	}
}

// The window bounds what is unsettled, whatever the order and the pace in which the broker answers, and every message is noted and measured
// once, by itself or with those that it follows.
func TestWindowIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(rt, "window")
		closed := rapid.Bool().Draw(rt, "closed loop")
		batch := rapid.IntRange(1, size).Draw(rt, "answered together")
		backwards := rapid.Bool().Draw(rt, "answered backwards")
		promising := rapid.Bool().Draw(rt, "each says that another follows")
		f, answers := newFake(), make(chan func(more bool), 1<<12)
		var rig *rig
		var untold atomic.Bool
		f.answer = func(p *fakeProducer, m drivers.Message) {
			answers <- func(more bool) {
				p.receipt(drivers.Receipt{Token: m.Token, Outcome: drivers.Acked, More: more && promising})
			}
		}
		f.settled = func(r drivers.Receipt) {
			if !r.More && len(rig.producers[0].concluded) > 0 {
				untold.Store(true)
			}
		}
		plan := testPlan(t, 20_000, 15*time.Millisecond)
		plan.Probes, plan.Producers[0].Window = nil, size
		if closed {
			plan.Producers[0].Schedule, plan.Producers[0].Rate = nil, 0
		}
		quit := make(chan struct{})
		var broker sync.WaitGroup
		broker.Go(func() { answer(answers, batch, backwards, quit) })
		r := newRig(t, f, plan)
		rig = r
		r.connect()
		r.begin()
		r.sent()
		r.stop()
		close(quit)
		broker.Wait()
		if f.peak > size {
			rt.Fatalf("%d messages were unsettled with a window of %d", f.peak, size)
		}
		if f.inFlight != 0 || r.Beat().InFlight != 0 {
			rt.Fatalf("%d unsettled at the end, the worker counts %d", f.inFlight, r.Beat().InFlight)
		}
		if untold.Load() {
			rt.Fatal("a receipt that promised no other was not noted before settle returned")
		}
		sent, totals, measured := int64(len(f.handed)), r.findings().Totals, r.metrics.Finish().Phases[0].Latencies
		if totals.Attempted != sent || totals.Acked != sent || totals.Rejected != 0 {
			rt.Fatalf("of %d messages the book has %+v", sent, totals)
		}
		for _, m := range []measure.Metric{measure.Ack, measure.Service, measure.Lag} {
			if n := measured[m].Count; n != sent {
				rt.Fatalf("%d samples of %s for %d messages", n, m, sent)
			}
		}
	})
}

// answer settles batch messages at a time, or what there is once nothing more comes.
func answer(answers <-chan func(more bool), batch int, backwards bool, quit <-chan struct{}) {
	var held []func(more bool)
	flush := func() {
		if backwards {
			slices.Reverse(held)
		}
		for i, settle := range held {
			settle(i < len(held)-1)
		}
		held = held[:0]
	}
	for {
		select {
		case settle := <-answers:
			if held = append(held, settle); len(held) >= batch {
				flush()
			}
		case <-time.After(200 * time.Microsecond):
			flush()
		case <-quit:
			return
		}
	}
}

func TestClosedLoopStopsAtTheEnd(t *testing.T) {
	f := newFake()
	var settled atomic.Int64
	f.answer = func(p *fakeProducer, m drivers.Message) {
		settled.Add(1)
		p.receipt(drivers.Receipt{Token: m.Token, Outcome: drivers.Acked})
	}
	plan := testPlan(t, 1, 50*time.Millisecond)
	plan.Probes, plan.Producers[0].Schedule, plan.Producers[0].Rate = nil, nil, 0
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	r.sent()
	if got := r.findings().Totals; got.Attempted == 0 || got.Attempted != settled.Load() || got.Acked != got.Attempted {
		t.Errorf("attempted %d, acked %d, settled by the driver %d", got.Attempted, got.Acked, settled.Load())
	}
	if r.result.Unsent != 0 || r.result.Ended < 50*time.Millisecond {
		t.Errorf("unsent %d, ended after %s", r.result.Unsent, r.result.Ended)
	}
}

func TestOutcomesAreTakenAsTheDriverSaysThem(t *testing.T) {
	outcomes := []drivers.Outcome{drivers.Acked, drivers.Rejected, drivers.Unknown}
	f, n := newFake(), 0
	f.answer = func(p *fakeProducer, m drivers.Message) {
		p.receipt(drivers.Receipt{Token: m.Token, Outcome: outcomes[n%3], Err: errBroken})
		n++
	}
	plan := testPlan(t, 3000, 100*time.Millisecond)
	plan.Probes = nil
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	r.sent()
	if got := r.findings().Totals; got.Acked != 100 || got.Rejected != 100 || got.Unknown != 100 {
		t.Errorf("acked %d, rejected %d, unknown %d, expected 100 of each", got.Acked, got.Rejected, got.Unknown)
	}
	var where []string
	for _, e := range r.result.Errors {
		where = append(where, fmt.Sprintf("%s %d", e.Where, e.Count))
	}
	slices.Sort(where)
	if want := []string{"rejected 100", "unknown 100"}; !slices.Equal(where, want) {
		t.Errorf("errors %v, expected %v", where, want)
	}
}

// A driver that settles what it has no right to settle is found out, and neither loses nor doubles a slot of the window.
func TestMisuseIsFoundOut(t *testing.T) {
	tests := []struct {
		name   string
		answer func(p *fakeProducer, m drivers.Message)
	}{
		{"settles twice", func(p *fakeProducer, m drivers.Message) { p.deliver(m); p.deliver(m) }},
		{"settles what was never sent", func(p *fakeProducer, m drivers.Message) {
			p.deliver(m)
			p.receipt(drivers.Receipt{Token: m.Token + 1<<40, Outcome: drivers.Acked})
		}},
		{"settles a slot that does not exist", func(p *fakeProducer, m drivers.Message) {
			p.deliver(m)
			p.receipt(drivers.Receipt{Token: 1 << 31, Outcome: drivers.Acked})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			f.answer = test.answer
			plan := testPlan(t, 1000, 100*time.Millisecond)
			plan.Probes, plan.Producers[0].Window = nil, 3
			r := newRig(t, f, plan)
			r.connect()
			r.begin()
			r.sent()
			got := r.findings().Totals
			if r.result.Misuse != 100 {
				t.Errorf("misuse was seen %d times, expected 100", r.result.Misuse)
			}
			if got.Attempted != 100 || got.Acked != 100 {
				t.Errorf("attempted %d, acked %d, expected 100 of each", got.Attempted, got.Acked)
			}
		})
	}
}

// A driver that never settles holds up the end only until sending is stopped, and what it kept is unknown.
func TestUnsettledMessagesAreUnknownInTheEnd(t *testing.T) {
	f := newFake()
	f.answer = func(*fakeProducer, drivers.Message) {}
	plan := testPlan(t, 1000, 50*time.Millisecond)
	plan.Probes = nil
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	await(t, "all sends", func() bool { return r.Beat().InFlight == 50 })
	select {
	case <-r.Sent():
		t.Error("sending was called done with 50 messages unsettled")
	default:
	}
	r.StopSending()
	r.sent()
	if got := r.findings().Totals; got.Attempted != 50 || got.Unknown != 50 {
		t.Errorf("attempted %d, unknown %d, expected 50 of each", got.Attempted, got.Unknown)
	}
	if r.stop(); r.result.Unknown[0] != 50 || r.result.Rejected[0] != 0 { // of the phase in which they were due, though it is over
		t.Errorf("of the phase %d are unknown, %d rejected, expected 50 and none", r.result.Unknown[0], r.result.Rejected[0])
	}
}

// A connection that breaks in a Send makes what was in flight unknown; a new one is opened and the schedule goes on, late but whole.
func TestProducerReconnects(t *testing.T) {
	f := newFake()
	f.send = func(n int64) error {
		if n == 5 || n == 9 {
			return errBroken
		}
		return nil
	}
	f.open = func(n int64) error {
		if n == 3 || n == 4 { // 0 and 1 are the first consumer and producer, 2 follows the first break
			return fmt.Errorf("no route: %w", errBroken)
		}
		return nil
	}
	plan := testPlan(t, 1000, 200*time.Millisecond)
	plan.Probes = nil
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	r.sent()
	got := r.findings().Totals
	if got.Attempted != 200 || got.Unknown == 0 || got.Acked+got.Unknown != 200 {
		t.Errorf("attempted %d, acked %d, unknown %d of 200", got.Attempted, got.Acked, got.Unknown)
	}
	if r.result.Reconnects != 2 || r.result.Unsent != 0 {
		t.Errorf("%d reconnects, %d unsent, expected 2 and 0", r.result.Reconnects, r.result.Unsent)
	}
	lost, again := 0, 0
	for _, e := range r.notes() {
		if strings.Contains(e, "lost its connection: "+errBroken.Error()) {
			lost++
		}
		if strings.Contains(e, "connected again") {
			again++
		}
	}
	if lost != 2 || again != 2 {
		t.Errorf("told of %d lost and %d found connections, expected 2 of each: %q", lost, again, r.notes())
	}
}

// A broker that stays away does not hold up a stopped worker, and what was due and never sent is counted.
func TestStopWithoutAConnection(t *testing.T) {
	f := newFake()
	f.send = func(int64) error { return errBroken }
	f.open = func(n int64) error {
		if n > 1 {
			return errBroken
		}
		return nil
	}
	plan := testPlan(t, 1000, 100*time.Millisecond)
	plan.Probes = nil
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	await(t, "tries to reconnect", func() bool { return f.opens.Load() > 5 })
	r.StopSending()
	r.sent()
	got := r.findings().Totals
	if got.Attempted+r.result.Unsent != 100 || got.Unknown != got.Attempted || got.Attempted == 0 {
		t.Errorf("attempted %d, unknown %d, unsent %d of 100", got.Attempted, got.Unknown, r.result.Unsent)
	}
}

// What blocks excuses being late for as long as it lasts, and not for twice that: ordeal's own lateness would pass for the broker's.
func TestNoTimeExcusesTwice(t *testing.T) {
	for _, test := range []struct {
		name   string
		window int
		broken bool // sends lose the connection, too
	}{{"the window is full", 10, false}, {"the connection is lost", 10_000, true}} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			var p *producer
			var began int64
			excused := 0
			f.send = func(n int64) error { // on the producer's goroutine
				if n == 0 {
					began = p.now
				}
				if p.excuse > p.now-began {
					t.Errorf("send %d: %s are excused, %s have passed", n, time.Duration(p.excuse), time.Duration(p.now-began))
				}
				if p.excuse > 0 {
					excused++
				}
				time.Sleep(20 * time.Millisecond)
				if test.broken && n < 4 {
					return errBroken
				}
				return nil
			}
			plan := testPlan(t, 100_000, 100*time.Millisecond) // more than a batch falls due in a send
			plan.Probes, plan.Producers[0].Window = nil, test.window
			r := newRig(t, f, plan)
			p = r.producers[0]
			r.connect()
			r.begin()
			await(t, "some sends", func() bool { return f.sends.Load() > 4 })
			r.StopSending()
			r.sent()
			if r.stop(); excused == 0 {
				t.Error("nothing was excused, though every send blocked")
			}
		})
	}
}

// A closed loop whose sends block is held up by the broker, though its window is never full; one whose sends do not is not.
func TestBlockedSendsHoldAClosedLoopUp(t *testing.T) {
	for _, pause := range []time.Duration{0, 2 * time.Millisecond} {
		f := newFake()
		f.send = func(int64) error {
			time.Sleep(pause)
			return nil
		}
		f.answer = func(p *fakeProducer, m drivers.Message) {
			p.receipt(drivers.Receipt{Token: m.Token, Outcome: drivers.Acked})
		}
		plan := testPlan(t, 1000, 100*time.Millisecond)
		plan.Probes, plan.Groups, plan.Consumers = nil, nil, nil
		plan.Producers[0].Schedule, plan.Producers[0].Window = nil, 1000
		r := newRig(t, f, plan)
		r.connect()
		r.begin()
		r.sent()
		r.stop()
		if share := r.result.WindowShare; pause > 0 && share < 0.1 || share > 1.01 {
			t.Errorf("sends of %s: held up for %.2f of the time", pause, share)
		}
	}
}

// A closed loop whose window is full waits for an eighth of it, and where receipts are held for the first of them.
func TestClosedLoopWaitsForRoom(t *testing.T) {
	for held, want := range map[bool]int32{false: 12, true: 1} {
		f := newFake()
		var receipts []func()
		f.answer = func(p *fakeProducer, m drivers.Message) {
			receipts = append(receipts, func() { p.receipt(drivers.Receipt{Token: m.Token, Outcome: drivers.Acked}) })
		}
		plan := testPlan(t, 1000, 100*time.Millisecond)
		plan.Probes, plan.Groups, plan.Consumers = nil, nil, nil
		plan.Producers[0].Schedule, plan.Until = nil, int64(time.Hour)
		r := newRig(t, f, plan)
		r.run.deps.Held = func() bool { return held }
		r.connect()
		r.begin()
		await(t, fmt.Sprintf("a wait for %d slots, held: %t", want, held), func() bool {
			return r.producers[0].window.wanted.Load() == want
		})
		r.StopSending()
		for _, tell := range receipts { // all that there will be: the window is full, and nothing is sent any more
			tell()
		}
		r.sent()
		r.stop()
	}
}
