package rabbitmq

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
	"ordeal/internal/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needRabbitMQ skips where no broker can be started here, and fails under CI.
func needRabbitMQ(t testing.TB) {
	t.Helper()
	for _, part := range cluster.FindRabbitMQ() {
		switch {
		case part.Found:
		case os.Getenv("CI") == "true":
			t.Fatalf("%s is missing: %s", part.What, part.Remedy)
		default:
			t.Skipf("%s is missing: %s", part.What, part.Remedy)
		}
	}
}

// startRabbitMQ starts a cluster that ends with the test.
func startRabbitMQ(t testing.TB, nodes int, settings map[string]string) cluster.Cluster {
	t.Helper()
	needRabbitMQ(t)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	c, err := cluster.Start(ctx, cluster.Spec{Kind: "rabbitmq", Nodes: nodes, Dir: t.TempDir(), Server: settings, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
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
