package network

import (
	"context"
	"fmt"

	"ordeal/drivers"
	"ordeal/faults"
)

// Latency is network.latency: every byte arrives later, in order, and at full bandwidth.
func Latency() faults.Kind {
	return faults.Kind{
		Name:     "network.latency",
		About:    "Delays what clients send and receive, in order and at full bandwidth; new connections take a round trip longer.",
		Acts:     "connection",
		Where:    "Every broker that is reached over a network, on every platform.",
		Evidence: "Bytes were delayed.",
		Options: []drivers.Option{
			{Name: "delay", Kind: drivers.KindDuration, Default: "100ms", About: "How much later every byte arrives, in each direction."},
			{Name: "jitter", Kind: drivers.KindDuration, Default: "0s", About: "Up to how much more or less than delay, evenly; order is kept."},
			directionOption(),
		},
		New: func(s faults.Spec) faults.Fault {
			return &latency{aim: aim{kind: "network.latency", selector: s.Target}, effect: faults.Effect{
				Direction: direction(s.Options), Delay: s.Options.Duration("delay"), Jitter: s.Options.Duration("jitter"),
			}}
		},
	}
}

type latency struct {
	aim
	effect faults.Effect
}

// Inject returns at once: from now on bytes are late.
func (l *latency) Inject(ctx context.Context, t faults.Target) (faults.Recovery, error) {
	f, err := l.apply(ctx, t, l.effect, l.witness)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (l *latency) witness(s faults.LinkStats) faults.Evidence {
	if s.Delayed == 0 {
		return untouched(s)
	}
	return faults.Evidence{
		Bit: true,
		Why: fmt.Sprintf("%d bytes in %d reads and writes were delayed by %v, %s under it", s.Delayed, s.Calls, l.effect.Delay,
			connections(s.Connections)),
		Facts: map[string]string{
			"connections": count(s.Connections), "calls delayed": count(s.Calls), "bytes delayed": count(s.Delayed),
		},
	}
}
