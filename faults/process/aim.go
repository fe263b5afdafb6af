package process

import (
	"context"
	"fmt"
	"strings"

	"ordeal/faults"
)

// aim is what all faults on processes share: the choice of nodes.
type aim struct {
	kind     string
	selector string
	signal   faults.Signal
	acts     []faults.Act  // what its nodes must be able to do
	nodes    []faults.Node // chosen by Prepare
}

// Needs processes that ordeal may signal.
func (a *aim) Needs() faults.Needs { return faults.Needs{Processes: true} }

// Check looks at the selector's form, and whether the nodes can do what the fault is made of; who leads a topic is not known before the
// topic exists, so then all of them must.
func (a *aim) Check(_ context.Context, t faults.Target) error {
	nodes := t.Nodes()
	if len(nodes) == 0 {
		return fmt.Errorf("%s is not possible here: target %s has no processes; use a target that ordeal starts, such as nats, "+
			"or a target file that says how its nodes are acted upon", a.kind, t.Name())
	}
	role, _, found := strings.Cut(a.selector, "(")
	if a.selector == "any" || a.selector == "all" || found && (role == "leader" || role == "follower") {
		return a.able(nodes...)
	}
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.Name()
		if n.Name() == a.selector {
			return a.able(n)
		}
	}
	return fmt.Errorf("%s is not possible here: target %s has no node %q; use %s, any, all, leader(topic) or follower(topic)",
		a.kind, t.Name(), a.selector, strings.Join(names, ", "))
}

// able asks the nodes whether they can do what the fault is made of, and names all that is missing.
func (a *aim) able(nodes ...faults.Node) error {
	var missing []string
	for _, n := range nodes {
		limited, ok := n.(faults.Limited)
		for _, act := range a.acts {
			if !ok {
				break
			}
			if err := limited.Can(act); err != nil {
				missing = append(missing, err.Error())
			}
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("%s is not possible here: %s", a.kind, strings.Join(missing, "; "))
}

// Prepare chooses the nodes as things are now, and says how a person would undo the fault.
func (a *aim) Prepare(ctx context.Context, t faults.Target) (faults.Plan, error) {
	nodes, err := t.Resolve(ctx, a.selector)
	if err != nil {
		return faults.Plan{}, fmt.Errorf("choose %s: %w", a.selector, err)
	}
	if len(nodes) == 0 {
		return faults.Plan{}, fmt.Errorf("choose %s: no node is one now", a.selector)
	}
	a.nodes = nodes
	names := make([]string, len(nodes))
	var steps []faults.Step
	for i, n := range nodes {
		names[i] = n.Name()
		command := n.UndoSignal(a.signal)
		if command == "" {
			continue
		}
		step := faults.Step{Node: n.Name(), Command: command}
		if local, ok := n.(faults.Local); ok && a.signal == faults.Pause {
			step.Process = local.LocalProcess()
		}
		steps = append(steps, step)
	}
	return faults.Plan{Resolved: strings.Join(names, ", "), Steps: steps}, nil
}

// victims are the chosen nodes with what is known of them before; a node that does not run is an error, for then nothing would happen.
func (a *aim) victims(ctx context.Context, t faults.Target) ([]*victim, error) {
	if a.nodes == nil {
		if _, err := a.Prepare(ctx, t); err != nil {
			return nil, err
		}
	}
	victims := make([]*victim, len(a.nodes))
	for i, n := range a.nodes {
		before, err := n.Status(ctx)
		if err != nil {
			return nil, err
		}
		if !before.Running {
			return nil, fmt.Errorf("node %s is not running", n.Name())
		}
		victims[i] = &victim{node: n, before: before}
	}
	return victims, nil
}
