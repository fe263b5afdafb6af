package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/measure"
	"ordeal/internal/message"
	"ordeal/internal/schedule"
)

// ErrNoFence tells that a driver cannot say when a consumer has seen everything.
var ErrNoFence = errors.New("the driver has no fence")

// Deps is what a worker in ordeal's own process works with.
type Deps struct {
	Driver drivers.Driver
	Config drivers.Config
	Dial   func(role Role, name string) Dial
	Book   *judge.Book
	// History is nil where none is kept.
	History *history.Writer
	Logger  *slog.Logger
	// Held tells whether what arrives is held, to wake the process together (socket.Coalescer). Closed loops ask for it whenever they wait
	// for room: they wait for the first receipts then, with which others come. It may be nil, for never.
	Held func() bool
	// Notify is told of connections lost and found again.
	Notify func(text string)
	// Rebalanced is told which shards a consumer reads, where its driver knows: at first, and whenever they change. It must not block, and
	// may be nil.
	Rebalanced func(consumer string, shards []int32)
	// Left is told of producers that have done their work, and connect no more; it may be nil.
	Left func(producer string)
	// Panicked is told of a producer or consumer that panicked, with its stack: it has ended, and the rest goes on until Stop. Where it is nil
	// the process ends.
	Panicked func(value any, stack []byte)
}

// running is what producers, consumers and groups share.
type running struct {
	plan  Plan
	deps  Deps
	live  atomic.Pointer[measure.Collector] // nil before the beginning
	clock measure.Clock                     // valid once live is set
	spans []measure.Span
}

// watched calls a loop and tells of its panic.
func (r *running) watched(loop func()) {
	defer func() {
		if r.deps.Panicked == nil {
			return
		}
		if p := recover(); p != nil {
			r.deps.Panicked(p, debug.Stack())
		}
	}()
	loop()
}

// producerLog and groupLog are nil without a history.
func (r *running) producerLog(id uint32) *history.ProducerLog {
	if r.deps.History == nil {
		return nil
	}
	return r.deps.History.Producer(id)
}

func (r *running) groupLog(id uint32) *history.GroupLog {
	if r.deps.History == nil {
		return nil
	}
	return r.deps.History.Group(id)
}

func (r *running) notify(text string) { r.deps.Notify(text) }

func (r *running) held() bool { return r.deps.Held != nil && r.deps.Held() }

// phase returns the index of the phase that t lies in; hint is a guess, usually the last answer.
func (r *running) phase(t int64, hint int) int {
	if s := &r.spans[hint]; t >= s.Start && t < s.End {
		return hint
	}
	for i := range r.spans {
		if t < r.spans[i].End {
			return i
		}
	}
	return len(r.spans) - 1
}

// Local is a Worker in ordeal's own process.
type Local struct {
	run       *running
	producers []*producer
	consumers []*consumer
	groups    []*group

	receiving     sync.WaitGroup
	stopReceiving context.CancelFunc
	sending       sync.WaitGroup
	stopSending   context.CancelFunc
	sentAll       chan struct{}
	started       bool
	stop          sync.Once
	result        *Result
	// misuse counts the receipts for probes that a driver had no right to give.
	misuse atomic.Int64
}

var _ Worker = (*Local)(nil)

// NewLocal makes a worker of the plan; nothing is opened yet.
func NewLocal(plan Plan, deps Deps) (*Local, error) {
	w := &Local{run: &running{plan: plan, deps: deps}, sentAll: make(chan struct{})}
	for _, g := range plan.Groups {
		w.groups = append(w.groups, newGroup(g, w.run))
	}
	for i := range plan.Consumers {
		c := plan.Consumers[i]
		w.consumers = append(w.consumers, &consumer{
			plan: c, group: w.groups[c.Group], run: w.run, opener: newOpener(deps, ConsumerRole, c.Name),
			errors: &errorCounts{}, buf: make([]drivers.Delivery, receiveBatch), events: make([]history.Delivery, 0, receiveBatch),
		})
	}
	for i := range plan.Producers {
		p, err := w.newProducer(plan.Producers[i])
		if err != nil {
			w.closePacers()
			return nil, err
		}
		w.producers = append(w.producers, p)
	}
	return w, nil
}

