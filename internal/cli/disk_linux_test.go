package cli

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// A disk that fills up while a run is recorded costs the history, and the verdict with it, but not the reports.
func TestDiskFull(t *testing.T) {
	tiny := t.TempDir()
	if err := syscall.Mount("tmpfs", tiny, "tmpfs", 0, "size=4600k"); err != nil {
		t.Skipf("needs the right to mount a file system of its own: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(tiny, 0); err != nil {
			t.Error(err)
		}
	}()
	c := startIn(t, tiny, "run", "steady", "--on", "memory", "--set", "phases.warm-up.for=100ms", "--set", "phases.steady.for=1s",
		"--set", "producers.checkout.rate=100k/s", "--set", "drain.idle=50ms", "--progress", "none")
	c.ends(3)
	c.said("history cut", "no space left on device")
	r := c.report()
	if !strings.Contains(r.Harness.HistoryCut, "no space left") || r.Counts.Acked == 0 || r.Checks[0].Comparisons == 0 {
		t.Errorf("cut %q, counts %+v", r.Harness.HistoryCut, r.Counts)
	}
	for _, name := range []string{"report.html", "report.md", "junit.xml", "series.csv", "events.ndjson"} {
		if info, err := os.Stat(c.folder() + "/" + name); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty: %v", name, err)
		}
	}
	check := startIn(t, tiny, "check", c.folder())
	check.ends(3)
	check.said("history is cut")
}

// A disk without room for the reports is refused before anything is started.
func TestDiskFullFromTheStart(t *testing.T) {
	tiny := t.TempDir()
	if err := syscall.Mount("tmpfs", tiny, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("needs the right to mount a file system of its own: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(tiny, 0); err != nil {
			t.Error(err)
		}
	}()
	c := startIn(t, tiny, "run", "steady", "--on", "nats")
	c.ends(4)
	c.said("for the reports", "no space left on device", "--out")
}
