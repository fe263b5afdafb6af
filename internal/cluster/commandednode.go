package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ordeal/faults"
)

const (
	// askLimit is how long a new client waits for a byte before a node counts as silent.
	askLimit = 2 * time.Second
	// commandedPoll is how often a node is looked at while something is waited for.
	commandedPoll = 50 * time.Millisecond
)

// commandedNode is a node that obeys commands. What it says of itself is what the commands and new clients tell.
type commandedNode struct {
	name, target, address string
	commands              Commands
	shell                 shell
	ask                   func(context.Context, string) (Answer, error)
	logger                *slog.Logger

	mu     sync.Mutex
	called []string
	// down and paused are what ordeal did and has not undone.
	down, paused bool
	exit         string
}

var (
	_ faults.Node    = (*commandedNode)(nil)
	_ faults.Limited = (*commandedNode)(nil)
)

// Name is the node's name, such as n1.
func (n *commandedNode) Name() string { return n.name }

// Address is where clients find it, host:port.
func (n *commandedNode) Address() string { return n.address }

// Called is what the broker calls the node, as far as it is known.
func (n *commandedNode) Called() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.called)
}

// command is the user's command for an act.
func (n *commandedNode) command(a faults.Act) string {
	switch a {
	case faults.ActKill:
		return n.commands.Kill
	case faults.ActStop:
		return n.commands.Stop
	case faults.ActStart:
		return n.commands.Start
	case faults.ActPause:
		return n.commands.Pause
	case faults.ActResume:
		return n.commands.Resume
	default:
		return ""
	}
}

// Can tells which command is missing.
func (n *commandedNode) Can(a faults.Act) error {
	if n.command(a) != "" {
		return nil
	}
	return fmt.Errorf("nodes.%s.commands.%s is missing in %s", n.name, a, n.target)
}

// do runs the command for an act.
func (n *commandedNode) do(ctx context.Context, a faults.Act) error {
	if err := n.Can(a); err != nil {
		return err
	}
	n.logger.Debug("node command", "node", n.name, "act", string(a), "command", n.command(a))
	if _, err := n.shell.run(ctx, n.environment(), n.command(a)); err != nil {
		return fmt.Errorf("%s node %s: %w", a, n.name, err)
	}
	return nil
}

func (n *commandedNode) environment() []string {
	return []string{"ORDEAL_NODE=" + n.name, "ORDEAL_ADDRESS=" + n.address}
}

// mark notes what ordeal has done to the node.
func (n *commandedNode) mark(down, paused bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down, n.paused = down, paused
}

// Signal runs the command for s; for Kill it returns once the process is gone.
func (n *commandedNode) Signal(ctx context.Context, s faults.Signal) error {
	switch s {
	case faults.Kill:
		return n.end(ctx, faults.ActKill)
	case faults.Pause:
		n.mark(false, true) // also when the command fails: half of it may have been done
		return n.do(ctx, faults.ActPause)
	case faults.Resume:
		return n.resume(ctx)
	default:
		return fmt.Errorf("signal node %s: signal %d is unknown", n.name, s)
	}
}

// resume returns once a new client gets a byte again.
func (n *commandedNode) resume(ctx context.Context) error {
	if err := n.do(ctx, faults.ActResume); err != nil {
		return err
	}
	err := n.await(ctx, "says nothing after its resume command", func(now faults.Status) bool { return !now.Paused })
	if err == nil {
		n.mark(false, false)
	}
	return err
}

// Stop runs the stop command and returns once the process is gone.
func (n *commandedNode) Stop(ctx context.Context) error { return n.end(ctx, faults.ActStop) }

// end kills or stops, and waits until the process is gone, or is another one already because somebody restarts it.
func (n *commandedNode) end(ctx context.Context, a faults.Act) error {
	before, err := n.Status(ctx)
	if err != nil {
		return fmt.Errorf("%s node %s: it was not told to: %v", a, n.name, err) //nolint:errorlint // whoever sees a time-out takes it for told
	}
	n.mark(true, false)
	if err := n.do(ctx, a); err != nil {
		n.ended(err.Error())
		return err
	}
	n.ended("its " + string(a) + " command ended with 0")
	return n.await(ctx, "is still there", func(now faults.Status) bool {
		return !now.Running || now.PID != before.PID && now.PID != 0 && before.PID != 0
	})
}

func (n *commandedNode) ended(exit string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.exit = exit
}

