package engine

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"ordeal/drivers"
	"ordeal/faults"
	"ordeal/internal/cluster"
)

// identifyLimit bounds asking one node what the broker calls it.
const identifyLimit = 5 * time.Second

// remote describes the cluster of a target file.
func (x *execution) remote() *cluster.Commanded {
	return cluster.NewCommanded(cluster.CommandedSpec{
		Name: x.Target.String(), Nodes: x.Target.Remote, Dir: x.Target.Dir, Mask: x.Target.mask, Ask: x.knock, Logger: x.Logger,
	})
}

// feasible asks every fault whether it is possible on the nodes of a target file, which are known before anything is connected.
func (x *execution) feasible(ctx context.Context) error {
	if len(x.Target.Remote) == 0 {
		return nil
	}
	return x.checkFaults(ctx, &arena{target: x.Target, cluster: x.remote(), links: faults.NewLinks(x.Seed), logger: x.Logger})
}

// recognise asks the nodes of a target file what the broker calls them, so that leader(topic) is understood. A node that cannot be asked is
// known by what the file says; it is told, and no error, because a fault may never ask for it.
func (x *execution) recognise(ctx context.Context, c *cluster.Commanded) {
	var all sync.WaitGroup
	for _, n := range c.Nodes() {
		all.Go(func() {
			name, err := x.identify(ctx, n.Address())
			switch {
			case err != nil:
				x.events.add("provision", "node %s at %s does not say what the broker calls it: %s", n.Name(), n.Address(), x.Target.mask(err.Error()))
			case name != "":
				c.Learn(n.Address(), name)
				x.Logger.Debug("node recognised", "node", n.Name(), "address", n.Address(), "called", name)
			}
		})
	}
	all.Wait()
}

// identify asks one node; "" where the driver's brokers know nodes by their addresses.
func (x *execution) identify(ctx context.Context, address string) (name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, identifyLimit)
	defer cancel()
	cfg, door := x.plan.config, &door{heard: func() {}}
	cfg.Servers = []string{address}
	s, err := x.Driver.Open(ctx, cfg, drivers.Env{Dial: door.dial, Logger: x.Logger, Name: "ordeal-admin"})
	if err != nil {
		return "", err
	}
	defer s.Close(ctx) //nolint:errcheck // it was only asked
	if i, ok := s.(drivers.Identifier); ok {
		return i.Identify(ctx)
	}
	return "", nil
}

// named finds the nodes that a driver may mean: one, where the name tells them apart. What a broker calls its nodes outranks ordeal's own
// names, which may be another node's there: a node that the broker calls n3 is never meant by n1, whatever ordeal calls it. Of a name like
// rabbit@host either part does, on either side.
func named(nodes []faults.Node, name string) []faults.Node {
	ordeals := regexp.MustCompile(`^n[0-9]+(@.*)?$`)
	part, host, _ := strings.Cut(name, "@")
	same := func(called string) bool {
		if host == "" {
			return strings.HasPrefix(called, name+"@")
		}
		return called == part || called == host
	}
	var whole, parts, own []faults.Node
	for _, n := range nodes {
		called := calledBy(n)
		if slices.Contains(called, name) {
			whole = append(whole, n)
		}
		if slices.ContainsFunc(called, same) {
			parts = append(parts, n)
		}
		if n.Address() == name || n.Name() == name && !slices.ContainsFunc(called, ordeals.MatchString) {
			own = append(own, n)
		}
	}
	switch {
	case len(whole) > 0:
		return whole
	case len(parts) > 0:
		return parts
	default:
		return own
	}
}

// calledBy is what the broker calls a node that ordeal did not start, as far as it is known.
func calledBy(n faults.Node) []string {
	if c, ok := n.(interface{ Called() []string }); ok {
		return c.Called()
	}
	return nil
}
