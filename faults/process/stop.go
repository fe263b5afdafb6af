package process

import (
	"context"
	"errors"
	"fmt"

	"ordeal/faults"
)

// Stop is process.stop: a polite end, as in a rolling restart. The broker may flush and say goodbye, which hides what a kill would show.
func Stop() faults.Kind {
	return faults.Kind{
		Name:     "process.stop",
		About:    "Stops the broker politely (SIGTERM) and starts it again on the same port and data after its time.",
		Acts:     "node",
		Where:    "Nodes that ordeal started, on every platform; others by the commands of a target file.",
		Evidence: "The old process ended by itself, and a new one has another number.",
		New: func(s faults.Spec) faults.Fault {
			return &stop{aim{kind: "process.stop", selector: s.Target, signal: faults.Kill, acts: []faults.Act{faults.ActStop, faults.ActStart}}}
		},
	}
}

type stop struct{ aim }

// Inject returns once the processes are gone. One that is still there when ctx ends is not killed, and the fault did not bite.
func (s *stop) Inject(ctx context.Context, t faults.Target) (faults.Recovery, error) {
	victims, err := s.victims(ctx, t)
	if err != nil {
		return nil, err
	}
	undo := undoCommands(s.nodes, faults.Kill)
	_ = each(victims, func(v *victim) error {
		told := v.node.Stop(ctx)
		v.witnessEnd(context.WithoutCancel(ctx), told)
		// It may have heard, and take its time. (A kill takes none: who lives on was not hit.)
		v.ending = !v.bitten() && (errors.Is(told, context.DeadlineExceeded) || errors.Is(told, context.Canceled))
		if told != nil && v.bitten() {
			v.saw(false, fmt.Sprintf("ended%s, and not in the way that was asked for: %v", as(v.before.PID), told))
		}
		return nil
	})
	return &restart{target: t, victims: victims, undo: undo}, nil
}
