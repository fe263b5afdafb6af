package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"ordeal/faults"
	"ordeal/faults/pid"
)

// errDied says that a node's process ended by itself while it was waited for.
var errDied = errors.New("its process ended")

// Process is a node that is a child process of ordeal. Its methods may be called from any goroutine.
type Process struct {
	name, address string
	// ports on which it listens. They are its own for the cluster's life, so that it comes back where clients look for it.
	ports []int
	// home is its folder, and store the one for its data, which goes when the cluster is closed.
	home, store string
	argv        []string
	log         string
	// blunt ends are SIGKILL at once, for what takes long over a polite end from which nobody has anything.
	blunt bool
	// ended, where there is one, is told of every end of the process, and how it came.
	ended func(p *Process, exit string)
	// probe asks once whether the node serves; a kind of broker brings it.
	probe   func(context.Context) error
	spawner *spawner
	logger  *slog.Logger

	mu     sync.Mutex
	now    *life // nil before the first start
	exit   string
	closed bool
}

// life is one operating system process of a node.
type life struct {
	cmd      *exec.Cmd
	id       pid.Process
	since    time.Time
	lifeline io.Closer
	done     chan struct{} // closed after exit is set
	exit     string
}

func (l *life) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

var (
	_ faults.Node  = (*Process)(nil)
	_ faults.Local = (*Process)(nil)
)

// Name is the node's name, such as n1.
func (p *Process) Name() string { return p.name }

// Address is where clients find it, host:port.
func (p *Process) Address() string { return p.address }

// Start starts the process on the same command, ports and data as ever, and returns once it runs. A running node is an error, and so is a
// port that somebody else took while the node was down: many brokers would sit there and wait, or leave it to their log.
func (p *Process) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start node %s: %w", p.name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("start node %s: %w", p.name, errSpawnerClosed)
	}
	if p.now != nil && !p.now.over() {
		return fmt.Errorf("start node %s: it runs already as process %d", p.name, p.now.cmd.Process.Pid)
	}
	if err := free(p.ports); err != nil {
		return fmt.Errorf("start node %s: %w", p.name, err)
	}
	l, err := p.launch()
	if err != nil {
		return fmt.Errorf("start node %s: %w", p.name, err)
	}
	p.now = l
	p.logger.Debug("node started", "node", p.name, "pid", l.cmd.Process.Pid)
	go p.wait(l)
	return nil
}

// launch gives the child its log, and the reading end of its lifeline: a pipe that ordeal holds open and never writes to.
func (p *Process) launch() (*life, error) {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child has its own
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = p.home // what a broker leaves in its working directory belongs into the run folder
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := p.spawner.start(cmd); err != nil {
		_ = lifeline.Close()
		return nil, err
	}
	// On platforms that cannot tell, the zero value is no process, and undo leaves everything alone.
	id, _ := pid.Of(cmd.Process.Pid)
	return &life{cmd: cmd, id: id, since: time.Now(), lifeline: lifeline, done: make(chan struct{})}, nil
}

func (p *Process) wait(l *life) {
	err := l.cmd.Wait()
	exit := l.cmd.ProcessState.String()
	if l.cmd.ProcessState == nil {
		exit = fmt.Sprintf("lost: %v", err)
	}
	p.logger.Debug("node ended", "node", p.name, "pid", l.cmd.Process.Pid, "exit", exit)
	if p.ended != nil {
		p.ended(p, exit)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.exit, p.exit = exit, exit
	close(l.done) // the last thing: whoever waits for it may go on to close what this used
}

// current is the running life, or an error.
func (p *Process) current() (*life, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.now == nil:
		return nil, fmt.Errorf("node %s is not running", p.name)
	case p.now.over():
		return nil, fmt.Errorf("node %s is not running: %w (%s)", p.name, errDied, p.exit)
	}
	return p.now, nil
}

// Signal sends s; for Kill it returns once the process is gone.
func (p *Process) Signal(ctx context.Context, s faults.Signal) error {
	l, err := p.current()
	if err != nil {
		return err
	}
	if err := send(l.cmd.Process, s); err != nil {
		return fmt.Errorf("signal node %s: %w", p.name, err)
	}
	if s != faults.Kill {
		return nil
	}
	return p.gone(ctx, l)
}

