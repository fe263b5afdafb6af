package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ordeal/faults"
	"ordeal/faults/pid"
)

// steps calls do for each step of a start, before the start goes on: "node started n1" with the process, "cluster: waiting for …" with 0.
type steps struct {
	slog.Handler
	do func(step string, process int)
}

func (s steps) Handle(ctx context.Context, r slog.Record) error {
	step, process := r.Message, 0
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "node":
			step += " " + a.Value.String()
		case "pid":
			process = int(a.Value.Int64())
		}
		return true
	})
	s.do(step, process)
	return s.Handler.Handle(ctx, r)
}

// hard is a start on which something happens at one step.
type hard struct {
	t       *testing.T
	spec    Spec
	mu      sync.Mutex
	started []pid.Process
	name    string // of the process that was started last when it happened
}

// run starts the cluster; at the step what is called with the process that was started last. The start has to end within the limit with an
// error, and nothing may be left: no process, no data, no open folder.
func (h *hard) run(ctx context.Context, step string, what func(process int)) error {
	h.t.Helper()
	if h.spec.Dir == "" {
		h.spec.Dir = h.t.TempDir()
	}
	happened, last, name := false, 0, ""
	h.spec.Logger = slog.New(steps{testLogger(h.t).Handler(), func(now string, process int) {
		if strings.HasPrefix(now, "node ended") {
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		if process != 0 {
			last, name = process, strings.TrimPrefix(now, "node started ")
			id, err := pid.Of(process)
			if err == nil {
				h.started = append(h.started, id)
			}
		}
		if now == step && !happened {
			happened, h.name = true, name
			what(last)
		}
	}})
	c, err := Start(ctx, h.spec)
	if err == nil {
		_ = c.Close(within(h.t, time.Minute))
		h.t.Fatal("the cluster started all the same")
	}
	if !happened {
		h.t.Fatalf("the start never came to %q: %v", step, err)
	}
	for _, p := range h.started {
		if state, err := p.State(); err != nil || state != pid.Gone {
			h.t.Errorf("process %d is %v, %v", p.PID, state, err)
		}
	}
	stores, globbed := filepath.Glob(filepath.Join(h.spec.Dir, "*", "data"))
	if globbed != nil || len(stores) > 0 {
		h.t.Errorf("data are left: %v, %v", stores, globbed)
	}
	return err
}

// startSteps are the steps at which a start is disturbed, by kind.
func startSteps() map[string][]string {
	return map[string][]string{
		"nats":  {"node started n1", "node started n3", "cluster: waiting for the nodes"},
		"redis": {"node started n1", "cluster: waiting for n2, n3", "node started s2", "cluster: waiting for s1, s2, s3"},
		"rabbitmq": {
			"node started epmd", "node started n2", "cluster: waiting for n1, n2, n3", "cluster: joining the nodes",
		},
		"kafka": {"node started n2", "cluster: waiting for the nodes", "cluster: waiting for a coordinator of groups"},
	}
}

// together runs do for every kind at once. What a test does to a port that is free must not run like this: another cluster may take it.
func together(t *testing.T, do func(t *testing.T, kind string)) {
	t.Helper()
	eachKind(t, func(t *testing.T, kind string) {
		t.Parallel()
		do(t, kind)
	})
}

// eachKind runs do for every kind whose brokers are there; under -short only for the quick ones.
func eachKind(t *testing.T, do func(t *testing.T, kind string)) {
	t.Helper()
	for kind, need := range map[string]func(*testing.T){
		"nats": func(*testing.T) {}, "redis": needTestRedis, "kafka": needTestKafka, "rabbitmq": needTestRabbitMQ,
	} {
		t.Run(kind, func(t *testing.T) {
			if testing.Short() && (kind == "kafka" || kind == "rabbitmq") {
				t.Skip("a cluster takes a while")
			}
			need(t)
			do(t, kind)
		})
	}
}

// TestNodeDiesAtEachStep kills the process that was started last, at each step of a start.
func TestNodeDiesAtEachStep(t *testing.T) {
	together(t, func(t *testing.T, kind string) {
		for _, step := range startSteps()[kind] {
			t.Run(step, func(t *testing.T) {
				ctx := within(t, 4*time.Minute)
				h := &hard{t: t, spec: Spec{Kind: kind, Nodes: 3, Within: 3 * time.Minute}}
				err := h.run(ctx, step, func(process int) { _ = syscall.Kill(process, syscall.SIGKILL) })
				for _, want := range []string{"node " + h.name, "signal: killed", "remedy: ", "options." + kind} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("no %q in: %v", want, err)
					}
				}
				if !errors.Is(err, errDied) || ctx.Err() != nil {
					t.Errorf("%v, %v", err, ctx.Err())
				}
			})
		}
	})
}

