package worker

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/measure"
	"ordeal/internal/message"
	"ordeal/internal/schedule"
)

const (
	// sendBatch bounds how many messages share one clock read and one Send.
	sendBatch = 256
	// retryPause lies between two tries of one message.
	retryPause = int64(100 * time.Millisecond)
	// closedPoll bounds how long a closed loop waits for a good part of its window to come free: long, for receipts wake it when that is so,
	// and a timer costs more than they do. All loops look at the same times, for one wake-up costs more than the looks of all.
	closedPoll = int64(8 * time.Millisecond)
	// blockedSend is how long a Send must take to count as the broker's back-pressure and not as ordeal's own lateness.
	blockedSend = int64(500 * time.Microsecond)
	// answerPoll is how often a producer looks for receipts that it is not woken for.
	answerPoll = int64(10 * time.Millisecond)
	// flushGrace is how long an interrupted producer waits for receipts.
	flushGrace = 2 * time.Second
)

// producer drives one Producer of the plan.
type producer struct {
	plan   Producer
	run    *running
	opener *opener
	route  route
	filler *filler
	window *window
	pacer  *schedule.Pacer
	cursor *schedule.Cursor
	log    *history.ProducerLog
	errors *errorCounts

	session drivers.Session
	client  drivers.Producer
	next    uint64 // number of this producer's next message
	due     int64  // its intended time
	seqs    []uint64
	mark    message.Stamp // of the message that is being made
	batch   []drivers.Message
	// attempts are those of the batch's messages that are sent for the first time, in streaks.
	attempts []history.Attempt
	sent     *measure.Recorder // lag, by the producer's goroutine
	settles  *measure.Recorder // ack latency and service time, by the settling goroutine
	// ack and service go to settles.
	ack, service alike
	// settledAt is the clock reading of the receipt before, which serves this one too while burst is set; the settling goroutine's.
	settledAt int64
	burst     bool
	// receipts are those of an answer that are yet to be settled; touched keeps the look at their slots from being left out as useless.
	receipts []drivers.Receipt
	touched  uint16
	// concluded is what is yet to be told of their messages, in streaks.
	concluded []history.Receipt
	// handed counts messages given to the driver, each once, for it is held against how many were due; outcomes counts what became of them,
	// and settled is what outcomes are yet to be told.
	handed   *measure.Counter
	outcomes [3]*measure.Counter
	// failed counts, by phase and outcome, messages that were not acked; settling is the phase of the latest receipt's message. They are the
	// settling goroutine's.
	failed   [][3]int64
	settling int
	// ackedOf counts those of the topic that were acked.
	ackedOf *measure.Counter
	settled [3]int64
	now     int64
	horizon int64 // what was intended up to here is sent in this tick
	phase   int
	// excuse is how much of the present lateness, in ns, is not ordeal's own: for so long, since everything due was last sent, the window
	// was full, a send blocked, or there was no connection. Of the time since now it is to gain all where hindered is set, and else held,
	// for which a send blocked: never both, or ordeal's own lateness would pass for the broker's.
	excuse, held int64
	hindered     bool
	blocked      int64 // ns for which the window was full, a send blocked, or there was no connection
	incarnation  uint16
	connected    atomic.Bool
	finished     atomic.Bool // it has no more to do, and no connection because of that
	reconnects   atomic.Int64
	resent       atomic.Int64
	stopped      int64 // when sending ended
}

func (p *producer) open(ctx context.Context) error {
	s, err := p.opener.open(ctx, func(ctx context.Context, s drivers.Session) error {
		client, err := s.Producer(ctx, drivers.ProducerSpec{
			Topic: p.plan.Topic, Guarantee: p.plan.Guarantee, Window: p.plan.Window, ClientRetry: p.plan.ClientRetry,
		}, p.settle)
		p.client = client
		return err
	})
	if err != nil {
		return err
	}
	p.session = s
	p.connected.Store(true)
	return nil
}

// drop abandons the connection. The driver's Close settles what was in flight as unknown, so the window is whole again afterwards.
func (p *producer) drop(cause error) {
	p.connected.Store(false)
	ctx, cancel := context.WithTimeout(context.Background(), leaveLimit)
	defer cancel()
	p.client.Close(ctx)  //nolint:errcheck // it is dropped because it is broken
	p.session.Close(ctx) //nolint:errcheck // likewise
	p.client, p.session = nil, nil
	p.burst = false
	p.settleAll() // of a driver that promised more, and then ended
	p.show()
	if p.incarnation < message.Unordered {
		p.incarnation++
	}
	if cause != nil {
		p.errors.note("connection", cause)
		p.reconnects.Add(1)
		p.run.notify(p.plan.Name + " lost its connection: " + cause.Error())
	}
}

