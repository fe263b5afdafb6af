package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordeal/faults"
	"ordeal/faults/pid"
)

func TestMain(m *testing.M) {
	if served, err := Serve(os.Args[1:]); served {
		exit(err)
	}
	if len(os.Args) == 4 && os.Args[1] == "parent" {
		exit(parent(os.Args[2], os.Args[3]))
	}
	goleak.VerifyTestMain(m)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// parent is an ordeal that is about to be killed: it runs three nodes, one of them paused, tells who they are, and waits.
func parent(kind, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c, err := Start(ctx, Spec{Kind: kind, Nodes: 3, Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if err := c.Nodes()[1].Signal(ctx, faults.Pause); err != nil {
		return err
	}
	children := processes(c) // n2 is the second
	all, err := family(os.Getpid())
	if err != nil {
		return err
	}
	for _, p := range all {
		if !slices.Contains(children, p) {
			children = append(children, p)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(children); err != nil {
		return err
	}
	<-ctx.Done()
	return c.Close(context.Background())
}

func testLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// start starts a cluster that is closed when the test ends, and checks that nothing is left of it then.
func start(t *testing.T, spec Spec) Cluster {
	t.Helper()
	if spec.Dir == "" {
		spec.Dir = t.TempDir()
	}
	spec.Kind, spec.Logger = "nats", testLogger(t)
	c, err := Start(within(t, 30*time.Second), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		last := processes(c)
		if err := c.Close(within(t, 20*time.Second)); err != nil {
			t.Error(err)
		}
		for _, p := range last {
			if state, err := p.State(); err != nil || state != pid.Gone {
				t.Errorf("after Close process %d is %v, %v", p.PID, state, err)
			}
		}
	})
	return c
}

func processes(c Cluster) []pid.Process {
	var out []pid.Process
	f := c.(local).fleetOf()
	for _, p := range slices.Concat(f.members, f.aides) {
		out = append(out, p.LocalProcess())
	}
	return out
}

// await polls for a condition that nothing else announces.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