func (w *Local) newProducer(plan Producer) (*producer, error) {
	seed := mix(w.run.plan.Seed ^ uint64(plan.ID)<<32)
	pacer, err := schedule.NewPacer(plan.Rate, plan.Tick)
	if err != nil {
		return nil, fmt.Errorf("producer %s: timer: %w", plan.Name, err)
	}
	lanes := plan.Topic.Shards
	if plan.Keys != nil {
		lanes = int(plan.Keys.count)
	}
	p := &producer{
		plan: plan, run: w.run, opener: newOpener(w.run.deps, ProducerRole, plan.Name), errors: &errorCounts{},
		route:  route{keys: plan.Keys, seed: seed, shards: uint32(plan.Topic.Shards)},
		filler: newFiller(seed, plan.MinSize, plan.MaxSize),
		window: newWindow(plan.Window, plan.MinSize, plan.MaxSize), pacer: pacer, seqs: make([]uint64, lanes),
		log: w.run.producerLog(plan.ID), batch: make([]drivers.Message, 0, sendBatch),
		mark:     message.Stamp{Run: w.run.plan.Run, ID: message.ID{Producer: plan.ID}},
		attempts: make([]history.Attempt, 0, sendBatch), receipts: make([]drivers.Receipt, 0, settleBatch),
		concluded: make([]history.Receipt, 0, settleBatch),
	}
	if plan.Keys != nil {
		p.window.keys = make([][]byte, plan.Window)
	}
	if plan.Schedule != nil {
		p.cursor = plan.Schedule.Cursor()
	}
	return p, nil
}

// Connect implements Worker.
func (w *Local) Connect(ctx context.Context) error {
	for _, c := range w.consumers {
		if err := retry(ctx, c.open); err != nil {
			return fmt.Errorf("consumer %s: connect: %w", c.plan.Name, err)
		}
	}
	receiving, cancel := context.WithCancel(context.Background())
	w.stopReceiving = cancel
	for _, c := range w.consumers {
		w.receiving.Go(func() { w.run.watched(func() { c.loop(receiving) }) })
	}
	for _, p := range w.producers {
		if err := retry(ctx, p.open); err != nil {
			return fmt.Errorf("producer %s: connect: %w", p.plan.Name, err)
		}
	}
	return w.probe(ctx)
}

// retry tries until ctx ends, and then returns the last real error.
func retry(ctx context.Context, try func(context.Context) error) error {
	var last error
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(last, context.Cause(ctx))
		}
		last = err
	}
}

// Start implements Worker.
func (w *Local) Start(clock measure.Clock, c *measure.Collector, spans []measure.Span) {
	r := w.run
	r.clock, r.spans = clock, spans
	for _, consumer := range w.consumers {
		consumer.latency = c.Recorder(measure.EndToEnd)
		consumer.endToEnd = alike{recorder: consumer.latency, metric: measure.EndToEnd}
	}
	for _, p := range w.producers {
		p.sent = c.Recorder(measure.Lag, measure.Own)
		p.settles = c.Recorder(measure.Ack, measure.Service)
		p.ack = alike{recorder: p.settles, metric: measure.Ack}
		p.service = alike{recorder: p.settles, metric: measure.Service}
		p.failed = make([][3]int64, len(spans))
		p.handed, p.ackedOf = c.Counter(SentCounter), c.Counter(AckedOfCounter(p.plan.Topic.Name))
		p.outcomes = [...]*measure.Counter{
			message.Unknown: c.Counter(UnknownCounter),
			message.Acked:   c.Counter(AckedCounter), message.Rejected: c.Counter(RejectedCounter),
		}
	}
	for _, g := range w.groups {
		g.begin(spans, c.Counter(ReceivedCounter(g.plan.ID)), c.Counter(RepeatedCounter(g.plan.ID)))
	}
	r.live.Store(c)
	w.started = true
	sending, cancel := context.WithCancel(context.Background())
	w.stopSending = cancel
	for _, p := range w.producers {
		w.sending.Go(func() { w.run.watched(func() { p.loop(sending) }) })
	}
	go func() {
		w.sending.Wait()
		close(w.sentAll)
	}()
}

// The names of the counters that a worker keeps with the collector.
const (
	SentCounter     = "sent" // messages, each once, however often it was tried
	AckedCounter    = "acked"
	RejectedCounter = "rejected"
	UnknownCounter  = "unknown"
)

