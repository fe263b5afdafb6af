package rabbitmq

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
	"ordeal/internal/cluster"
	"ordeal/internal/cluster/clustertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startRabbitMQ starts a cluster that ends with the test.
func startRabbitMQ(t testing.TB, nodes int, settings map[string]string) cluster.Cluster {
	t.Helper()
	return clustertest.Start(t, cluster.Spec{Kind: "rabbitmq", Nodes: nodes, Server: settings})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// connect opens a session that is closed with the test.
func connect(t testing.TB, cfg drivers.Config) *session {
	t.Helper()
	s := drivertest.Open(t, New(), cfg)
	if streams, ok := s.(streamSession); ok {
		return streams.session
	}
	return s.(*session)
}