// Stop asks the process to end (SIGTERM) and returns once it is gone. A node that is not running is none the worse for it.
func (p *Process) Stop(ctx context.Context) error {
	l, err := p.current()
	if err != nil {
		return nil // not running is what was asked for
	}
	if err := terminate(l); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop node %s: %w", p.name, err)
	}
	return p.gone(ctx, l)
}

func (p *Process) gone(ctx context.Context, l *life) error {
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("node %s: process %d is still there: %w", p.name, l.cmd.Process.Pid, ctx.Err())
	}
}

// Ready returns once the node serves. A process that ends meanwhile is an error with its exit and the last lines of its log.
func (p *Process) Ready(ctx context.Context) error {
	l, err := p.current()
	if err != nil {
		return p.died(err)
	}
	began := time.Now()
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		probe := p.once(ctx)
		tick.Reset(min(max(3*time.Millisecond, time.Since(began)/50), 50*time.Millisecond)) // questions take time from what they wait for
		if l.over() {
			return p.died(p.end(l.exit))
		}
		if probe == nil {
			return nil
		}
		select {
		case <-l.done:
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("node %s does not serve%s: %w: %w%s", p.name, p.held(l), probe, ctx.Err(), tail(p.log))
		}
	}
}

// held tells in an error that the process is paused: its log cannot.
func (p *Process) held(l *life) string {
	if state, err := l.id.State(); err == nil && state == pid.Stopped {
		return fmt.Sprintf(", its process %d is paused (kill -CONT %[1]d resumes it)", l.cmd.Process.Pid)
	}
	return ""
}

// once gives one probe a time limit of its own, because a paused process accepts and never answers.
func (p *Process) once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return p.probe(ctx)
}

func (p *Process) end(exit string) error {
	return fmt.Errorf("node %s: %w (%s)", p.name, errDied, exit)
}

func (p *Process) died(err error) error { return fmt.Errorf("%w%s", err, tail(p.log)) }

// Status is what is known now.
func (p *Process) Status(context.Context) (faults.Status, error) {
	p.mu.Lock()
	l, exit := p.now, p.exit
	p.mu.Unlock()
	if l == nil || l.over() {
		return faults.Status{Exit: exit}, nil
	}
	status := faults.Status{Running: true, PID: l.cmd.Process.Pid, Exit: exit, Since: l.since}
	state, err := l.id.State()
	if err != nil {
		return status, fmt.Errorf("status of node %s: %w", p.name, err)
	}
	status.Paused = state == pid.Stopped
	return status, nil
}

// UndoSignal is the command that undoes s after a crash of ordeal; "" where the crash ends the process anyway.
func (p *Process) UndoSignal(s faults.Signal) string {
	l, err := p.current()
	if s != faults.Pause || err != nil {
		return ""
	}
	return fmt.Sprintf("kill -CONT %d", l.cmd.Process.Pid)
}

// LocalProcess is the running process; the zero value when there is none.
func (p *Process) LocalProcess() pid.Process {
	l, err := p.current()
	if err != nil {
		return pid.Process{}
	}
	return l.id
}

// grace is how long a node may take over a polite end at the teardown of a cluster. Its data are not needed after that.
const grace = 2 * time.Second

// close ends the node for good: politely, and with SIGKILL when it is blunt, when that takes longer than grace, or ctx has ended.
func (p *Process) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	l, err := p.current()
	if err != nil {
		return nil // not running is what was asked for
	}
	defer func() { _ = l.lifeline.Close() }()
	if !p.blunt {
		polite, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		if polite.Err() == nil && terminate(l) == nil && p.gone(polite, l) == nil {
			return nil
		}
		p.logger.Warn("node did not end politely: killing it", "node", p.name, "pid", l.cmd.Process.Pid)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := l.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill node %s: %w", p.name, err)
	}
	return p.gone(last, l)
}
