package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"ordeal/faults"
)

// Cluster is a set of broker nodes, started by Start or, for External, by somebody else. Its methods may be called from any goroutine.
type Cluster interface {
	// Name of the kind and its size, such as "nats:3".
	Name() string
	// Nodes that ordeal may act upon, n1 first; empty for an External one.
	Nodes() []faults.Node
	// Servers are the addresses for clients, host:port, in the order of Nodes.
	Servers() []string
	// Version of the broker as it says itself; empty for an External one, whose driver has to ask.
	Version() string
	// Logs are the nodes' log files, in the order of Nodes.
	Logs() []string
	// Facts are for the report: what was configured, by name.
	Facts() map[string]string
	// Close stops every node, also paused ones: politely, and by SIGKILL when that takes longer than a moment or ctx has ended. When
	// it returns nil nothing is left running. It is idempotent.
	Close(ctx context.Context) error
}

// Spec says what to start.
type Spec struct {
	// Kind of broker: "nats".
	Kind string
	// Nodes is how many, 1 or at least 3; of Redis also 2. The zero value means 1.
	Nodes int
	// Dir is the folder in which everything lives; made when missing. Nothing is written elsewhere.
	Dir string
	// Server holds settings of the broker itself, as in options.<driver>.server of a scenario.
	Server map[string]string
	// Keep leaves the data folders after Close; configurations and logs stay in any case.
	Keep bool
	// Self is the command that runs this binary's Serve, without arguments. The zero value is this executable.
	Self string
	// Logger is never nil.
	Logger *slog.Logger
}

// Start starts a cluster and returns once it serves. On an error, also when ctx ends, nothing is left running.
func Start(ctx context.Context, spec Spec) (Cluster, error) {
	if spec.Nodes == 0 {
		spec.Nodes = 1
	}
	// Redis is no quorum system: its pair is a primary with a replica.
	if spec.Nodes < 0 || spec.Nodes == 2 && spec.Kind != "redis" {
		return nil, fmt.Errorf("start %s cluster: %d nodes have no majority that survives one of them; use 1 or 3", spec.Kind, spec.Nodes)
	}
	switch spec.Kind {
	case "nats":
		return startNATS(ctx, spec, freePorts)
	case "kafka":
		return startKafka(ctx, spec, freePorts)
	case "redis":
		return startRedis(ctx, spec, freePorts)
	case "rabbitmq":
		return startRabbitMQ(ctx, spec, rabbitmqPorts)
	default:
		return nil, fmt.Errorf("start %s cluster: ordeal cannot start this kind; it can start %s", spec.Kind, strings.Join(kinds(), ", "))
	}
}
