//go:build unix

package pid_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"ordeal/faults/pid"
)

func TestOwnProcessRuns(t *testing.T) {
	p, err := pid.Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if state, err := p.State(); err != nil || state != pid.Running {
		t.Fatalf("state %v, %v; want running", state, err)
	}
}

func TestLifeOfAProcess(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := pid.Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, p, pid.Stopped)
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	await(t, p, pid.Running)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, p, pid.Gone) // a zombie counts as gone
	_ = cmd.Wait()
	if err := p.Resume(); !errors.Is(err, pid.ErrGone) {
		t.Fatalf("resume of a process that ended: %v, want ErrGone", err)
	}
	if _, err := pid.Of(cmd.Process.Pid); !errors.Is(err, pid.ErrGone) {
		t.Fatalf("a process that ended: %v, want ErrGone", err)
	}
}

func TestRecycledNumberIsLeftAlone(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	p, err := pid.Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, p, pid.Stopped)
	former := pid.Process{PID: p.PID, Started: p.Started + "1"}
	if err := former.Resume(); !errors.Is(err, pid.ErrGone) {
		t.Fatalf("resume: %v, want ErrGone", err)
	}
	await(t, p, pid.Stopped)
}

func TestNoProcess(t *testing.T) {
	if _, err := pid.Of(0); !errors.Is(err, pid.ErrGone) {
		t.Errorf("process 0: %v, want ErrGone", err)
	}
	if state, err := (pid.Process{}).State(); err != nil || state != pid.Gone {
		t.Errorf("zero value: %v, %v; want gone", state, err)
	}
}

func await(t *testing.T, p pid.Process, want pid.State) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 5000 {
		state, err := p.State()
		if err != nil {
			t.Fatal(err)
		}
		if state == want {
			return
		}
		<-tick.C
	}
	t.Fatalf("process %d never became %v", p.PID, want)
}
