package cluster

import (
	"context"
	"slices"

	"ordeal/faults"
)

// External is a broker that somebody else runs: it has addresses, and no nodes to act upon.
type External struct {
	name    string
	servers []string
}

var _ Cluster = (*External)(nil)

// NewExternal describes the broker at servers, each host:port, under the name that the user gave the target.
func NewExternal(name string, servers []string) *External {
	return &External{name: name, servers: slices.Clone(servers)}
}

// Name is the target as the user wrote it.
func (e *External) Name() string { return e.name }

// Nodes is empty: ordeal signals no process that it did not start.
func (e *External) Nodes() []faults.Node { return nil }

// Servers are the addresses given.
func (e *External) Servers() []string { return slices.Clone(e.servers) }

// Version is not known here.
func (e *External) Version() string { return "" }

// Logs are not ours.
func (e *External) Logs() []string { return nil }

// Facts says who runs it.
func (e *External) Facts() map[string]string { return map[string]string{"started by": "somebody else"} }

// Close leaves it as it is.
func (e *External) Close(context.Context) error { return nil }
