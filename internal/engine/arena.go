package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"ordeal/drivers"
	"ordeal/faults"
	"ordeal/internal/cluster"
)

// arena is what faults act upon: the cluster's nodes, the client connections, and the broker's own word on who leads.
type arena struct {
	target  Target
	cluster cluster.Cluster
	links   *faults.Links
	logger  *slog.Logger
	topics  map[string]drivers.Topic // by the scenario's name
	admin   *admin

	mu     sync.Mutex
	random *rand.Rand
}

var _ faults.Target = (*arena)(nil)

func (a *arena) Name() string         { return a.target.String() }
func (a *arena) Nodes() []faults.Node { return a.cluster.Nodes() }
func (a *arena) Links() *faults.Links { return a.links }
func (a *arena) Logger() *slog.Logger { return a.logger }

// Rand hands out a source of its own to each caller, so that faults that run at the same time choose the same on every run.
func (a *arena) Rand() *rand.Rand {
	a.mu.Lock()
	defer a.mu.Unlock()
	return rand.New(rand.NewPCG(a.random.Uint64(), a.random.Uint64()))
}

// Resolve implements faults.Target.
func (a *arena) Resolve(ctx context.Context, selector string) ([]faults.Node, error) {
	nodes := a.Nodes()
	if len(nodes) == 0 {
		return nil, fmt.Errorf("target %s has no processes that ordeal may act upon", a.Name())
	}
	switch role, topic, called := cutCall(selector); {
	case selector == "all":
		return nodes, nil
	case selector == "any" || selector == "":
		return []faults.Node{nodes[a.Rand().IntN(len(nodes))]}, nil
	case called && (role == "leader" || role == "follower"):
		return a.holder(ctx, role, topic)
	}
	var names []string
	for _, n := range nodes {
		if n.Name() == selector {
			return []faults.Node{n}, nil
		}
		names = append(names, n.Name())
	}
	return nil, fmt.Errorf("%q is no node of %s; there are %s, and any, all, leader(topic), follower(topic)",
		selector, a.Name(), strings.Join(names, ", "))
}

// cutCall splits "leader(orders)".
func cutCall(s string) (name, argument string, ok bool) {
	name, rest, ok := strings.Cut(s, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		return s, "", false
	}
	return name, strings.TrimSpace(strings.TrimSuffix(rest, ")")), true
}

// holder finds the node that leads shard 0 of a topic, or one that follows.
func (a *arena) holder(ctx context.Context, role, topic string) ([]faults.Node, error) {
	t, ok := a.topics[topic]
	if !ok {
		return nil, fmt.Errorf("%s(%s): the scenario has no topic %q", role, topic, topic)
	}
	var place drivers.Placement
	err := a.admin.ask(ctx, askLimit, func(ctx context.Context, s drivers.Session) error {
		locator, ok := s.(drivers.Locator)
		if !ok {
			return fmt.Errorf("driver %s cannot say which node leads", a.target.Driver)
		}
		var err error
		place, err = locator.Locate(ctx, t, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s(%s): %w", role, topic, err)
	}
	name := place.Leader
	if role == "follower" {
		if len(place.Followers) == 0 {
			return nil, fmt.Errorf("follower(%s): the topic has one replica only", topic)
		}
		slices.Sort(place.Followers)
		name = place.Followers[a.Rand().IntN(len(place.Followers))]
	}
	nodes := named(a.Nodes(), name)
	switch len(nodes) {
	case 1:
		return nodes, nil
	case 0:
		err = fmt.Errorf("%s(%s): the broker names %q, which is no node that ordeal may act upon", role, topic, name)
	default:
		err = fmt.Errorf("%s(%s): the broker names %q, and so are %d nodes called", role, topic, name, len(nodes))
	}
	if len(a.target.Remote) > 0 {
		err = fmt.Errorf("%w; say in the target file which node that is: nodes.n1.called and so on", err)
	}
	return nil, err
}

// Serving implements faults.Target: the node lets a client in and, through it, the broker knows every topic's state.
func (a *arena) Serving(ctx context.Context, n faults.Node) error {
	for {
		err := a.ask(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("node %s: the broker does not serve: %w", n.Name(), err)
		}
		if pause(ctx, drainPoll) != nil {
			return fmt.Errorf("node %s: the broker does not serve: %w", n.Name(), err)
		}
	}
}

// ask makes one question about every topic.
func (a *arena) ask(ctx context.Context) error {
	return a.admin.ask(ctx, askLimit, func(ctx context.Context, s drivers.Session) error {
		ender, ok := s.(drivers.Ender)
		if !ok {
			return nil // that it let a client in is all there is to ask
		}
		for _, t := range a.topics {
			if t.Model == drivers.Broadcast {
				continue
			}
			if _, err := ender.End(ctx, t); err != nil && !errors.Is(err, drivers.ErrNoEnd) {
				return err
			}
		}
		return nil
	})
}
