//go:build unix

package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ordeal/faults"
)

// hired is a broker that the test lets somebody else start: a real nats-server that no cluster of ordeal's knows.
type hired struct {
	t    *testing.T
	dir  string
	port int
}

// hire starts it by its own start command.
func hire(t *testing.T) *hired {
	t.Helper()
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	h := &hired{t: t, dir: t.TempDir(), port: ports[0]}
	conf := natsConf{name: "n1", client: h.port, store: filepath.Join(h.dir, "data")}
	text := fmt.Sprintf("server_name: n1\nlisten: %q\njetstream { store_dir: %q }\n", loopback(conf.client), conf.store)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A node of this binary ends with its standard input; a FIFO that it holds open for writing too never ends.
	script := fmt.Sprintf("#!/bin/sh\ntest -p fifo || mkfifo fifo\n%s node nats-server --config $PWD/nats.conf <>fifo >>log 2>&1 &\n"+
		"echo $! > pid\n", quote(self))
	for name, content := range map[string]string{"nats.conf": text, "start.sh": script} {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(h.dismiss)
	h.run("./start.sh")
	return h
}

func (h *hired) run(command string) {
	h.t.Helper()
	if _, err := (shell{dir: h.dir}).run(within(h.t, 20*time.Second), nil, command); err != nil {
		h.t.Fatal(err)
	}
}

// dismiss ends what is left of it, by the number that it wrote down.
func (h *hired) dismiss() {
	text, err := os.ReadFile(filepath.Join(h.dir, "pid"))
	if err != nil {
		return
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && n > 1 {
		_ = syscall.Kill(n, syscall.SIGKILL)
		await(h.t, "its end", func() bool { return !runs(n) })
	}
}

// hands are commands that do all there is to do.
func hands() Commands {
	return Commands{
		Kill: "kill -9 $(cat pid)", Stop: "kill $(cat pid)", Start: "./start.sh",
		Pause: "kill -STOP $(cat pid)", Resume: "kill -CONT $(cat pid)", Alive: "kill -0 $(cat pid) && cat pid",
	}
}

// greeted is a new client of a broker that speaks first, as nats-server does.
func greeted(ctx context.Context, address string) (Answer, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return Refused, err
		}
		return Silent, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetReadDeadline(deadline)
	}
	if n, err := conn.Read(make([]byte, 1)); n == 0 {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return Silent, err
		}
		return Refused, err
	}
	return Answers, nil
}

func (h *hired) command(commands Commands) (*Commanded, faults.Node) {
	c := NewCommanded(CommandedSpec{
		Name: "prod.yaml", Dir: h.dir, Ask: greeted, Logger: testLogger(h.t), Mask: func(s string) string { return strings.ReplaceAll(s, "hunter2", "***") },
		Nodes: []RemoteNode{{Address: loopback(h.port), Called: "big one", Commands: commands}},
	})
	return c, c.Nodes()[0]
}

func TestCommandedNode(t *testing.T) {
	for _, alive := range []bool{true, false} {
		t.Run(fmt.Sprintf("alive command %v", alive), func(t *testing.T) {
			h := hire(t)
			commands := hands()
			if !alive {
				commands.Alive = ""
			}
			c, n := h.command(commands)
			ctx := within(t, time.Minute)
			if err := n.Ready(ctx); err != nil {
				t.Fatal(err)
			}
			before := look(t, n)
			if !before.Running || before.Paused || (before.PID > 0) != alive {
				t.Fatalf("before: %+v", before)
			}
			if err := n.Signal(ctx, faults.Pause); err != nil {
				t.Fatal(err)
			}
			await(t, "the node is paused", func() bool { // kill returns before all threads have stopped
				now := look(t, n)
				return now.Running && now.Paused
			})
			if err := n.Signal(ctx, faults.Resume); err != nil {
				t.Fatal(err)
			}
			if now := look(t, n); !now.Running || now.Paused {
				t.Errorf("resumed: %+v", now)
			}
			for _, end := range []func() error{
				func() error { return n.Signal(ctx, faults.Kill) },
				func() error { return n.Stop(ctx) },
			} {
				if err := end(); err != nil {
					t.Fatal(err)
				}
				if now := look(t, n); now.Running || !strings.Contains(now.Exit, "command ended with 0; a new client: ") {
					t.Errorf("ended: %+v", now)
				}
				if err := n.Start(ctx); err != nil {
					t.Fatal(err)
				}
				if err := n.Ready(ctx); err != nil {
					t.Fatal(err)
				}
				if now := look(t, n); !now.Running || alive && now.PID == before.PID {
					t.Errorf("started again: %+v, before %+v", now, before)
				}
			}
			if err := c.Close(ctx); err != nil {
				t.Error(err)
			}
			if now := look(t, n); !now.Running {
				t.Error("closing it ended what somebody else runs")
			}
		})
	}
}

