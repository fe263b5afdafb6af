package worker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/message"
)

// probePatience is how long one probe may take before the next is sent beside it.
const probePatience = 250 * time.Millisecond

var errUnsettled = errors.New("the driver never settled it")

// probe proves the whole way of every topic before the load begins: one message is acked and reaches every group. Probes are messages
// like others to the judge, so a broker that loses one is found out too.
func (w *Local) probe(ctx context.Context) error {
	for i := range w.run.plan.Probes {
		plan := &w.run.plan.Probes[i]
		p := &prober{
			worker: w, plan: plan, opener: newOpener(w.run.deps, ProducerRole, "probe"), log: w.run.producerLog(plan.ID),
			receipts: make(chan drivers.Receipt, 1),
		}
		err := p.run(ctx)
		w.misuse.Add(p.misuse.Load())
		if err != nil {
			return fmt.Errorf("probe of topic %s: %w", plan.Topic.Name, err)
		}
	}
	return nil
}

// prober sends the probes of one topic, one after another, until one has gone the whole way.
type prober struct {
	worker *Local
	plan   *Probe
	opener *opener
	log    *history.ProducerLog
	client drivers.Producer
	// awaited is the token of the probe that is with the driver, 0 for none: nothing else may be settled.
	awaited  atomic.Uint64
	receipts chan drivers.Receipt
	misuse   atomic.Int64
}

func (p *prober) settle(r drivers.Receipt) {
	if r.Token == 0 || !p.awaited.CompareAndSwap(r.Token, 0) {
		p.misuse.Add(1)
		return
	}
	p.receipts <- r
}

// run opens a connection, and another one whenever that breaks, until ctx ends.
func (p *prober) run(ctx context.Context) error {
	var session drivers.Session
	defer func() {
		if session != nil {
			abandon(session)
		}
	}()
	var last error
	for seq := uint64(0); ctx.Err() == nil; seq++ {
		if session == nil {
			s, err := p.opener.open(ctx, p.use)
			if err != nil {
				last = keep(ctx, last, err)
				continue
			}
			session = s
		}
		broken, err := p.once(ctx, seq)
		if err == nil {
			return nil
		}
		last = keep(ctx, last, err)
		if broken {
			abandon(session)
			session = nil
		}
	}
	return errors.Join(last, context.Cause(ctx))
}

// keep prefers what went wrong before ctx ended to what its end made go wrong.
func keep(ctx context.Context, last, err error) error {
	if last != nil && ctx.Err() != nil {
		return last
	}
	return err
}

func (p *prober) use(ctx context.Context, s drivers.Session) error {
	client, err := s.Producer(ctx, drivers.ProducerSpec{Topic: p.plan.Topic, Guarantee: p.plan.Guarantee, Window: 1}, p.settle)
	p.client = client
	return err
}

// once sends one probe, waits for its receipt and gives it a while to arrive. broken tells that the connection is of no more use.
func (p *prober) once(ctx context.Context, seq uint64) (broken bool, err error) {
	r, err := p.send(ctx, seq)
	if err != nil {
		p.client.Close(ctx)         //nolint:errcheck // the error before is the one to tell
		if p.awaited.Swap(0) == 0 { // Close settles the probe as unknown
			r = <-p.receipts
		}
	}
	p.note(seq, r)
	if err != nil || r.Outcome != drivers.Acked {
		return err != nil, errors.Join(fmt.Errorf("the send was %s", r.Outcome), r.Err, err, sleep(ctx, probePatience))
	}
	return false, p.arrival(ctx)
}

// send hands probe seq to the driver and returns its receipt.
func (p *prober) send(ctx context.Context, seq uint64) (drivers.Receipt, error) {
	run, token := p.worker.run, seq+1
	id := message.ID{Producer: p.plan.ID, Seq: seq}
	body := make([]byte, message.HeaderSize)
	message.Put(body, &message.Stamp{ID: id, Run: run.plan.Run, Index: seq, Intended: -1, Incarnation: message.Unordered})
	attempt := history.Attempt{ID: id, Index: seq, Incarnation: message.Unordered}
	run.deps.Book.Attempt(&attempt)
	if p.log != nil {
		p.log.Attempt(&attempt)
	}
	p.awaited.Store(token)
	if err := p.client.Send(ctx, []drivers.Message{{Token: token, Body: body}}); err != nil {
		return drivers.Receipt{}, err
	}
	if err := p.client.Flush(ctx); err != nil {
		return drivers.Receipt{}, err
	}
	if p.awaited.Load() != 0 {
		return drivers.Receipt{}, errUnsettled
	}
	return <-p.receipts, nil
}

// note takes the probe's outcome down.
func (p *prober) note(seq uint64, r drivers.Receipt) {
	receipt := history.Receipt{
		ID: message.ID{Producer: p.plan.ID, Seq: seq}, Outcome: message.Outcome(r.Outcome), Position: message.Position(r.Position),
	}
	if p.plan.Topic.Model == drivers.Broadcast {
		receipt.Outcome = message.Unknown // who was not listening yet is owed nothing
	}
	p.worker.run.deps.Book.Receipt(&receipt)
	if p.log != nil {
		p.log.Receipt(&receipt)
	}
}

// arrival waits until a probe has reached every group.
func (p *prober) arrival(ctx context.Context) error {
	deadline := time.Now().Add(probePatience)
	for {
		missing := p.missing()
		if missing == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("acked, but group %s did not receive it", missing)
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			return fmt.Errorf("acked, but group %s did not receive it: %w", missing, err)
		}
	}
}

// missing names a group that has not seen a probe yet.
func (p *prober) missing() string {
	for _, g := range p.plan.Groups {
		if group := p.worker.groups[g]; !group.probed(p.plan.ID) {
			return group.plan.Name
		}
	}
	return ""
}
