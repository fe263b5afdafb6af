package process

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"ordeal/faults"
)

// Pause is process.pause: the process keeps its connections and does nothing. Clients see slowness, not failure, and the kernel goes on
// taking their bytes.
func Pause() faults.Kind {
	return faults.Kind{
		Name:  "process.pause",
		About: "Stops the broker process in its tracks (SIGSTOP) and lets it go on (SIGCONT) after its time.",
		Acts:  "node",
		Where: "Nodes that ordeal started, on Linux, macOS and other Unix systems; others by the commands of a target file.",
		Evidence: "The kernel gives the process's state as stopped (T), and as running after its time. Of a node that ordeal did not start: " +
			"its command ended with 0, and a new client got no byte from it.",
		New: func(s faults.Spec) faults.Fault {
			acts := []faults.Act{faults.ActPause, faults.ActResume}
			return &pause{aim{kind: "process.pause", selector: s.Target, signal: faults.Pause, acts: acts}}
		},
	}
}

// watching is how long a process may take to stop after the signal, and to go on.
const watching = 5 * time.Second

type pause struct{ aim }

// Inject returns once the kernel says that the processes are stopped.
func (p *pause) Inject(ctx context.Context, t faults.Target) (faults.Recovery, error) {
	victims, err := p.victims(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, v := range victims {
		if v.before.Paused {
			return nil, fmt.Errorf("node %s is paused already", v.node.Name())
		}
	}
	r := &resume{target: t, victims: victims, undo: undoCommands(p.nodes, faults.Pause), since: time.Now()}
	_ = each(victims, func(v *victim) error {
		err := v.node.Signal(ctx, faults.Pause)
		if err == nil {
			err = v.await(ctx, true)
		}
		if err != nil {
			v.saw(false, fmt.Sprintf("was not seen to stop: %v", err), "pid", pid(v.before.PID))
			return nil
		}
		v.saw(true, "was stopped"+as(v.before.PID), "pid", pid(v.before.PID), "state", stopped(v.node))
		return nil
	})
	return r, nil
}

// stopped is what was seen of a paused node: the kernel's word, or what new clients met.
func stopped(n faults.Node) string {
	if _, ok := n.(faults.Local); ok {
		return "stopped (T)"
	}
	return "its pause command ended with 0, and a new client got no byte"
}

// await returns once the node is paused, or no longer.
func (v *victim) await(ctx context.Context, paused bool) error {
	ctx, cancel := context.WithTimeout(ctx, watching)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		now, err := v.node.Status(ctx)
		switch {
		case err != nil:
			return err
		case !now.Running:
			return fmt.Errorf("node %s is gone (%s)", v.node.Name(), now.Exit)
		case now.Paused == paused:
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("node %s: paused is %v: %w", v.node.Name(), now.Paused, ctx.Err())
		}
	}
}

// resume is the recovery.
type resume struct {
	target  faults.Target
	victims []*victim
	undo    []string
	since   time.Time
	done    atomic.Bool
}

// Recover lets the processes go on, also those that were not seen to stop: SIGCONT does a running process no harm. A process that is
// gone is an error, for something else ended it.
func (r *resume) Recover(ctx context.Context) error {
	if r.done.Load() {
		return nil
	}
	err := each(r.victims, func(v *victim) error {
		if err := v.node.Signal(ctx, faults.Resume); err != nil {
			return err
		}
		if err := v.await(ctx, false); err != nil {
			return err
		}
		if v.bitten() {
			took := time.Since(r.since).Round(time.Millisecond).String()
			v.saw(true, fmt.Sprintf("was stopped%s for %s", as(v.before.PID), took), "paused for", took)
		}
		return nil
	})
	r.done.Store(err == nil)
	return err
}

// Settled waits for the nodes.
func (r *resume) Settled(ctx context.Context) error { return settled(ctx, r.target, r.victims) }

// Evidence tells of the kernel's word.
func (r *resume) Evidence() faults.Evidence { return evidence(r.victims) }

// Undo lets the processes go on.
func (r *resume) Undo() []string { return r.undo }
