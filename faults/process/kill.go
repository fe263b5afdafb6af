package process

import (
	"context"

	"ordeal/faults"
)

// Kill is process.kill: the process is gone at once, what it had given to the kernel stays.
func Kill() faults.Kind {
	return faults.Kind{
		Name:     "process.kill",
		About:    "Kills the broker process (SIGKILL) and starts it again on the same port and data after its time.",
		Acts:     "node",
		Where:    "Nodes that ordeal started, on every platform; others by the commands of a target file.",
		Evidence: "The old process ended by the signal, and a new one has another number.",
		New: func(s faults.Spec) faults.Fault {
			return &kill{aim{kind: "process.kill", selector: s.Target, signal: faults.Kill, acts: []faults.Act{faults.ActKill, faults.ActStart}}}
		},
	}
}

type kill struct{ aim }

// Inject returns once the processes are gone.
func (k *kill) Inject(ctx context.Context, t faults.Target) (faults.Recovery, error) {
	victims, err := k.victims(ctx, t)
	if err != nil {
		return nil, err
	}
	undo := undoCommands(k.nodes, faults.Kill)
	_ = each(victims, func(v *victim) error {
		// What counts is whether the process is gone; an error of the signal is part of the evidence where it is not.
		told := v.node.Signal(ctx, faults.Kill)
		v.witnessEnd(context.WithoutCancel(ctx), told)
		return nil
	})
	return &restart{target: t, victims: victims, undo: undo}, nil
}