// await looks at the node until it is as wanted.
func (n *commandedNode) await(ctx context.Context, otherwise string, wanted func(faults.Status) bool) error {
	tick := time.NewTicker(commandedPoll)
	defer tick.Stop()
	why := fmt.Errorf("node %s %s", n.name, otherwise)
	for {
		now, err := n.Status(ctx)
		switch {
		case err == nil && wanted(now):
			return nil
		case err != nil && ctx.Err() == nil:
			why = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", why, ctx.Err())
		}
	}
}

// Start runs the start command and returns once the process is there.
func (n *commandedNode) Start(ctx context.Context) error {
	if err := n.do(ctx, faults.ActStart); err != nil {
		return err
	}
	err := n.await(ctx, "is not there after its start command", func(now faults.Status) bool { return now.Running })
	if err == nil {
		n.mark(false, false)
	}
	return err
}

// Ready returns once a new client gets an answer.
func (n *commandedNode) Ready(ctx context.Context) error {
	tick := time.NewTicker(commandedPoll)
	defer tick.Stop()
	for {
		answer, met := n.client(ctx)
		if answer == Answers {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("node %s does not serve: %w: %w", n.name, met, ctx.Err())
		}
	}
}

// client asks as a new client does.
func (n *commandedNode) client(ctx context.Context) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	return n.ask(ctx, n.address)
}

// Status is what the alive command says, and without one what a new client meets. A node counts as paused when ordeal paused it and a new
// client gets no byte from it. A node that ordeal ended and that is gone by its alive command must not answer clients either: else the
// command asks after another node than the one at the address, and nobody knows what was ended.
func (n *commandedNode) Status(ctx context.Context) (faults.Status, error) {
	n.mu.Lock()
	down, paused, exit := n.down, n.paused, n.exit
	n.mu.Unlock()
	status := faults.Status{Exit: exit}
	known := n.commands.Alive != ""
	if known {
		var err error
		if status.Running, status.PID, err = n.alive(ctx); err != nil {
			return status, err
		}
		if status.Running && !paused || !status.Running && !down {
			return status, nil
		}
	}
	answer, met := n.client(ctx)
	if err := ctx.Err(); err != nil && answer == Silent {
		return status, fmt.Errorf("look at node %s: %w", n.name, err) // it was not given its time
	}
	switch {
	case !known:
		status.Running, status.Silent = answer != Refused, answer == Silent && !paused
	case !status.Running && answer == Answers:
		return status, fmt.Errorf("node %s is gone, says its alive command, and a new client still gets an answer from %s; "+
			"look which of the two is another node's", n.name, n.address)
	}
	status.Paused = paused && status.Running && answer == Silent
	if !status.Running && exit != "" {
		status.Exit = fmt.Sprintf("%s; a new client: %v", exit, met)
	}
	return status, nil
}

// alive runs the alive command. Where it prints a number, that is the pid.
func (n *commandedNode) alive(ctx context.Context) (running bool, pid int, err error) {
	out, err := n.shell.run(ctx, n.environment(), n.commands.Alive)
	if exited(err) {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, fmt.Errorf("is node %s alive: %w", n.name, err)
	}
	if pid, err = strconv.Atoi(out); err != nil {
		pid = 0 // it prints something else, or nothing
	}
	return true, pid, nil
}

// UndoSignal is a shell line that starts or resumes the node, from any folder.
func (n *commandedNode) UndoSignal(s faults.Signal) string {
	act := faults.ActStart
	if s == faults.Pause {
		act = faults.ActResume
	}
	command := n.command(act)
	if command == "" {
		return ""
	}
	if act == faults.ActStart && n.commands.Alive != "" {
		command = fmt.Sprintf("( %s\n) >/dev/null 2>&1 || ( %s\n)", n.commands.Alive, command)
	}
	line := "export"
	for _, variable := range n.environment() {
		name, value, _ := strings.Cut(variable, "=")
		line += " " + name + "=" + quote(value)
	}
	if n.shell.dir != "" {
		line = "cd " + quote(n.shell.dir) + " && " + line
	}
	return line + " && {\n" + command + "\n}"
}

// restore undoes what ordeal has left done.
func (n *commandedNode) restore(ctx context.Context) error {
	n.mu.Lock()
	down, paused := n.down, n.paused
	n.mu.Unlock()
	switch {
	case paused:
		n.logger.Warn("node is still paused: resuming it", "node", n.name)
		return n.Signal(ctx, faults.Resume)
	case down:
		if now, err := n.Status(ctx); err == nil && now.Running && !now.Silent {
			return nil
		}
		n.logger.Warn("node is still down: starting it", "node", n.name)
		return n.Start(ctx)
	default:
		return nil
	}
}
