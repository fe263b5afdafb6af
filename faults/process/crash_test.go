//go:build unix

package process_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ordeal/faults"
	"ordeal/faults/process"
	"ordeal/internal/cluster"
)

// crash is an ordeal in mid-fault: it pauses a broker for an hour, says so, and is killed.
func crash(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	log := slog.New(slog.DiscardHandler)
	c, err := cluster.Start(ctx, cluster.Spec{Kind: "nats", Dir: dir, Logger: log})
	if err != nil {
		return err
	}
	ledger, err := faults.NewLedger(filepath.Join(dir, "undo.json"))
	if err != nil {
		return err
	}
	g := faults.NewGuard(ledger, log, func() int64 { return 1 })
	g.Changed = func(r faults.Record) {
		if r.State == faults.Active {
			fmt.Println(r.Evidence.Facts["pid"], "active")
		}
	}
	spec := faults.Spec{Kind: "process.pause", Target: "all", For: time.Hour}
	record := g.Run(ctx, spec, process.Pause().New(spec), &target{nodes: c.Nodes()})
	return fmt.Errorf("was not killed: %+v", record)
}

func TestUndoAfterACrashInMidFault(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ordeal := exec.Command(self, "crash", dir)
	ordeal.Stderr = os.Stderr
	out, err := ordeal.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ordeal.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	killed := ordeal.Process.Kill()
	_ = ordeal.Wait()
	if err != nil || killed != nil || !strings.Contains(line, "active") {
		t.Fatalf("heard %q, %v, %v", line, err, killed)
	}
	// On Linux the broker ended with ordeal; elsewhere it is still paused, and ends when it is resumed.
	report, err := faults.Undo(t.Context(), filepath.Join(dir, "undo.json"))
	if err != nil || report.Open != 0 || len(report.Lines) != 1 || !strings.HasPrefix(report.Lines[0], "process.pause on all (n1): ") {
		t.Fatalf("undo: %+v, %v", report, err)
	}
	again, err := faults.Undo(t.Context(), filepath.Join(dir, "undo.json"))
	if err != nil || !strings.HasPrefix(again.Lines[0], "nothing to undo") {
		t.Errorf("again: %+v, %v", again, err)
	}
}