// AckedOfCounter names the counter of a topic's messages that were acked, by its name on the broker.
func AckedOfCounter(topic string) string { return "acked of " + topic }

// ReceivedCounter names the counter of what the group with this number in the judge's plan received.
func ReceivedCounter(group uint32) string { return fmt.Sprintf("received/%d", group) }

// RepeatedCounter names the counter of those of them whose message the group had received before.
func RepeatedCounter(group uint32) string { return fmt.Sprintf("repeated/%d", group) }

// Sent implements Worker.
func (w *Local) Sent() <-chan struct{} { return w.sentAll }

// StopSending implements Worker.
func (w *Local) StopSending() {
	if w.stopSending != nil {
		w.stopSending()
	}
}

// Beat implements Worker.
func (w *Local) Beat() Beat {
	b := Beat{Clients: len(w.consumers)}
	for _, p := range w.producers {
		b.Settled += p.settledSoFar()
		if p.finished.Load() {
			continue
		}
		b.Clients++
		b.InFlight += p.window.inFlight.Load()
		if p.connected.Load() {
			b.Connected++
		}
	}
	for _, c := range w.consumers {
		if c.connected.Load() {
			b.Connected++
		}
	}
	return b
}

// Reached implements Worker.
func (w *Local) Reached(i int) Reached {
	r := w.groups[i].reached()
	for _, c := range w.consumers {
		if c.plan.Group == i && c.connected.Load() {
			r.Connected++
		}
	}
	return r
}

// Fence implements Worker.
func (w *Local) Fence(ctx context.Context, i int) error {
	for _, c := range w.consumers {
		if c.plan.Group != i {
			continue
		}
		client := c.current.Load()
		if client == nil {
			return fmt.Errorf("consumer %s has no connection", c.plan.Name)
		}
		f, ok := (*client).(drivers.Fencer)
		if !ok {
			return ErrNoFence
		}
		if err := f.Fence(ctx); err != nil {
			return fmt.Errorf("consumer %s: %w", c.plan.Name, err)
		}
	}
	return nil
}

// Stop implements Worker.
func (w *Local) Stop() *Result {
	w.stop.Do(func() {
		if w.started {
			w.stopSending()
			<-w.sentAll
		} else {
			for _, p := range w.producers {
				if p.client != nil {
					p.drop(nil)
				}
			}
		}
		if w.stopReceiving != nil {
			w.stopReceiving()
			w.receiving.Wait()
		}
		for _, c := range w.consumers {
			if c.client != nil {
				c.drop(nil)
			}
		}
		w.closePacers()
		w.result = w.collect()
	})
	return w.result
}

func (w *Local) closePacers() {
	for _, p := range w.producers {
		p.pacer.Close() //nolint:errcheck // a timer that was only read
	}
}

// addPhases adds what of one outcome a producer has counted, by phase.
func addPhases(sum []int64, counted [][3]int64, outcome message.Outcome) []int64 {
	if sum == nil {
		sum = make([]int64, len(counted))
	}
	for i := range counted {
		sum[i] += counted[i][outcome]
	}
	return sum
}

func (w *Local) collect() *Result {
	r := &Result{WindowShare: 1, Misuse: w.misuse.Load()}
	closed := false
	all := &errorCounts{}
	for _, p := range w.producers {
		r.Unsent += p.unsent()
		r.Resent += p.resent.Load()
		r.Reconnects += p.reconnects.Load()
		r.Misuse += p.window.misuse.Load()
		r.Rejected = addPhases(r.Rejected, p.failed, message.Rejected)
		r.Unknown = addPhases(r.Unknown, p.failed, message.Unknown)
		r.Ended = max(r.Ended, time.Duration(p.stopped))
		if p.plan.Schedule == nil && p.stopped > 0 {
			// Of the time for which it could send: what is tried again after the end may take long, and needs no window.
			share := min(1, float64(p.blocked)/float64(min(p.stopped, w.run.plan.Until)))
			if !closed || share > r.WindowShare {
				r.WindowShare = share
			}
			closed = true
		}
		all.merge(p.errors)
	}
	for _, c := range w.consumers {
		r.Reconnects += c.reconnects.Load()
		all.merge(c.errors)
	}
	for _, g := range w.groups {
		r.Gaps = append(r.Gaps, g.gaps)
	}
	r.Errors = all.list()
	return r
}
