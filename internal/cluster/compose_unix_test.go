//go:build unix

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ordeal/faults"
)

// standIn puts a stand-in for docker on PATH, which has real redis-servers in place of containers, and gives the folder of its state.
func standIn(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(t, "redis-server is not installed: apt-get install redis-server")
	}
	bin, err := filepath.Abs("../../testdata/docker")
	if err != nil {
		t.Fatal(err)
	}
	ports, err := freePorts(4)
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	text := fmt.Sprintf("redis %d\nredis-1 %d\nredis-2 %d\nredis-3 %d\n", ports[0], ports[1], ports[2], ports[3])
	if err := os.WriteFile(filepath.Join(state, "ports"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STANDIN", state)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Cleanup(func() {
		if left, _ := filepath.Glob(filepath.Join(state, "*", "*.pid")); len(left) > 0 {
			t.Errorf("left running: %v", left)
			for _, file := range left {
				exec.Command("sh", "-c", `kill -9 "$(cat "$0")"`, file).Run() //nolint:errcheck // it may be gone
			}
		}
	})
	return state
}

// missing skips a test that lacks something, except where nothing may be lacking.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func calls(t *testing.T, state string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(state, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// undoBook notes what the undo ledger would be told.
type undoBook struct {
	line string
	done bool
}

func (u *undoBook) note(line string) (func() error, error) {
	u.line = line
	return func() error { u.done = true; return nil }, nil
}

// redisGreeted is greeted for a broker that speaks when spoken to.
func redisGreeted(ctx context.Context, address string) (Answer, error) {
	out, err := exec.CommandContext(ctx, "redis-cli", "-h", "127.0.0.1", "-p", address[strings.LastIndex(address, ":")+1:], "ping").CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return Silent, ctx.Err()
	case err != nil || !bytes.Contains(out, []byte("PONG")):
		return Refused, fmt.Errorf("%w: %s", err, out)
	default:
		return Answers, nil
	}
}

