package bench

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ordeal/internal/cluster"
	"ordeal/internal/cluster/clustertest"
)

// server starts a single node for a test, and skips where the broker is not installed, but not on CI, whose machine has to have it.
func server(t *testing.T, kind string) string {
	t.Helper()
	return clustertest.Start(t, cluster.Spec{Kind: kind, Nodes: 1}).Servers()[0]
}

// Every plain loop gets messages through, and tells how many and at what cost.
func TestPlainLoops(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts brokers, which takes seconds; make unit runs it")
	}
	base := work{Size: 100, Producers: 1, Window: 500, Prefetch: 500, Warm: 50 * time.Millisecond, Full: 300 * time.Millisecond}
	tests := []struct {
		loop, driver string
		change       func(w *work)
	}{
		{"driver", "nats", func(w *work) { w.Consumers, w.Producers, w.Shards = 2, 2, 2 }},
		{"driver", "redis", func(*work) {}},
		{"nats-publish", "nats", func(*work) {}},
		{"nats-core", "nats", func(w *work) { w.Model, w.Guarantee = "broadcast", "sent" }},
		{"redis-xadd", "redis", func(*work) {}},
	}
	for _, test := range tests {
		t.Run(test.loop+" on "+test.driver, func(t *testing.T) {
			w := base
			w.Driver, w.Server = test.driver, server(t, test.driver)
			test.change(&w)
			f, err := measured(standIns()[test.loop], &w)
			if err != nil || f.Rate < 10 || f.CPU <= 0 {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

// A loop that breaks gives no figure.
func TestPlainLoopThatBreaks(t *testing.T) {
	tests := []struct {
		want string
		work work
	}{
		{"it ended early\nthere is no driver", work{Driver: "none", Warm: time.Minute}},
		{"it ended early", work{Driver: "memory", Warm: time.Minute}}, // nobody sends
		{"connection refused", work{Driver: "redis", Server: "127.0.0.1:1", Producers: 1, Window: 1, Warm: time.Minute}},
	}
	for _, test := range tests {
		if _, err := measured(driverLoop, &test.work); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, expected %s", err, test.want)
		}
	}
	idle := func(ctx context.Context, _ *work, _ *atomic.Int64) error {
		<-ctx.Done()
		return nil
	}
	if f, err := measured(idle, &work{Warm: time.Millisecond, Full: time.Millisecond}); err == nil {
		t.Errorf("nothing came, and that is %+v", f)
	}
}

// What the kernel says of a child is read while it runs: a child that fills memory and writes is seen to do so.
func TestChildIsAccountedFor(t *testing.T) {
	// 32 MiB in a shell's variable, then a thousand write calls.
	c := start(t, nil, "sh", "-c", "x=$(head -c 33554432 /dev/zero | tr '\\0' x); i=0; while [ $i -lt 1000 ]; do echo $i >&2; i=$((i+1)); done; "+
		"read wait </proc/self/fd/0; echo ${#x}")
	deadline := time.After(30 * time.Second)
	for c.cpu() == 0 || !seen(c) {
		select {
		case <-deadline:
			t.Fatalf("memory %d, write calls %d, CPU %s", c.high.Load(), c.writes.Load(), c.cpu())
		case <-time.After(20 * time.Millisecond):
		}
	}
	c.kill()
	if err := c.wait(); err == nil {
		t.Error("a child that was killed ended well")
	}
}

func seen(c *child) bool { return c.high.Load() > 32<<20 && c.writes.Load() >= 1000 }
