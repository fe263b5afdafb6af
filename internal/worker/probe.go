package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ordeal/drivers"
	"ordeal/internal/history"
	"ordeal/internal/message"
)

// probePatience is how long one probe may take before the next is sent beside it.
const probePatience = 250 * time.Millisecond

// probe proves the whole way of every topic before the load begins: one message is acked and reaches every group. Probes are messages
// like others to the judge, so a broker that loses one is found out too.
func (w *Local) probe(ctx context.Context) error {
	for i := range w.run.plan.Probes {
		if err := w.probeTopic(ctx, &w.run.plan.Probes[i]); err != nil {
			return fmt.Errorf("probe of topic %s: %w", w.run.plan.Probes[i].Topic.Name, err)
		}
	}
	return nil
}

func (w *Local) probeTopic(ctx context.Context, plan *Probe) error {
	receipts := make(chan drivers.Receipt, 1)
	var client drivers.Producer
	session, err := newOpener(w.run.deps, ProducerRole, "probe").open(ctx, func(ctx context.Context, s drivers.Session) error {
		p, err := s.Producer(ctx, drivers.ProducerSpec{Topic: plan.Topic, Guarantee: plan.Guarantee, Window: 1},
			func(r drivers.Receipt) { receipts <- r })
		client = p
		return err
	})
	if err != nil {
		return err
	}
	defer abandon(session)
	log := w.run.producerLog(plan.ID)
	var last error
	for seq := uint64(0); ctx.Err() == nil; seq++ {
		last = w.probeOnce(ctx, plan, client, log, seq, receipts)
		if last == nil {
			return nil
		}
	}
	return errors.Join(last, context.Cause(ctx))
}

// probeOnce sends one probe, waits for its receipt and gives it a while to arrive.
func (w *Local) probeOnce(
	ctx context.Context, plan *Probe, client drivers.Producer, log *history.ProducerLog, seq uint64, receipts <-chan drivers.Receipt,
) error {
	id := message.ID{Producer: plan.ID, Seq: seq}
	body := make([]byte, message.HeaderSize)
	message.Put(body, &message.Stamp{ID: id, Run: w.run.plan.Run, Index: seq, Intended: -1})
	attempt := history.Attempt{ID: id, Index: seq}
	w.run.deps.Book.Attempt(&attempt)
	if log != nil {
		log.Attempt(&attempt)
	}
	sendErr := client.Send(ctx, []drivers.Message{{Token: seq, Body: body}})
	flushErr := client.Flush(ctx)
	if flushErr != nil {
		client.Close(ctx) //nolint:errcheck // settles the probe as unknown; the flush's error is the one to tell
	}
	r := <-receipts
	receipt := history.Receipt{ID: id, Outcome: message.Outcome(r.Outcome), Position: message.Position(r.Position)}
	if plan.Topic.Model == drivers.Broadcast {
		receipt.Outcome = message.Unknown // who was not listening yet is owed nothing
	}
	w.run.deps.Book.Receipt(&receipt)
	if log != nil {
		log.Receipt(&receipt)
	}
	if r.Outcome != drivers.Acked {
		return errors.Join(fmt.Errorf("the send was %s", r.Outcome), r.Err, sendErr, flushErr, sleep(ctx, probePatience))
	}
	deadline := time.Now().Add(probePatience)
	for {
		missing := w.missing(plan)
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
func (w *Local) missing(plan *Probe) string {
	for _, g := range plan.Groups {
		if !w.groups[g].probed(plan.ID) {
			return w.groups[g].plan.Name
		}
	}
	return ""
}