// loop sends what is due until the plan ends or ctx does, then waits for the receipts.
func (p *producer) loop(ctx context.Context) {
	p.due = p.intended()
	for ctx.Err() == nil {
		if p.client == nil && !p.reconnect(ctx) {
			continue
		}
		p.tick()
		if p.now >= p.run.plan.Until && p.done() {
			break
		}
		p.gather()
		if len(p.batch) == 0 {
			p.wait(ctx)
			continue
		}
		p.send(ctx)
	}
	p.stopped = p.run.clock.Now()
	p.finish(ctx)
	p.finished.Store(true)
	if p.run.deps.Left != nil {
		p.run.deps.Left(p.plan.Name)
	}
	p.sent.Close()
	p.settles.Close()
}

// tick reads the clock.
func (p *producer) tick() {
	now := p.run.clock.Now()
	if p.hindered {
		p.held = now - p.now
	}
	p.excuse += p.held
	p.now, p.held, p.hindered = now, 0, false
	p.horizon = p.pacer.Due(now)
	if now >= p.run.plan.Until {
		p.horizon = now // what is left, however the ticks fall
	}
}

func (p *producer) reconnect(ctx context.Context) bool {
	before := p.run.clock.Now()
	err := p.open(ctx)
	p.hindered = true
	p.blocked += p.run.clock.Now() - before
	if err != nil {
		if ctx.Err() == nil {
			p.errors.note("connection", err)
		}
		return false
	}
	p.run.notify(p.plan.Name + " is connected again")
	return true
}

// intended is when the schedule wants message p.next.
func (p *producer) intended() int64 {
	if p.cursor == nil {
		return math.MinInt64 // a closed loop is always due
	}
	return p.cursor.At(p.plan.Offset + p.next*p.plan.Stride)
}

// over tells that no more messages fall due.
func (p *producer) over() bool {
	return p.due >= p.run.plan.Until || p.cursor == nil && p.now >= p.run.plan.Until
}

// done tells that nothing more will be sent: nothing falls due, and nothing waits for another try or may come to, for what is in flight
// may fail. The order matters: what is no more in flight was shown to wait before (see showSettled).
func (p *producer) done() bool {
	return p.over() && (p.plan.Attempts <= 1 || p.window.inFlight.Load() == 0) && p.window.retry.none()
}

// gather fills the batch with what is due and fits into the window, and notes the attempts.
func (p *producer) gather() {
	p.batch, p.attempts = p.batch[:0], p.attempts[:0]
	p.window.learn()
	excuse := p.excuse
	p.fill()
	p.window.showTaken()
	p.run.deps.Book.Attempts(p.attempts)
	if p.log != nil {
		p.log.Attempts(p.attempts)
	}
	first := int64(0)
	for i := range p.attempts {
		p.lag(&p.attempts[i], excuse)
		first += int64(p.attempts[i].Following) + 1
	}
	if first > 0 {
		p.handed.Add(first)
	}
}

// lag records how late the attempts of a streak are.
func (p *producer) lag(a *history.Attempt, excuse int64) {
	lag, n := a.Sent-a.Intended, int64(a.Following)+1
	phase := p.run.phase(a.Intended, p.phase)
	p.sent.RecordAlike(measure.Lag, phase, lag, n)
	if own := lag - excuse; own > 0 || excuse == 0 {
		p.sent.RecordAlike(measure.Own, phase, own, n)
	}
}

func (p *producer) fill() {
	for len(p.batch) < sendBatch {
		if p.plan.Attempts > 1 && p.again() {
			continue
		}
		if p.due > p.horizon {
			p.excuse = 0 // on time again
			return
		}
		if p.over() {
			return
		}
		i, ok := p.window.take()
		if !ok {
			p.hindered = true
			return
		}
		p.stamp(i)
	}
}

// stamp makes message p.next in slot i and adds it to the batch.
func (p *producer) stamp(i uint32) {
	s, m := p.window.slot(i), &p.mark
	lane, shard := p.route.pick(p.next)
	m.Lane, m.Seq, m.Incarnation, m.Intended, m.Index = lane, p.seqs[lane], p.incarnation, p.due, p.next
	p.seqs[lane]++
	if p.cursor == nil {
		m.Intended = p.now
	}
	p.phase = p.run.phase(m.Intended, p.phase)
	s.begin(p.now)
	p.filler.make(p.window, i, p.next, m)
	if p.plan.Keys != nil {
		p.window.keys[i] = appendKey(p.window.keys[i][:0], lane)
	}
	p.attempt(shard)
	p.next++
	p.due = p.intended()
	p.hand(i, s, shard)
}

// attempt adds the first try of the message that was marked to the attempts.
func (p *producer) attempt(shard int32) {
	n := len(p.attempts)
	p.attempts = p.attempts[:n+1]
	// Field by field, here and elsewhere on the hot path: what was just put together is not copied as a whole, the processor would wait for
	// it to be whole.
	a, m := &p.attempts[n], &p.mark
	a.Producer, a.Lane, a.Seq, a.Index, a.Shard, a.Incarnation = p.plan.ID, m.Lane, m.Seq, m.Index, shard, m.Incarnation
	a.Intended, a.Sent, a.Following = m.Intended, p.now, 0
	if n > 0 && p.attempts[n-1].Extend(a) {
		p.attempts = p.attempts[:n]
	}
}

