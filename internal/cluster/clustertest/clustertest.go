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

// Need skips the test where a part is not installed, and says how to get it. Under CI, whose machine has to have everything, it fails.
func Need(t testing.TB, parts ...cluster.Installed) {
	t.Helper()
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

// NeedKind does so for all parts of a kind of broker, as cluster.Spec has it.
func NeedKind(t testing.TB, kind string) {
	t.Helper()
	switch kind {
	case "kafka":
		Need(t, cluster.FindKafka()...)
	case "rabbitmq":
		Need(t, cluster.FindRabbitMQ()...)
	case "redis":
		Need(t, cluster.FindRedis())
	}
}

// Start starts a cluster that ends with the test, once NeedKind has let it. A folder that spec leaves out is the test's own, and a logger
// that it leaves out keeps silent.
func Start(t testing.TB, spec cluster.Spec) cluster.Cluster {
	t.Helper()
	NeedKind(t, spec.Kind)
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