// TestCancelAtEachStep ends the context at each step of a start.
func TestCancelAtEachStep(t *testing.T) {
	together(t, func(t *testing.T, kind string) {
		all := startSteps()[kind]
		if kind == "kafka" { // its last step comes after a quarter of a minute, and is like the one before
			all = append(all[:len(all)-1], "cluster: formatting the data folders")
		}
		for _, step := range all {
			t.Run(step, func(t *testing.T) {
				ctx, cancel := context.WithCancel(within(t, 4*time.Minute))
				defer cancel()
				h := &hard{t: t, spec: Spec{Kind: kind, Nodes: 3, Within: 3 * time.Minute}}
				if err := h.run(ctx, step, func(int) { cancel() }); !errors.Is(err, context.Canceled) {
					t.Errorf("%v", err)
				}
			})
		}
	})
}

// TestNodeStopsRightAfterItsStart pauses n2 of three before it can serve: the start ends in time, and says so.
func TestNodeStopsRightAfterItsStart(t *testing.T) {
	together(t, func(t *testing.T, kind string) {
		h := &hard{t: t, spec: Spec{Kind: kind, Nodes: 3, Within: 12 * time.Second}}
		ctx := within(t, 90*time.Second)
		err := h.run(ctx, "node started n2", func(process int) { _ = syscall.Kill(process, syscall.SIGSTOP) })
		for _, want := range []string{"node n2 does not serve, its process", "is paused", "remedy: ", "12s"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in: %v", want, err)
			}
		}
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			t.Errorf("%v, %v", err, ctx.Err())
		}
	})
}

// TestKafkaFormatDies kills the tool that formats the data folders.
func TestKafkaFormatDies(t *testing.T) {
	needTestKafka(t)
	dir := t.TempDir()
	h := &hard{t: t, spec: Spec{Kind: "kafka", Dir: dir}}
	var killer sync.WaitGroup
	err := h.run(within(t, 90*time.Second), "cluster: formatting the data folders", func(int) {
		killer.Go(func() {
			await(t, "the tool runs", func() bool {
				children, err := family(os.Getpid())
				for _, p := range children {
					line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
					if bytes.Contains(line, []byte("kafka.tools.StorageTool")) {
						return err == nil && syscall.Kill(p.PID, syscall.SIGKILL) == nil
					}
				}
				return false
			})
		})
	})
	killer.Wait()
	if !strings.Contains(err.Error(), "for node n1") || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("%v", err)
	}
}

// TestRabbitMQWrongCookie gives n2 another secret than the others have, so that it is never let in.
func TestRabbitMQWrongCookie(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster takes a while")
	}
	needTestRabbitMQ(t)
	t.Parallel()
	dir := t.TempDir()
	h := &hard{t: t, spec: Spec{Kind: "rabbitmq", Nodes: 3, Dir: dir, Within: 3 * time.Minute}}
	err := h.run(within(t, 4*time.Minute), "node started epmd", func(int) {
		cookie := filepath.Join(dir, "n2", ".erlang.cookie")
		if err := errors.Join(os.Remove(cookie), os.WriteFile(cookie, []byte("ANOTHER"), 0o400)); err != nil {
			t.Error(err)
		}
	})
	if !strings.Contains(err.Error(), "node n2") || !strings.Contains(err.Error(), "cookie") {
		t.Errorf("%v", err)
	}
}

// TestOldDataAreRefused starts in a folder in which there is something.
func TestOldDataAreRefused(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "n1", "data")
	if err := os.MkdirAll(store, 0o755); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(store, "meta.properties")
	if err := os.WriteFile(old, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	eachKind(t, func(t *testing.T, kind string) {
		_, err := Start(within(t, time.Minute), Spec{Kind: kind, Dir: dir, Logger: testLogger(t)})
		if err == nil || !strings.Contains(err.Error(), old) || !strings.Contains(err.Error(), "use another folder") {
			t.Errorf("%v", err)
		}
	})
	if _, err := os.Stat(old); err != nil {
		t.Errorf("what was there is gone: %v", err)
	}
}

// takenPorts listens on each port of a node that is down: it is not started then, and the error names node and port.
func takenPorts(t *testing.T, n faults.Node) {
	t.Helper()
	for _, port := range n.(*Process).ports {
		l, err := net.Listen("tcp", loopback(port))
		if err != nil {
			t.Errorf("port %d of the node is not free after its end: %v", port, err)
			continue
		}
		err = n.Start(t.Context())
		if !errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), "node "+n.Name()) || !strings.Contains(err.Error(), strconv.Itoa(port)) {
			t.Errorf("start on a taken port: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTakenPortsAtRestart takes each port of a killed node before it is started again.
func TestTakenPortsAtRestart(t *testing.T) {
	eachKind(t, func(t *testing.T, kind string) {
		ctx := within(t, 2*time.Minute)
		c, err := Start(ctx, Spec{Kind: kind, Dir: t.TempDir(), Logger: testLogger(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := c.Close(within(t, time.Minute)); err != nil {
				t.Error(err)
			}
		}()
		n := c.Nodes()[0]
		if err := n.Signal(ctx, faults.Kill); err != nil {
			t.Fatal(err)
		}
		takenPorts(t, n)
		if err := n.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	})
}
