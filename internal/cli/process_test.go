package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ordeal/reports"
)

// command is an ordeal in a process of its own, in a folder of its own.
type command struct {
	*exec.Cmd
	t   *testing.T
	dir string

	mu     sync.Mutex
	lines  []string
	more   chan struct{} // receives a value after every line on stderr
	closed chan struct{} // closed at the end of stderr
	ear    io.Closer     // stderr's end here
	stdout strings.Builder
}

// start starts ordeal with these arguments.
func start(t *testing.T, args ...string) *command {
	t.Helper()
	return startIn(t, t.TempDir(), args...)
}

func startIn(t *testing.T, dir string, args ...string) *command {
	t.Helper()
	self, err := exec.LookPath("ordeal") // put there by testscript.Main
	if err != nil {
		t.Fatal(err)
	}
	c := &command{t: t, dir: dir, more: make(chan struct{}, 1), closed: make(chan struct{})}
	c.Cmd = exec.Command(self, args...)
	c.Dir, c.Stdout = dir, &c.stdout
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	c.ear = stderr
	go c.read(stderr)
	t.Cleanup(func() {
		if c.ProcessState == nil {
			c.Process.Kill() //nolint:errcheck // it may have ended meanwhile
			c.Wait()         //nolint:errcheck // killed
		}
		<-c.closed
		if t.Failed() {
			t.Logf("ordeal %s\n%s\n%s", strings.Join(args, " "), c.stderr(), c.stdout.String())
		}
	})
	return c
}

func (c *command) read(stderr io.Reader) {
	defer close(c.closed)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		c.mu.Lock()
		c.lines = append(c.lines, lines.Text())
		c.mu.Unlock()
		select {
		case c.more <- struct{}{}:
		default:
		}
	}
}

// unheard closes this end of stderr.
func (c *command) unheard() error { return c.ear.Close() }

func (c *command) stderr() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.lines, "\n")
}

// saw waits until a line with this text was printed on stderr.
func (c *command) saw(text string) {
	c.t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for !strings.Contains(c.stderr(), text) {
		select {
		case <-c.more:
		case <-c.closed:
			if !strings.Contains(c.stderr(), text) {
				c.t.Fatalf("it ended without saying %q", text)
			}
		case <-limit.C:
			c.t.Fatalf("it did not say %q", text)
		}
	}
}

// ends waits for the end and holds the exit code against the one expected.
func (c *command) ends(code int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.Process.Kill() }) //nolint:errcheck // the test fails by the exit code
	defer stop()
	<-c.closed
	err := c.Wait()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		c.t.Fatal(err)
	}
	if got := c.ProcessState.ExitCode(); got != code {
		c.t.Errorf("exit code %d, expected %d", got, code)
	}
}

// said holds all that was printed against what must be in it.
func (c *command) said(want ...string) {
	c.t.Helper()
	all := c.stderr() + c.stdout.String()
	for _, w := range want {
		if !strings.Contains(all, w) {
			c.t.Errorf("it did not say %q", w)
		}
	}
}

// folder is the run's.
func (c *command) folder() string {
	c.t.Helper()
	path, err := filepath.EvalSymlinks(filepath.Join(c.dir, "runs", "latest"))
	if err != nil {
		c.t.Fatal(err)
	}
	return path
}

// report is the run's run.json; its exit code must be the one that the process ended with.
func (c *command) report() *reports.Run {
	c.t.Helper()
	r, err := reports.Read(filepath.Join(c.folder(), "run.json"))
	if err != nil {
		c.t.Fatal(err)
	}
	if got := c.ProcessState.ExitCode(); got != r.Exit {
		c.t.Errorf("the process ended with %d, run.json says %d", got, r.Exit)
	}
	return r
}

// scenario writes a scenario on NATS with these phases and gives its path. The rate is low, so that no machine is too slow for it, and the
// consumer's acks are due soon, so that what a fault held is given again before the drain gives up.
func scenario(t *testing.T, phases string) string {
	t.Helper()
	text := `version: 1
name: case
topics:
  orders: {model: log, shards: 2}
producers:
  checkout: {to: orders, count: 2, rate: 500/s, size: 128B, keys: {count: 20}, window: 200, retry: none}
consumers:
  payment: {from: orders, ack: after, prefetch: 50}
drain: {idle: 100ms, timeout: 20s}
checks: [no-loss, no-phantom, no-corruption, {duplicates: {max: 1000}}]
options:
  nats: {ack_wait: 1s}
phases:
` + phases + "\n"
	path := filepath.Join(t.TempDir(), "case.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// await polls for a condition that nothing else announces.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
