package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"ordeal/faults"
)

// Answer is what a new client gets from a node.
type Answer uint8

const (
	// Answers means that at least one byte came back, whatever it said.
	Answers Answer = iota + 1
	// Silent means that nothing came back in time, as from a paused process or from a host that is gone.
	Silent
	// Refused means that nobody is at the address, or that the connection ended without a byte.
	Refused
)

// Commands are what the user's shell does to one node. Each is empty where it is not possible. See RemoteNode for how they run.
type Commands struct {
	// Kill ends the node's process at once, Stop politely; Start starts it again on the same address and data, and returns.
	Kill, Stop, Start string
	// Pause stops the process in its tracks, Resume lets it go on.
	Pause, Resume string
	// Alive ends with 0 while the process exists, paused or not. If it prints a number, that is what tells one life of the process from
	// the next: its pid.
	Alive string
}

// RemoteNode is a node that ordeal did not start. Its commands run by `sh -c` in CommandedSpec.Dir, with ORDEAL_NODE (its name) and
// ORDEAL_ADDRESS in their environment.
type RemoteNode struct {
	// Address for clients, host:port.
	Address string
	// Called is what the broker calls the node where it says who leads; empty where that is not known.
	Called   string
	Commands Commands
}

// CommandedSpec describes a cluster that ordeal did not start and whose nodes obey commands.
type CommandedSpec struct {
	// Name of the target as the user wrote it.
	Name string
	// Nodes are named n1, n2 and so on in their order.
	Nodes []RemoteNode
	// Dir is where commands run.
	Dir string
	// Mask takes secrets out of what commands print; nil for none.
	Mask func(string) string
	// Ask makes a client connection to an address and tells what came back. The error says in words what was met, also for Silent and
	// Refused. It returns within about a second after ctx has ended.
	Ask    func(ctx context.Context, address string) (Answer, error)
	Logger *slog.Logger
}

// Commanded is a cluster that somebody else runs, with nodes that obey commands of the user's.
type Commanded struct {
	spec  CommandedSpec
	nodes []*commandedNode
}

var _ Cluster = (*Commanded)(nil)

// NewCommanded describes the cluster; nothing is run or connected.
func NewCommanded(spec CommandedSpec) *Commanded {
	c := &Commanded{spec: spec}
	for i, n := range spec.Nodes {
		node := &commandedNode{
			name: fmt.Sprintf("n%d", i+1), target: spec.Name, address: n.Address, commands: n.Commands,
			shell: shell{dir: spec.Dir, mask: spec.Mask}, ask: spec.Ask, logger: spec.Logger,
		}
		if n.Called != "" {
			node.called = []string{n.Called}
		}
		c.nodes = append(c.nodes, node)
	}
	return c
}

// Name is the target as the user wrote it.
func (c *Commanded) Name() string { return c.spec.Name }

// Nodes are all nodes; what a node cannot do it says itself (faults.Limited).
func (c *Commanded) Nodes() []faults.Node {
	nodes := make([]faults.Node, len(c.nodes))
	for i, n := range c.nodes {
		nodes[i] = n
	}
	return nodes
}

// Servers are the nodes' addresses.
func (c *Commanded) Servers() []string {
	var servers []string
	for _, n := range c.nodes {
		servers = append(servers, n.address)
	}
	return servers
}

// Version is not known here.
func (c *Commanded) Version() string { return "" }

// Logs are not ours.
func (c *Commanded) Logs() []string { return nil }

// Facts says who runs it.
func (c *Commanded) Facts() map[string]string {
	return map[string]string{"started by": "somebody else"}
}

// Learn notes what the broker calls the node at address, beside what it is called already. An unknown address is none of ours.
func (c *Commanded) Learn(address, called string) {
	for _, n := range c.nodes {
		if n.address != address {
			continue
		}
		n.mu.Lock()
		if !slices.Contains(n.called, called) {
			n.called = append(n.called, called)
		}
		n.mu.Unlock()
	}
}

// closeLimit bounds bringing back the nodes that a fault left down.
const closeLimit = time.Minute

// Close leaves the cluster as it is, but for what ordeal did to it: nodes that are still down or paused are started or resumed.
func (c *Commanded) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	return errors.Join(atOnce(c.nodes, func(n *commandedNode) error { return n.restore(ctx) })...)
}
