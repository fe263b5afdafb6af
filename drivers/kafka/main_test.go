package kafka

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

// startKafka starts a cluster that ends with the test.
func startKafka(t testing.TB, nodes int, settings map[string]string) cluster.Cluster {
	t.Helper()
	return clustertest.Start(t, cluster.Spec{Kind: "kafka", Nodes: nodes, Server: settings})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// connect opens a session that is closed with the test.
func connect(t testing.TB, cfg drivers.Config) *session {
	t.Helper()
	return drivertest.Open(t, New(), cfg).(*session)
}
