package worker

import (
	"fmt"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/message"
	"ordeal/internal/schedule"
)

// A message that is tried again has one outcome: acked if any try was, and never rejected when one of its tries may have arrived.
func TestRetriesMergeOutcomes(t *testing.T) {
	const a, r, u = drivers.Acked, drivers.Rejected, drivers.Unknown
	tests := []struct {
		name  string
		tries []drivers.Outcome
		want  drivers.Outcome
		sent  int
	}{
		{"acked at once", []drivers.Outcome{a, r, r}, a, 1},
		{"acked after rejected", []drivers.Outcome{r, a, r}, a, 2},
		{"acked after unknown", []drivers.Outcome{u, a, r}, a, 2},
		{"acked at last", []drivers.Outcome{u, r, a}, a, 3},
		{"rejected after unknown stays unknown", []drivers.Outcome{u, r, r}, u, 3},
		{"unknown after rejected", []drivers.Outcome{r, r, u}, u, 3},
		{"always rejected", []drivers.Outcome{r, r, r}, r, 3},
		{"always unknown", []drivers.Outcome{u, u, u}, u, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			f.answer = func(p *fakeProducer, m drivers.Message) {
				try := f.sent(m)
				var s message.Stamp
				whole := message.Parse(m.Body, testRun, &s) == message.Whole
				if again := s.Incarnation == message.Unordered; !whole || again != (try > 1) {
					t.Errorf("try %d: whole %v, incarnation %d", try, whole, s.Incarnation)
				}
				p.receipt(drivers.Receipt{Token: m.Token, Outcome: test.tries[try-1], Err: errBroken})
			}
			plan := testPlan(t, 10_000, time.Second)
			plan.Probes, plan.Producers[0].Attempts = nil, 3
			s, err := schedule.New([]schedule.Segment{{From: 1000, To: 1000, For: 10 * time.Millisecond}, {}}, schedule.Uniform, 1)
			if err != nil {
				t.Fatal(err)
			}
			plan.Producers[0].Schedule = s // ten messages at first, then time enough for their retries
			run := newRig(t, f, plan)
			run.connect()
			run.begin()
			await(t, "all tries", func() bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				tries := 0
				for _, n := range f.handed {
					tries += n
				}
				return tries >= 10*test.sent && f.inFlight == 0
			})
			run.StopSending()
			run.sent()
			got := run.findings().Totals
			counts := map[drivers.Outcome]int64{a: got.Acked, r: got.Rejected, u: got.Unknown}
			if got.Attempted != 10 || counts[test.want] != 10 {
				t.Errorf("10 messages: %d attempted, %d acked, %d rejected, %d unknown, expected all %s",
					got.Attempted, got.Acked, got.Rejected, got.Unknown, test.want)
			}
			if want := int64(10 * (test.sent - 1)); run.result.Resent != want {
				t.Errorf("%d sends were repeats, expected %d", run.result.Resent, want)
			}
			if n := run.metrics.Finish().Phases[0].Counts[SentCounter]; n != 10 { // else repeats would hide that others were never sent
				t.Errorf("%v messages are counted as sent, expected 10, however often they were tried", n)
			}
		})
	}
}

// A message that is in flight at the end still has all its tries: what a broker takes at the third is not rejected for its being late.
func TestWhatFailsAfterTheEndIsTriedAgain(t *testing.T) {
	const attempts = 3
	for _, closed := range []bool{false, true} {
		t.Run(fmt.Sprintf("closed loop %t", closed), func(t *testing.T) {
			f := newFake()
			plan := testPlan(t, 1000, 20*time.Millisecond)
			plan.Probes, plan.Producers[0].Attempts, plan.Producers[0].Window = nil, attempts, 50
			if closed {
				plan.Producers[0].Schedule, plan.Producers[0].Rate = nil, 0
			}
			answers := make(chan func(), 1<<12)
			f.answer = func(p *fakeProducer, m drivers.Message) {
				receipt := drivers.Receipt{Token: m.Token, Outcome: drivers.Rejected, Err: errBroken}
				if f.sent(m) == attempts {
					receipt = drivers.Receipt{Token: m.Token, Outcome: drivers.Acked}
				}
				answers <- func() { p.receipt(receipt) }
			}
			r := newRig(t, f, plan)
			r.connect()
			r.begin()
			await(t, "the end", func() bool { return r.run.clock.Now() > plan.Until+int64(20*time.Millisecond) })
			for waiting := true; waiting; {
				select {
				case answer := <-answers:
					answer()
				case <-r.Sent():
					waiting = false
				case <-within(t, 20*time.Second).Done():
					t.Fatal("not everything was sent and settled")
				}
			}
			got := r.findings().Totals
			if got.Attempted == 0 || got.Acked != got.Attempted || r.result.Resent != (attempts-1)*got.Attempted {
				t.Errorf("of %d messages %d were acked and %d rejected, with %d repeats: all were acked at try %d",
					got.Attempted, got.Acked, got.Rejected, r.result.Resent, attempts)
			}
		})
	}
}

