package drivertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ordeal/drivers"
)

// Harness says what to test and what the driver promises beyond the contract.
type Harness struct {
	// New returns the driver and the way to a broker, once for each subtest. What it starts must end by t.Cleanup or live longer than
	// the suite.
	New func(t *testing.T) (drivers.Driver, drivers.Config)
	// Models the driver knows.
	Models []drivers.Model
	// Guarantees to run each model with; nil for Accepted, and Sent for a broadcast.
	Guarantees func(drivers.Model) []drivers.Guarantee
	// Replicas of each topic; 0 for 1.
	Replicas int
	// Messages that go through each combination; 0 for 100,000.
	Messages int
	// MaxBody is the largest body that the broker takes, in bytes; 0 where it takes more than 1 MiB. Anything larger must be Rejected.
	MaxBody int
	// Patience is how long to wait for something that must come; 0 for 20 s.
	Patience time.Duration
	// Network tells that sessions dial through Env.Dial, so that their connections can be cut and stalled.
	Network bool
	// Flagged tells that redeliveries are marked and counted.
	Flagged bool
	// Keys tells that keys travel with the messages.
	Keys bool
	// Replays are the models whose topics can be read again. For all others the driver must say that there is nothing to replay.
	Replays []drivers.Model
	// Rebalances are the models whose members are told which shards are theirs.
	Rebalances []drivers.Model
	// Trim makes the broker forget what a shard of a log holds before a position, as it would after its retention; nil where it cannot be made
	// to. It is needed to see what a replay says of a position that is gone.
	Trim func(t *testing.T, topic drivers.Topic, shard int, before drivers.Position)
}

func (h Harness) filled() Harness {
	if h.Replicas == 0 {
		h.Replicas = 1
	}
	if h.Messages == 0 {
		h.Messages = 100_000
	}
	if h.Patience == 0 {
		h.Patience = 20 * time.Second
	}
	if h.Guarantees == nil {
		h.Guarantees = func(m drivers.Model) []drivers.Guarantee {
			if m == drivers.Broadcast {
				return []drivers.Guarantee{drivers.Sent}
			}
			return []drivers.Guarantee{drivers.Accepted}
		}
	}
	return h
}

// combination is what a subtest runs with.
type combination struct {
	model     drivers.Model
	guarantee drivers.Guarantee
	ack       drivers.AckMode
}

func (c combination) String() string { return fmt.Sprintf("%s-%s-%s", c.model, c.guarantee, c.ack) }

// keeps tells that an unacknowledged message comes again.
func (c combination) keeps() bool { return c.model != drivers.Broadcast && c.ack == drivers.AckAfter }

// Run runs the suite as subtests of t, named <model>-<guarantee>-<ack>/<test>.
func Run(t *testing.T, h Harness) {
	h = h.filled()
	for _, model := range h.Models {
		for i, guarantee := range h.Guarantees(model) {
			for _, ack := range []drivers.AckMode{drivers.AckAfter, drivers.AckBefore} {
				c := combination{model: model, guarantee: guarantee, ack: ack}
				t.Run(c.String(), func(t *testing.T) { runCombination(t, h, c, i == 0) })
			}
		}
	}
}

// runCombination runs what depends on all three; the first guarantee of a model also gets what depends on the model only.
func runCombination(t *testing.T, h Harness, c combination, first bool) {
	run := func(name string, needed bool, test func(b *bench)) {
		if needed {
			t.Run(name, func(t *testing.T) { test(newBench(t, h, c)) })
		}
	}
	after := c.ack == drivers.AckAfter
	stored := c.model != drivers.Broadcast
	cuttable := h.Network
	run("Messages", true, messages)
	run("HeldMessages", first && after && cuttable, held(messages))
	run("Sizes", after, sizes)
	run("TooLarge", after && h.MaxBody > 0, tooLarge)
	run("NoSuchShard", after, noSuchShard)
	run("OpenShard", after, openShard)
	run("CancelledBefore", after, cancelledBefore)
	run("CancelledReceive", after, cancelledReceive)
	run("CancelledOpen", after && cuttable, cancelledOpen)
	run("CancelledSend", after && cuttable, cancelledSend)
	run("CloseTwice", after, closeTwice)
	run("UseAfterClose", after, useAfterClose)
	run("CloseSession", after, closeSession)
	run("CutConnection", cuttable, cutConnection)
	run("HeldCutConnection", first && after && cuttable, held(cutConnection))
	run("HeldCancelledReceive", first && after && cuttable, held(cancelledReceive))
	run("Unacked", stored, unacked)
	run("Nack", stored && after, nack)
	run("Sharing", first, sharing)
	run("Topic", first && after, topicLife)
	run("OtherSettings", first && after && stored, otherSettings)
	replays, told := first && after && slices.Contains(h.Replays, c.model), first && slices.Contains(h.Rebalances, c.model)
	run("Replay", replays, replayAll)
	run("ReplayFrom", replays, replayFrom)
	run("ReplayLive", replays, replayLive)
	run("ReplayEmpty", replays, replayEmpty)
	run("ReplayTrimmed", replays && h.Trim != nil, replayTrimmed)
	run("ReplayEnds", replays, replayEnds)
	run("NoReplay", first && after && !replays, noReplay)
	run("Rebalance", told, rebalance)
	run("RebalanceReplaced", told, rebalanceReplaced)
	run("Audit", first, audit)
}

// held is the same test on connections whose arrivals are held.
func held(test func(b *bench)) func(b *bench) {
	return func(b *bench) {
		b.links.hold(b.T)
		test(b)
	}
}
