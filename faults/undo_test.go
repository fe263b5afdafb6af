//go:build unix

package faults

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ordeal/faults/pid"
)

// sleeper is a process that is stopped, as a crash of ordeal would leave it.
func sleeper(t *testing.T) (pid.Process, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p, err := pid.Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { s, _ := p.State(); return s == pid.Stopped })
	return p, cmd
}

func TestUndo(t *testing.T) {
	paused, _ := sleeper(t)
	stranger, _ := sleeper(t)
	gone, cmd := sleeper(t)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	dir := t.TempDir()
	path := filepath.Join(dir, "undo.json")
	ledger, err := NewLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	recycled := pid.Process{PID: stranger.PID, Started: "long ago"}
	marker := filepath.Join(dir, "ran")
	for _, e := range []Entry{
		{Kind: "process.pause", Target: "any", Resolved: "n1", Steps: []Step{{Node: "n1", Command: "kill -CONT 1", Process: paused}}},
		{Kind: "process.pause", Target: "n2", Resolved: "n2", Steps: []Step{{Process: recycled}, {Process: gone}}},
		{Kind: "process.kill", Target: "n3"},
		{Kind: "broker.config", Target: "all", Steps: []Step{{Command: "echo x >>" + marker}}},
		{Kind: "disk.full", Target: "all", Steps: []Step{{Command: "test -e " + marker + ".allowed"}}},
		{Kind: "process.pause", Target: "n4", Steps: []Step{{Command: "echo never >>" + marker}}},
	} {
		if _, err := ledger.Open(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := ledger.Heal(6); err != nil {
		t.Fatal(err)
	}

	report, err := Undo(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), "disk.full") || report.Open != 1 {
		t.Errorf("report %+v, %v; want disk.full alone to fail", report, err)
	}
	text := strings.Join(report.Lines, "\n")
	for _, want := range []string{
		"process.pause on any (n1): resumed process " + strconv.Itoa(paused.PID) + " (n1)",
		"process.pause on n2: process " + strconv.Itoa(stranger.PID) + " is gone and its number belongs to another process now",
		"process.pause on n2: process " + strconv.Itoa(gone.PID) + " is gone: nothing to undo",
		"process.kill on n3: nothing to undo: it ended with ordeal",
		"broker.config on all: ran",
		"disk.full on all: not undone",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	await(t, func() bool { s, _ := paused.State(); return s == pid.Running })
	if s, err := stranger.State(); s != pid.Stopped {
		t.Errorf("the stranger is %v, %v; want it left alone", s, err)
	}

	if err := os.WriteFile(marker+".allowed", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := Undo(t.Context(), path)
	if err != nil || again.Open != 0 || len(again.Lines) != 1 {
		t.Errorf("the second undo says %+v, %v; want disk.full alone to be undone", again, err)
	}
	if got, _ := os.ReadFile(marker); string(got) != "x\n" {
		t.Errorf("the command ran %q; want once", got)
	}
	third, err := Undo(t.Context(), path)
	want := UndoReport{Lines: []string{"nothing to undo: every fault of this run was healed"}}
	if diff := cmp.Diff(want, third); err != nil || diff != "" {
		t.Errorf("the third undo: %v\n%s", err, diff)
	}
}

func TestUndoOfWhatIsNoLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "undo.json")
	if _, err := Undo(context.Background(), path); err == nil {
		t.Error("missing file: no error")
	}
	for _, text := range []string{"", "{", "{}", `{"schema":"ordeal.undo/9"}`} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Undo(context.Background(), path); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// What is left lying about is removed once its owner is gone, and nothing beside it.
func TestUndoRemovesWhatIsLeft(t *testing.T) {
	folder := t.TempDir()
	keep, gone := filepath.Join(folder, "cluster", "n1", "log"), filepath.Join(folder, "cluster", "n1", "data", "store")
	for _, path := range []string{keep, gone} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(folder, "undo.json")
	l, err := NewLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Leave("reserve", filepath.Join("cluster", "*", "data")); err != nil {
		t.Fatal(err)
	}
	told := func(want string) {
		t.Helper()
		r, err := Undo(t.Context(), path)
		if err != nil || len(r.Lines) != 1 || !strings.Contains(r.Lines[0], want) {
			t.Errorf("%q: %v; want %q", r.Lines, err, want)
		}
	}
	told("left alone") // this process is the owner
	if _, err := os.Stat(gone); err != nil {
		t.Error(err)
	}
	b, err := readBook(path)
	if err != nil {
		t.Fatal(err)
	}
	b.Owner.Started += "1" // another process had the number
	if err := b.write(path); err != nil {
		t.Fatal(err)
	}
	told("files: removed cluster/n1/data")
	if _, err := os.Stat(gone); err == nil {
		t.Error("the data is still there")
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error(err)
	}
	told("nothing to undo")
	b.Files = []string{filepath.Join("..", "*")} // somebody wrote this into the file
	if err := b.write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Undo(t.Context(), path); err == nil || !strings.Contains(err.Error(), "not below the run's folder") {
		t.Errorf("a path outside: %v", err)
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error(err)
	}
	if err := l.Leave(); err != nil {
		t.Fatal(err)
	}
	told("nothing to undo")
}
