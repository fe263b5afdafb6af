// Package clustertest starts real brokers for the tests of other packages.
package clustertest

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"ordeal/internal/cluster"
)

const (
	// startLimit is for three nodes of the slowest broker on a machine that does other things besides.
	startLimit = 2 * time.Minute
	closeLimit = 30 * time.Second
)

// Need skips the test where something that a kind of broker needs is not installed, and says how to get it; the kind is as cluster.Spec has
// it. Under CI, whose machine has to have everything, it fails. NATS, which is built in, needs nothing.
func Need(t testing.TB, kind string) {
	t.Helper()
	var parts []cluster.Installed
	switch kind {
	case "kafka":
		parts = cluster.FindKafka()
	case "rabbitmq":
		parts = cluster.FindRabbitMQ()
	case "redis":
		parts = []cluster.Installed{cluster.FindRedis()}
	}
	for _, part := range parts {
		switch {
		case part.Found:
		case os.Getenv("CI") == "true":
			t.Fatalf("%s is missing: %s", part.What, part.Remedy)
		default:
			t.Skipf("%s is missing: %s", part.What, part.Remedy)
		}
	}
}

// Start starts a cluster that ends with the test, once Need has let it. A folder that spec leaves out is the test's own, and a logger
// that it leaves out keeps silent.
func Start(t testing.TB, spec cluster.Spec) cluster.Cluster {
	t.Helper()
	Need(t, spec.Kind)
	if spec.Dir == "" {
		spec.Dir = t.TempDir()
	}
	if spec.Logger == nil {
		spec.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	c, err := cluster.Start(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		if err := c.Close(ending); err != nil {
			t.Error(err)
		}
	})
	return c
}