func look(t *testing.T, n faults.Node) faults.Status {
	t.Helper()
	s, err := n.Status(within(t, 30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What a fault stopped and could not bring back is brought back at the end.
func TestCommandedCloseBringsBack(t *testing.T) {
	h := hire(t)
	c, n := h.command(hands())
	ctx := within(t, time.Minute)
	for _, did := range []error{n.Ready(ctx), n.Signal(ctx, faults.Kill), c.Close(ctx), n.Ready(ctx)} {
		if did != nil {
			t.Fatal(did)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for _, did := range []error{n.Signal(ctx, faults.Pause), c.Close(ended), n.Ready(ctx)} {
		if did != nil {
			t.Fatal(did)
		}
	}
}

// A machine that is off is silent and does not refuse. Without an alive command only that is known of it, and it is brought back.
func TestCommandedSilenceIsNoSignOfLife(t *testing.T) {
	h := hire(t)
	commands := hands()
	commands.Alive = ""
	commands.Kill += " && touch off"
	commands.Start = "rm off && " + commands.Start
	off := filepath.Join(h.dir, "off")
	c := NewCommanded(CommandedSpec{
		Name: "prod.yaml", Dir: h.dir, Logger: testLogger(t), Mask: func(s string) string { return s },
		Ask: func(ctx context.Context, address string) (Answer, error) {
			if _, err := os.Stat(off); err == nil {
				return Silent, errors.New("no byte in time")
			}
			return greeted(ctx, address)
		},
		Nodes: []RemoteNode{{Address: loopback(h.port), Commands: commands}},
	})
	n := c.Nodes()[0]
	if err := n.Ready(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := n.Signal(within(t, time.Second), faults.Kill); err == nil {
		t.Error("a node that only keeps silent counts as gone")
	}
	if now := look(t, n); !now.Running || !now.Silent {
		t.Errorf("%+v; want a guess", now)
	}
	if err := c.Close(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if now := look(t, n); !now.Running || now.Silent {
		t.Errorf("afterwards: %+v; want it back", now)
	}
}

// The line in the undo ledger heals from any folder, also twice.
func TestCommandedUndo(t *testing.T) {
	h := hire(t)
	_, n := h.command(hands())
	ctx := within(t, time.Minute)
	for _, s := range []faults.Signal{faults.Kill, faults.Pause} {
		for _, did := range []error{n.Ready(ctx), n.Signal(ctx, s)} {
			if did != nil {
				t.Fatal(did)
			}
		}
		for range 2 {
			cmd := exec.Command("sh", "-c", n.UndoSignal(s))
			cmd.Dir, cmd.WaitDelay = t.TempDir(), time.Second
			if out, err := cmd.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
				t.Fatalf("%s: %v %s", n.UndoSignal(s), err, out)
			}
		}
		if err := n.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCommandsThatFail(t *testing.T) {
	h := hire(t)
	ctx := within(t, time.Minute)
	with := func(change func(c *Commands)) faults.Node {
		commands := hands()
		change(&commands)
		_, n := h.command(commands)
		return n
	}
	tests := []struct {
		name, want string
		err        error
	}{
		{
			"exit", `kill node n1: run "echo to $ORDEAL_NODE at $ORDEAL_ADDRESS; echo no >&2; exit 3": exit status 3: to n1 at ` + loopback(h.port) + "\nno",
			with(func(c *Commands) { c.Kill = "echo to $ORDEAL_NODE at $ORDEAL_ADDRESS; echo no >&2; exit 3" }).Signal(ctx, faults.Kill),
		},
		{"silence", "exit status 127", with(func(c *Commands) { c.Pause = "exit 127" }).Signal(ctx, faults.Pause)},
		{"secret", "with ***", with(func(c *Commands) { c.Stop = "echo with hunter$((1+1)); false" }).Stop(ctx)},
		{"missing", "nodes.n1.commands.start is missing in prod.yaml", with(func(c *Commands) { c.Start = "" }).Start(ctx)},
		{
			"does nothing", "node n1 is still there",
			with(func(c *Commands) { c.Kill = "true" }).Signal(within(t, 300*time.Millisecond), faults.Kill),
		},
		{
			"starts nothing", "is not there after its start command",
			with(func(c *Commands) { c.Start, c.Alive = "true", "false" }).Start(within(t, 300*time.Millisecond)),
		},
		{
			"another node's", "a new client still gets an answer from " + loopback(h.port),
			with(func(c *Commands) { c.Kill, c.Alive = "touch gone", "test ! -e gone" }).Signal(within(t, 2*time.Second), faults.Kill),
		},
		{
			"hangs", "context deadline exceeded",
			with(func(c *Commands) { c.Kill = "sleep 60" }).Signal(within(t, 300*time.Millisecond), faults.Kill),
		},
	}
	for _, test := range tests {
		if test.err == nil || !strings.Contains(test.err.Error(), test.want) || strings.Contains(test.err.Error(), "hunter2") {
			t.Errorf("%s: %v, expected %q", test.name, test.err, test.want)
		}
	}
}

// A start command may leave a process behind that holds its output open, and is not waited for; one that hangs is killed with all it started.
func TestCommandsAndWhatTheyLeave(t *testing.T) {
	s := shell{dir: t.TempDir()}
	if out, err := s.run(within(t, 20*time.Second), nil, "sleep 30 & echo $!"); err != nil {
		t.Error(err)
	} else if pid, err := strconv.Atoi(out); err != nil || syscall.Kill(pid, 0) != nil {
		t.Errorf("what it left in the background is gone: %q", out)
	} else {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if _, err := s.run(ctx, nil, "(echo $$ > parent; sleep 31 & echo $! > child; wait)"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, expected the end of its time", err)
	}
	await(t, "the end of what it started", func() bool {
		text, err := os.ReadFile(filepath.Join(s.dir, "child"))
		pid, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil && convErr == nil && !runs(pid)
	})
}

// runs tells whether a process runs; a zombie does not.
func runs(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

func TestCommandedIsCalled(t *testing.T) {
	c := NewCommanded(CommandedSpec{Name: "prod.yaml", Logger: testLogger(t), Nodes: []RemoteNode{{Address: "a:1", Called: "x"}, {Address: "b:2"}}})
	c.Learn("b:2", "y")
	c.Learn("b:2", "y")
	c.Learn("c:3", "z")
	got := fmt.Sprintln(c.Servers(), c.nodes[0].Called(), c.nodes[1].Called(), c.nodes[1].Name(), c.Name())
	if want := "[a:1 b:2] [x] [y] n2 prod.yaml\n"; got != want {
		t.Errorf("%s, expected %s", got, want)
	}
}
