package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ordeal/faults"
)

// endPoll lies between two looks at a node that is about to end.
const endPoll = 200 * time.Millisecond

// restart is the recovery of a fault that ended processes: it starts them again on the same port and data.
type restart struct {
	target  faults.Target
	victims []*victim
	undo    []string
}

// Recover starts what is not running. A node that is still about to end is waited for: one that ended later would be down for good. A node
// that only keeps silent is started, too: the machine under it may be off, and to start what runs does no harm.
func (r *restart) Recover(ctx context.Context) error {
	return each(r.victims, func(v *victim) error {
		now, err := v.outlast(ctx)
		if err != nil {
			return err
		}
		if now.Running && !now.Silent {
			return nil
		}
		silent := now.Silent
		if err := v.node.Start(ctx); err != nil {
			return err
		}
		if now, err = v.node.Status(ctx); err != nil {
			return err
		}
		switch {
		case silent: // whether it had ended is as little known as before
		case v.ending:
			how := "ended%s only after the time that it has for it, and was started again%s"
			if v.killed {
				how = "did not end%s in the time that it has for it, was killed, and was started again%s"
			}
			v.saw(false, fmt.Sprintf(how, as(v.before.PID), as(now.PID)), "new pid", pid(now.PID))
		case v.bitten():
			v.saw(true, fmt.Sprintf("ended%s (%s) and was started again%s", as(v.before.PID), v.ended(), as(now.PID)), "new pid", pid(now.PID))
		}
		return nil
	})
}

// Settled waits for the nodes.
func (r *restart) Settled(ctx context.Context) error { return settled(ctx, r.target, r.victims) }

// Evidence tells of old and new processes.
func (r *restart) Evidence() faults.Evidence { return evidence(r.victims) }

// Undo is empty for nodes that end with ordeal anyway.
func (r *restart) Undo() []string { return r.undo }

func (v *victim) ended() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.facts["exit"]
}

// unhurried is which part of the time for a recovery is spent on waiting for a node that keeps silent: it may be about to end, and then a
// start in its midst would be for nothing, or its machine may be off.
const unhurried = 2

// outlast looks at the node, when it is over with what it was told, if that may still end it.
func (v *victim) outlast(ctx context.Context) (faults.Status, error) {
	tick := time.NewTicker(endPoll)
	defer tick.Stop()
	if _, ours := v.node.(faults.Local); ours && v.ending { // it would end with the run, and nothing is left of it then
		v.killed = true
		if err := v.node.Signal(ctx, faults.Kill); err != nil {
			return faults.Status{}, err
		}
	}
	deadline, limited := ctx.Deadline()
	silent := time.Now().Add(time.Until(deadline) / unhurried)
	for {
		now, err := v.node.Status(ctx)
		if !v.ending || err == nil && (!now.Running || now.PID != v.before.PID) {
			return now, err
		}
		if err == nil && now.Silent && limited && time.Now().After(silent) {
			return now, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			found := fmt.Sprintf("%s is still there", who(v.before.PID))
			if err != nil && !errors.Is(err, ctx.Err()) { // on its way out a node may contradict itself, and then say nothing else
				found = "nobody knows whether it has: " + err.Error()
			}
			return now, fmt.Errorf("node %s was told to end, and %s; nobody starts it again should it end later: %w",
				v.node.Name(), found, ctx.Err())
		}
	}
}

// witnessEnd looks whether the process is gone, after it was told to.
func (v *victim) witnessEnd(ctx context.Context, told error) {
	now, err := v.node.Status(ctx)
	switch {
	case err != nil:
		v.saw(false, fmt.Sprintf("could not be looked at: %v", err), "old pid", pid(v.before.PID))
	case now.Running && now.Silent:
		v.saw(false, fmt.Sprintf("may not have ended: new clients are neither answered nor refused; an alive command would tell (%v)", told),
			"old pid", pid(v.before.PID))
	case now.Running && (now.PID == 0 || v.before.PID == 0) && now.PID != v.before.PID:
		v.saw(false, fmt.Sprintf("may not have ended: something is there, and its process number is not known before or after (%v)", told),
			"old pid", pid(v.before.PID))
	case now.Running && now.PID == v.before.PID:
		v.saw(false, fmt.Sprintf("did not end: %s was still there (%v)", who(now.PID), told), "old pid", pid(v.before.PID))
	default:
		v.saw(true, fmt.Sprintf("ended%s (%s)", as(v.before.PID), now.Exit), "old pid", pid(v.before.PID), "exit", now.Exit)
	}
}

// undoCommands are those of the plan's steps.
func undoCommands(nodes []faults.Node, s faults.Signal) []string {
	var commands []string
	for _, n := range nodes {
		if c := n.UndoSignal(s); c != "" {
			commands = append(commands, c)
		}
	}
	return commands
}
