package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

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

// Optioner is a Cluster with options for its driver that only whoever started it can know, such as where the nodes tell of themselves.
type Optioner interface {
	// DriverOptions are new at every call, in the names of options.<driver>.
	DriverOptions() map[string]string
}

// Spec says what to start.
type Spec struct {
	// Kind of broker: "nats".
	Kind string
	// Nodes is how many, 1 or at least 3; of Redis also 2. The zero value means 1.
	Nodes int
	// Dir is the folder in which everything lives; made when missing. Nothing is written elsewhere. Files in it are an error: data of an
	// earlier cluster are never taken for this one's.
	Dir string
	// Server holds settings of the broker itself, as in options.<driver>.server of a scenario.
	Server map[string]string
	// Keep leaves the data folders after Close; configurations and logs stay in any case.
	Keep bool
	// Within is how long the start may take. The zero value means two minutes.
	Within time.Duration
	// Self is the command that runs this binary's Serve, without arguments. The zero value is this executable.
	Self string
	// Logger is never nil.
	Logger *slog.Logger
}

// Start starts a cluster and returns once it serves. After an error, also when ctx ends, nothing is left running, and no data; it names the
// node, with the last words of its log, and what to do.
func Start(ctx context.Context, spec Spec) (Cluster, error) {
	if err := Check(spec.Kind, spec.Nodes); err != nil {
		return nil, fmt.Errorf("start %s cluster: %w", spec.Kind, err)
	}
	spec.Nodes = max(1, spec.Nodes)
	c, err := startKind(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("start %s cluster: %w", spec.Kind, err)
	}
	return c, nil
}

func startKind(ctx context.Context, spec Spec) (Cluster, error) {
	switch spec.Kind {
	case "kafka":
		return startKafka(ctx, spec, freePorts)
	case "rabbitmq":
		return startRabbitMQ(ctx, spec, rabbitmqPorts)
	case "redis":
		return startRedis(ctx, spec, freePorts)
	default:
		return startNATS(ctx, spec, freePorts)
	}
}

// Check tells whether Start can make a cluster of this kind with so many nodes; 0 means 1. An error says what it can make. It looks at
// nothing on this machine.
func Check(kind string, nodes int) error {
	if !CanStart(kind) {
		return fmt.Errorf("ordeal cannot start this kind; it can start %s", strings.Join(kinds(), ", "))
	}
	switch {
	case nodes < 0:
		return fmt.Errorf("%d nodes cannot be started; use %s or %s:3", nodes, kind, kind)
	case nodes == 2 && kind != "redis": // Redis is no quorum system: its pair is a primary with a replica
		return fmt.Errorf("2 nodes have no majority when one of them is gone; use %s or %s:3", kind, kind)
	}
	return nil
}

// CheckServer tells whether Start takes these settings of a server. An error names all that it refuses: those that it sets itself, and what
// cannot be a setting. Whether the server knows them is seen when it is started.
func CheckServer(kind string, settings map[string]string) (err error) {
	switch kind {
	case "nats":
		_, err = natsSections(settings)
	case "kafka":
		_, err = kafkaConf{settings: settings}.text()
	case "rabbitmq":
		_, err = rabbitmqConf{settings: settings}.all()
	case "redis":
		err = checkRedis(settings)
	}
	return err
}
