package network

import (
	"context"
	"fmt"
	"strings"

	"ordeal/drivers"
	"ordeal/faults"
)

// Blackhole is network.blackhole: nothing arrives and nobody is told. What becomes of the connections is the mode's choice.
func Blackhole() faults.Kind {
	return faults.Kind{
		Name:     "network.blackhole",
		About:    "Lets nothing through and tells nobody; dials hang.",
		Acts:     "connection",
		Where:    "Every broker that is reached over a network, on every platform.",
		Evidence: "Bytes vanished or were held back, or dials hung.",
		Options: []drivers.Option{
			directionOption(),
			{
				Name: "mode", Kind: drivers.KindEnum, Default: "drop", Values: []string{"drop", "stall"},
				About: "drop lets bytes vanish and resets the connections that lost some when the fault ends; stall holds bytes back and " +
					"lets them go on without loss.",
			},
		},
		New: func(s faults.Spec) faults.Fault {
			hole := faults.Drop
			if s.Options.Text("mode") == "stall" {
				hole = faults.Stall
			}
			return &blackhole{aim: aim{kind: "network.blackhole", selector: s.Target}, effect: faults.Effect{
				Direction: direction(s.Options), Hole: hole,
			}}
		},
	}
}

type blackhole struct {
	aim
	effect faults.Effect
}

// Inject returns at once: from now on nothing passes.
func (b *blackhole) Inject(ctx context.Context, t faults.Target) (faults.Recovery, error) {
	f, err := b.apply(ctx, t, b.effect, b.witness)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (b *blackhole) witness(s faults.LinkStats) faults.Evidence {
	if s.Dropped+s.Held+s.Dials == 0 {
		return untouched(s)
	}
	var what []string
	for _, w := range []struct {
		n    int64
		text string
	}{
		{s.Dropped, "bytes vanished"},
		{s.Held, "bytes were held back"},
		{s.Dials, "dials hung"},
		{s.Resets, "connections were reset at its end"},
	} {
		if w.n > 0 {
			what = append(what, fmt.Sprintf("%d %s", w.n, w.text))
		}
	}
	return faults.Evidence{
		Bit: true,
		Why: fmt.Sprintf("%s, %s under it", strings.Join(what, ", "), connections(s.Connections)),
		Facts: map[string]string{
			"connections": count(s.Connections), "bytes dropped": count(s.Dropped), "bytes held": count(s.Held),
			"dials hung": count(s.Dials), "connections reset": count(s.Resets),
		},
	}
}
