package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience bounds every child; the longest, ten million messages, are far below it.
const patience = 40 * time.Minute

// child is a process of a comparison: ordeal, a broker's own tool, or a plain loop. The kernel's accounts of it are read while it runs, because
// the high-water mark of its memory that wait4(2) gives begins with that of its parent.
type child struct {
	cmd     *exec.Cmd
	stderr  bytes.Buffer
	cancel  context.CancelFunc
	read    sync.WaitGroup
	done    chan struct{} // closed to end the watch
	watched sync.WaitGroup
	high    atomic.Int64 // bytes of VmHWM
	writes  atomic.Int64 // write calls of any kind
	once    sync.Once
	err     error
}

// start starts a program. lines, unless nil, gets every line of its standard output as it comes; the caller calls wait.
func start(b testing.TB, lines func(string), name string, args ...string) *child {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	c := &child{cmd: exec.CommandContext(ctx, name, args...), cancel: cancel, done: make(chan struct{})}
	c.cmd.Stderr = &c.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := c.cmd.StdoutPipe()
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		cancel()
		b.Fatalf("start %s: %v", name, err)
	}
	c.read.Go(func() {
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			if lines != nil {
				lines(scanner.Text())
			}
		}
	})
	c.watched.Go(c.watch)
	b.Cleanup(c.kill)
	return c
}

// watch keeps the latest word of the kernel's.
func (c *child) watch() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if v, ok := accountOf(c.cmd.Process.Pid, "status", "VmHWM:"); ok {
			c.high.Store(v * 1024)
		}
		if v, ok := accountOf(c.cmd.Process.Pid, "io", "syscw:"); ok {
			c.writes.Store(v)
		}
		select {
		case <-tick.C:
		case <-c.done:
			return
		}
	}
}

// accountOf reads one number of /proc; false once the process is gone.
func accountOf(pid int, file, field string) (int64, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), file))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			v, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return v, err == nil
		}
	}
	return 0, false
}

// cpu is how much processor time the child has taken so far, in the kernel's steps of 10 ms.
func (c *child) cpu() time.Duration {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.cmd.Process.Pid), "stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // behind the name, which may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 wherever Go runs
}

// wait returns how the child ended. It may be called again.
func (c *child) wait() error {
	c.once.Do(func() {
		c.read.Wait() // standard output ends with the child
		close(c.done)
		c.watched.Wait()
		c.err = c.cmd.Wait()
		c.cancel()
	})
	if c.err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.cmd.Args, " "), c.err, c.stderr.String())
	}
	return nil
}

// kill ends a child that is no longer needed, and is harmless for one that has ended.
func (c *child) kill() {
	if c.cmd.ProcessState == nil {
		c.cmd.Process.Kill()
	}
	c.wait()
}

// answer starts a program that prints one JSON value, and reads it.
func answer(b testing.TB, to any, name string, args ...string) *child {
	b.Helper()
	var last string
	c := start(b, func(line string) { last = line }, name, args...)
	if err := c.wait(); err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal([]byte(last), to); err != nil {
		b.Fatalf("%s said %q: %v", strings.Join(c.cmd.Args, " "), last, err)
	}
	return c
}
