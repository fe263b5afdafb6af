package network

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ordeal/drivers"
	"ordeal/faults"
)

// aim is what all faults on connections share: the choice of connections.
type aim struct {
	kind     string
	selector string
	chosen   *faults.Selector // by Prepare
}

// Needs connections that ordeal lends.
func (a *aim) Needs() faults.Needs { return faults.Needs{Connections: true} }

// Check looks at the selector's form; who connects is not known before the load starts.
func (a *aim) Check(_ context.Context, t faults.Target) error {
	nodes := t.Nodes()
	if byRole(a.selector) {
		if len(nodes) == 0 {
			return fmt.Errorf("%s on %s is not possible here: target %s knows no nodes; use all, producers, consumers or a client's name",
				a.kind, a.selector, t.Name())
		}
		return nil
	}
	selector, err := faults.ParseSelector(a.selector)
	if err != nil {
		return fmt.Errorf("%s is not possible here: %w", a.kind, err)
	}
	name, named := selector.Node()
	if named && !slices.ContainsFunc(nodes, func(n faults.Node) bool { return n.Name() == name }) {
		return fmt.Errorf("%s is not possible here: target %s has no node %q", a.kind, t.Name(), name)
	}
	return nil
}

// byRole tells whether the target must say which nodes are meant.
func byRole(selector string) bool {
	role, _, found := strings.Cut(selector, "(")
	return found && (role == "leader" || role == "follower")
}

// Prepare chooses as things are now. There is nothing to undo after a crash of ordeal: the connections end with it.
func (a *aim) Prepare(ctx context.Context, t faults.Target) (faults.Plan, error) {
	selector, err := a.choose(ctx, t)
	if err != nil {
		return faults.Plan{}, err
	}
	a.chosen = &selector
	resolved := selector.String()
	if names := slices.Compact(t.Links().Open(selector)); len(names) > 0 {
		resolved += ": " + list(names)
	}
	return faults.Plan{Resolved: resolved}, nil
}

func (a *aim) choose(ctx context.Context, t faults.Target) (faults.Selector, error) {
	if !byRole(a.selector) {
		return faults.ParseSelector(a.selector)
	}
	nodes, err := t.Resolve(ctx, a.selector)
	if err != nil {
		return faults.Selector{}, fmt.Errorf("choose %s: %w", a.selector, err)
	}
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.Name()
	}
	return faults.OnNodes(names...), nil
}

// selected is what Prepare chose, or would have.
func (a *aim) selected(ctx context.Context, t faults.Target) (faults.Selector, error) {
	if a.chosen == nil {
		if _, err := a.Prepare(ctx, t); err != nil {
			return faults.Selector{}, err
		}
	}
	return *a.chosen, nil
}

// list names the first few of names, and says how many more there are.
func list(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// directionOption is one option of several faults.
func directionOption() drivers.Option {
	return drivers.Option{
		Name: "direction", Kind: drivers.KindEnum, Default: "both", Values: []string{"both", "send", "receive"},
		About: "Which bytes: those that clients send, those that they receive, or both.",
	}
}

func direction(o drivers.Options) faults.Direction {
	switch o.Text("direction") {
	case "send":
		return faults.Sending
	case "receive":
		return faults.Receiving
	default:
		return faults.BothWays
	}
}
