package cluster

import (
	"slices"

	"github.com/nats-io/nats-server/v2/server"
)

// CanStart tells whether Start knows how to start clusters of this kind.
func CanStart(kind string) bool { return slices.Contains(kinds(), kind) }

// kinds are those that Start knows.
func kinds() []string { return []string{"nats", "kafka", "rabbitmq", "redis"} }

// NATSVersion is the version of the nats-server that is built in.
func NATSVersion() string { return server.VERSION }