func TestCompose(t *testing.T) {
	state := standIn(t)
	t.Chdir(t.TempDir())
	ctx := within(t, time.Minute)
	book := &undoBook{}
	c, err := StartCompose(ctx, ComposeSpec{
		Kind: "redis", Nodes: 3, Dir: "cluster", Ask: redisGreeted, Logger: testLogger(t), Undo: book.note,
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Name() != "compose:redis:3" || len(c.Nodes()) != 3 || len(c.Servers()) != 3 || c.Nodes()[1].Name() != "n2" {
		t.Errorf("%s has %v", c.Name(), c.Servers())
	}
	if called := c.Nodes()[1].(interface{ Called() []string }).Called(); len(called) != 1 || called[0] != "redis-2:6379" {
		t.Errorf("n2 is called %v", called)
	}
	n := c.Nodes()[2]
	before := look(t, n)
	for _, did := range []error{
		n.Signal(ctx, faults.Pause), pausedIs(t, n, true), n.Signal(ctx, faults.Resume), pausedIs(t, n, false),
		n.Signal(ctx, faults.Kill), runningIs(t, n, false), n.Start(ctx), n.Ready(ctx),
		n.Stop(ctx), runningIs(t, n, false), n.Start(ctx), n.Ready(ctx),
	} {
		if did != nil {
			t.Fatal(did)
		}
	}
	deaf := filepath.Join(state, "deaf") // to SIGTERM, so that docker kills it in the end
	if err := os.WriteFile(deaf, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := n.Stop(ctx); err == nil || !strings.Contains(err.Error(), "it was ended by SIGKILL") {
		t.Errorf("a stop that ended in a kill: %v", err)
	}
	for _, did := range []error{os.Remove(deaf), n.Start(ctx), n.Ready(ctx)} {
		if did != nil {
			t.Fatal(did)
		}
	}
	if now := look(t, n); now.PID == before.PID || now.PID == 0 {
		t.Errorf("it was process %d and is %d", before.PID, now.PID)
	}
	if book.done || !strings.HasPrefix(book.line, "docker compose --project-name ordeal-redis-cluster-") || !strings.Contains(book.line, "/cluster/docker-compose.yml") {
		t.Errorf("the undo ledger has %q, done %v", book.line, book.done)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for range 2 {
		if err := c.Close(ended); err != nil {
			t.Fatal(err)
		}
	}
	said := calls(t, state)
	for _, want := range []string{" up --detach --wait\n", " kill redis-3\n", " pause redis-3\n", " unpause redis-3\n", " stop --timeout 20 redis-3\n", " start redis-3\n", " down --remove-orphans --timeout 3 --volumes\n"} {
		if strings.Count(said, want) == 0 {
			t.Errorf("docker was not told %q:\n%s", want, said)
		}
	}
	if strings.Count(said, " down ") != 1 || !book.done {
		t.Errorf("it was taken down %d times, done %v", strings.Count(said, " down "), book.done)
	}
	if log, err := os.ReadFile(c.Logs()[0]); err != nil || !bytes.Contains(log, []byte("Ready to accept connections")) {
		t.Errorf("the log is %.100q, %v", log, err)
	}
}

func pausedIs(t *testing.T, n faults.Node, want bool) error {
	if now := look(t, n); now.Paused != want || !now.Running {
		return fmt.Errorf("%+v, expected paused %v", now, want)
	}
	return nil
}

func runningIs(t *testing.T, n faults.Node, want bool) error {
	if now := look(t, n); now.Running != want {
		return fmt.Errorf("%+v, expected running %v", now, want)
	}
	return nil
}

// The compose file of the working directory is used where it is ordeal's.
func TestComposeFileOfTheWorkingDirectory(t *testing.T) {
	for name, own := range map[string]bool{"name: ordeal\nservices: {}\n": true, "name: shop\nservices: {}\n": false} {
		dir := t.TempDir()
		t.Chdir(dir)
		if err := os.WriteFile("docker-compose.yml", []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		c := &compose{spec: ComposeSpec{Dir: "cluster"}}
		if err := c.lay(); err != nil || (filepath.Dir(c.file) == dir) != own || !filepath.IsAbs(c.file) {
			t.Errorf("%q: uses %s, %v", name, c.file, err)
		}
	}
}

// Nothing is left of a start that fails, or that is cancelled, and the error holds docker's own words.
func TestComposeThatDoesNotStart(t *testing.T) {
	for _, test := range []struct{ name, trouble, want string }{
		{"no plugin", "no-plugin", "docker compose was not found: install the compose plugin"},
		{"no engine", "no-engine", "Docker Engine was not found: start Docker"},
		{"port taken", "fail-up", "port is already allocated"},
		{"cancelled", "", "context canceled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := standIn(t)
			t.Chdir(t.TempDir())
			ctx, cancel := context.WithCancel(within(t, time.Minute))
			defer cancel()
			book := &undoBook{}
			if test.trouble != "" {
				if err := os.WriteFile(filepath.Join(state, test.trouble), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			note := func(line string) (func() error, error) {
				if test.trouble == "" {
					cancel()
				}
				return book.note(line)
			}
			_, err := StartCompose(ctx, ComposeSpec{Kind: "redis", Nodes: 1, Dir: "cluster", Ask: redisGreeted, Logger: testLogger(t), Undo: note})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, expected %q", err, test.want)
			}
			if book.line != "" && !book.done {
				t.Error("the undo ledger was not told that nothing is left")
			}
		})
	}
}

// What cannot be removed is said with the command that would, and stays in the undo ledger.
func TestComposeThatCannotBeRemoved(t *testing.T) {
	state := standIn(t)
	t.Chdir(t.TempDir())
	ctx := within(t, time.Minute)
	book := &undoBook{}
	c, err := StartCompose(ctx, ComposeSpec{Kind: "redis", Nodes: 1, Dir: "cluster", Ask: redisGreeted, Logger: testLogger(t), Undo: book.note})
	if err != nil {
		t.Fatal(err)
	}
	trouble := filepath.Join(state, "fail-down")
	if err := os.WriteFile(trouble, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(ctx); err == nil || !strings.Contains(err.Error(), "down does not work today; remove it by hand: "+book.line) || book.done {
		t.Errorf("%v, done %v", err, book.done)
	}
	if err := os.Remove(trouble); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", book.line).CombinedOutput(); err != nil { // as `ordeal faults undo` does
		t.Fatal(err, string(out))
	}
}

func TestDockerIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := StartCompose(t.Context(), ComposeSpec{Kind: "redis", Nodes: 1, Dir: t.TempDir(), Logger: testLogger(t)})
	if err == nil || !strings.Contains(err.Error(), "docker was not found: install Docker Engine") {
		t.Error(err)
	}
	if found := FindDocker(t.Context()); len(found) != 1 || found[0].Found || found[0].Remedy == "" {
		t.Errorf("%+v", found)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dockerUsable(ended); err == nil || errors.Is(err, exec.ErrNotFound) {
		t.Error(err)
	}
}