// A client may hold back what it is given until more comes or it is flushed. At the end no more comes.
func TestTheEndFlushesWhatIsHeldBack(t *testing.T) {
	f := newFake()
	var held []drivers.Receipt // Send and Flush are the producer's goroutine's
	f.answer = func(_ *fakeProducer, m drivers.Message) {
		outcome := drivers.Acked
		if f.sent(m) == 1 {
			outcome = drivers.Rejected
		}
		held = append(held, drivers.Receipt{Token: m.Token, Outcome: outcome, Err: errBroken})
	}
	f.flush = func(p *fakeProducer) {
		for _, r := range held {
			p.receipt(r)
		}
		held = nil
	}
	plan := testPlan(t, 1000, 20*time.Millisecond)
	plan.Probes, plan.Producers[0].Attempts = nil, 2
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	r.sent()
	if got := r.findings().Totals; got.Attempted != 20 || got.Acked != 20 {
		t.Errorf("attempted %d, acked %d, expected 20 of each", got.Attempted, got.Acked)
	}
}

// Where messages have more tries, too, a driver that never settles holds up the end only until sending is stopped.
func TestUnsettledTriesEndWithTheSending(t *testing.T) {
	f := newFake()
	f.answer = func(*fakeProducer, drivers.Message) {}
	plan := testPlan(t, 1000, 20*time.Millisecond)
	plan.Probes, plan.Producers[0].Attempts = nil, 3
	r := newRig(t, f, plan)
	r.connect()
	r.begin()
	await(t, "the end", func() bool { return r.run.clock.Now() > plan.Until && r.Beat().InFlight == 20 })
	r.StopSending()
	r.sent()
	if got := r.findings().Totals; got.Attempted != 20 || got.Unknown != 20 {
		t.Errorf("attempted %d, unknown %d, expected 20 of each", got.Attempted, got.Unknown)
	}
}

// A broker that rejects a message and stores it all the same is found out by what it delivers, also where the next try is acked: live and
// from the history alike. One that stores what it acks only is not accused.
func TestWhatWasRejectedAndStoredIsSeen(t *testing.T) {
	const n = 10
	for stores, want := range map[bool]int64{true: n, false: 0} {
		t.Run(fmt.Sprintf("stores %t", stores), func(t *testing.T) {
			f := newFake()
			f.answer = func(p *fakeProducer, m drivers.Message) {
				if f.sent(m) > 1 {
					p.deliver(m)
					return
				}
				if stores {
					p.store(m)
				}
				p.receipt(drivers.Receipt{Token: m.Token, Outcome: drivers.Rejected, Err: errBroken})
			}
			plan := testPlan(t, 1000, n*time.Millisecond)
			plan.Probes, plan.Producers[0].Attempts = nil, 2
			r := newRig(t, f, plan)
			r.connect()
			r.begin()
			r.sent()
			r.received(0, n+want)
			live := r.findings()
			reader, err := history.Open(r.path)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close() //nolint:errcheck // it was only read
			again := judge.NewBook(r.judged)
			if cut, err := reader.Replay(again); err != nil || cut.Why != "" {
				t.Fatalf("%v, %v", err, cut)
			}
			for from, found := range map[string]*judge.Findings{"live": live, "history": again.Findings(live.Evidence)} {
				got := found.Groups[0].Counts
				if got[judge.Resurrected] != want || got[judge.InLog] != want {
					t.Errorf("%s: %d were rejected and delivered, %d twice in the log, want %d",
						from, got[judge.Resurrected], got[judge.InLog], want)
				}
				if sum := found.Totals; sum.Attempted != n || sum.Acked != n || sum.Rejected != 0 {
					t.Errorf("%s: %d attempted, %d acked, %d rejected, want all acked", from, sum.Attempted, sum.Acked, sum.Rejected)
				}
			}
		})
	}
}
