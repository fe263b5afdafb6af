package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"ordeal/faults/pid"
)

// UndoReport is what Undo did.
type UndoReport struct {
	// Lines say it for people, one for every step or for an entry without any.
	Lines []string
	// Open is how many entries could not be healed and are still in the ledger.
	Open int
}

// Undo heals what the ledger at path still lists, for `ordeal faults undo RUN` after a crash of ordeal, and writes down what it healed.
// It may be repeated: what is healed is left alone. What was done last is undone first. The error joins what
// went wrong; the report tells of the rest all the same.
func Undo(ctx context.Context, path string) (UndoReport, error) {
	b, err := readBook(path)
	if err != nil {
		return UndoReport{}, err
	}
	var report UndoReport
	var errs []error
	for i := range slices.Backward(b.Entries) {
		e := &b.Entries[i]
		if !e.Healed.IsZero() {
			continue
		}
		name := e.Kind + " on " + e.Target
		if e.Resolved != "" && e.Resolved != e.Target {
			name += " (" + e.Resolved + ")"
		}
		if e.Kind == Containers && b.owned() {
			report.Lines = append(report.Lines, fmt.Sprintf("%s: left alone, for the run (process %d) is still going on", name, b.Owner.PID))
			continue
		}
		lines, err := undoSteps(ctx, e.Steps)
		if len(e.Steps) == 0 {
			lines = []string{"nothing to undo: it ended with ordeal"}
		}
		for _, line := range lines {
			report.Lines = append(report.Lines, name+": "+line)
		}
		if err != nil {
			report.Open++
			errs = append(errs, fmt.Errorf("undo %s: %w", name, err))
			continue
		}
		e.Healed = time.Now().UTC()
		if err := b.write(path); err != nil {
			errs = append(errs, err)
		}
	}
	if len(b.Files) > 0 {
		line, err := b.remove(filepath.Dir(path))
		if report.Lines = append(report.Lines, line); err != nil {
			errs = append(errs, fmt.Errorf("remove what is left: %w", err))
		} else if err := b.write(path); err != nil {
			errs = append(errs, err)
		}
	}
	if len(report.Lines) == 0 && len(errs) == 0 {
		report.Lines = []string{"nothing to undo: every fault of this run was healed"}
	}
	return report, errors.Join(errs...)
}

// owned tells that the run is not known to be over.
func (b *book) owned() bool {
	if b.Owner == (pid.Process{}) {
		return false
	}
	state, err := b.Owner.State()
	return err != nil || state != pid.Gone
}

// remove removes the files, and says what it did. While their owner runs they are in use.
func (b *book) remove(folder string) (string, error) {
	if b.owned() {
		return fmt.Sprintf("files: left alone, for the ordeal whose they are (process %d) may still be there", b.Owner.PID), nil
	}
	var removed []string
	var errs []error
	for _, pattern := range b.Files {
		if !filepath.IsLocal(pattern) {
			errs = append(errs, fmt.Errorf("%q is not below the run's folder", pattern))
			continue
		}
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		errs = append(errs, err)
		for _, path := range found {
			errs = append(errs, os.RemoveAll(path))
			removed = append(removed, strings.TrimPrefix(path, folder+string(filepath.Separator)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return "files: not all removed", err
	}
	b.Files, b.Owner = nil, pid.Process{}
	if len(removed) == 0 {
		return "files: none was left", nil
	}
	return "files: removed " + strings.Join(removed, ", "), nil
}

// undoSteps takes all steps, whatever becomes of the others, and says what each came to.
func undoSteps(ctx context.Context, steps []Step) ([]string, error) {
	var lines []string
	var errs []error
	for _, s := range steps {
		line, err := s.take(ctx)
		if err != nil {
			line = fmt.Sprintf("not undone: %v", err)
			errs = append(errs, err)
		}
		lines = append(lines, line)
	}
	return lines, errors.Join(errs...)
}

func (s Step) take(ctx context.Context) (string, error) {
	if s.Process != (pid.Process{}) {
		return s.resume()
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	shell := []string{"sh", "-c"}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c"}
	}
	cmd := exec.CommandContext(ctx, shell[0], shell[1], s.Command)
	cmd.WaitDelay = time.Second // a grandchild may hold the output open
	if out, err := cmd.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return "", fmt.Errorf("run %q: %w: %s", s.Command, err, strings.TrimSpace(string(out)))
	}
	return fmt.Sprintf("ran %q", s.Command), nil
}

func (s Step) resume() (string, error) {
	who := fmt.Sprintf("process %d", s.Process.PID)
	if s.Node != "" {
		who += " (" + s.Node + ")"
	}
	state, err := s.Process.State()
	if err != nil {
		return "", err
	}
	switch state {
	case pid.Running:
		return who + " is running: nothing to undo", nil
	case pid.Stopped:
		err := s.Process.Resume()
		if err == nil {
			return "resumed " + who, nil
		}
		if !errors.Is(err, pid.ErrGone) {
			return "", err
		}
	}
	if _, err := pid.Of(s.Process.PID); err == nil {
		return who + " is gone and its number belongs to another process now, which is left alone: nothing to undo", nil
	}
	return who + " is gone: nothing to undo", nil
}