// hand adds the message of slot i, which is s, to the batch, in place: the batch has room for sendBatch.
func (p *producer) hand(i uint32, s *slot, shard int32) {
	s.setMarks(s.marks() | inFlight)
	p.batch = p.batch[:len(p.batch)+1]
	m := &p.batch[len(p.batch)-1]
	m.Token, m.Shard, m.Body = token(i, s), shard, p.window.body(i)
	if p.plan.Keys != nil {
		m.Key = p.window.keys[i]
	}
}

// again adds a message whose last try failed and whose pause is over.
func (p *producer) again() bool {
	if p.window.retry.none() {
		return false
	}
	i := p.window.retry.peek()
	if p.window.retryAt[i] > p.now {
		return false
	}
	p.window.retry.pop()
	s := p.window.slot(i)
	s.again(p.now)
	p.resent.Add(1)
	message.Unorder(p.window.body(i)) // it comes after younger ones because ordeal wanted it so
	_, _, index, _ := message.Peek(s.stamp())
	_, shard := p.route.pick(index)
	p.hand(i, s, shard)
	return true
}

func (p *producer) send(ctx context.Context) {
	p.window.inFlight.Add(int64(len(p.batch)))
	before := p.run.clock.Now()
	err := p.client.Send(ctx, p.batch)
	if took := p.run.clock.Now() - before; took > blockedSend {
		p.held = took
		p.blocked += took
	}
	if err != nil && ctx.Err() == nil {
		p.drop(err)
	}
}

// wait sleeps until the next message is due, the window has room, a retry's pause is over, or the end has come.
func (p *producer) wait(ctx context.Context) {
	end := p.run.plan.Until
	if p.now >= end {
		end = p.now + answerPoll // only what was sent matters now
	}
	until, full := end, false
	if !p.over() {
		until, full = p.due, p.due <= p.horizon
	}
	switch {
	case full && p.cursor == nil && !p.run.held():
		// Waking for every single slot would send batches of one: an eighth of the window is as good for the broker.
		p.window.wanted.Store(int32(max(1, p.plan.Window/8)))
		until = (p.now/closedPoll + 1) * closedPoll
	case full && p.cursor == nil:
		// Receipts that are held come together: the first of them announces all, and nothing else is worth a wake-up.
		p.window.wanted.Store(1)
		until = p.now + int64(time.Second)
	case full:
		p.window.wanted.Store(1)
		until = p.now + answerPoll
	case p.plan.Attempts > 1 && p.window.inFlight.Load() > 0:
		until = min(until, p.now+answerPoll)
	}
	if !p.window.retry.none() {
		until = min(until, p.window.retryAt[p.window.retry.peek()])
	}
	if full && p.window.free.len() >= int(p.window.wanted.Load()) {
		p.window.wanted.Store(0)
		return
	}
	if p.now >= p.run.plan.Until && !full && p.flushed(ctx) {
		return
	}
	err := p.pacer.Wait(ctx, p.now, min(until, end))
	p.window.wanted.Store(0)
	if full {
		p.blocked += p.run.clock.Now() - p.now
	}
	if err != nil && !errors.Is(err, ctx.Err()) {
		p.errors.note("pacer", err)
	}
}

// flushed has the client send what it holds back for more to come, of which there is none, and waits a little for the answers. It tells
// whether all came.
func (p *producer) flushed(ctx context.Context) bool {
	if p.window.inFlight.Load() == 0 {
		return false // a retry's pause is what is waited for
	}
	flush, cancel := context.WithTimeout(ctx, time.Duration(answerPoll))
	defer cancel()
	if err := p.client.Flush(flush); err != nil && flush.Err() == nil {
		p.errors.note("flush", err)
	}
	return p.window.inFlight.Load() == 0
}

// finish waits for the receipts of what is in flight and leaves.
func (p *producer) finish(ctx context.Context) {
	if p.client == nil {
		p.giveUp()
		return
	}
	flush, cancel := ctx, context.CancelFunc(func() {})
	if ctx.Err() != nil {
		flush, cancel = context.WithTimeout(context.Background(), flushGrace)
	}
	defer cancel()
	if err := p.client.Flush(flush); err != nil && flush.Err() == nil {
		p.errors.note("flush", err)
	}
	p.drop(nil)
	p.giveUp()
}

// giveUp ends the tries of messages that wait for another one. Nothing is settled any more.
func (p *producer) giveUp() {
	now := p.run.clock.Now()
	for {
		i, ok := p.window.retry.pop()
		if !ok {
			p.tell()
			p.show()
			return
		}
		p.conclude(p.window.slot(i), i, &drivers.Receipt{Outcome: drivers.Rejected}, now)
	}
}

// unsent is how many messages were due before sending ended and never handed to the driver.
func (p *producer) unsent() int64 {
	if p.plan.Schedule == nil {
		return 0
	}
	due := p.plan.Schedule.Count(min(p.run.plan.Until, p.stopped))
	if due <= p.plan.Offset {
		return 0
	}
	mine := (due - p.plan.Offset + p.plan.Stride - 1) / p.plan.Stride
	return max(0, int64(mine)-int64(p.next))
}
