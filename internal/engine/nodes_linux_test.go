package engine

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParseUse(t *testing.T) {
	const rest = " S 1 2 3 0 -1 4 5 6 7 8 250 50 11 12 20 0 1 0 98765 0 0"
	for _, command := range []string{"17 (nats-server)", "17 (a) T (b) c)"} {
		started, cpu, ok := parseUse([]byte(command + rest))
		if !ok || started != 98765 || cpu != 3*time.Second {
			t.Errorf("%s: %d %s %v; want 98765 3s", command, started, cpu, ok)
		}
	}
	for _, bad := range []string{"", "17 (x", "17 (x) S 1 2", "17 (x) S 1 2 3 0 -1 4 5 6 7 8 user 50 11 12 20 0 1 0 98765"} {
		if _, _, ok := parseUse([]byte(bad)); ok {
			t.Errorf("%q is understood", bad)
		}
	}
	if got := parsePeak([]byte("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t 1 kB\n")); got != 2<<20 {
		t.Errorf("peak %d", got)
	}
	if got := parsePeak([]byte("Name:\tx\nState:\tZ (zombie)\n")); got != 0 {
		t.Errorf("peak of a zombie %d", got)
	}
}

// A wrapper's children count with it.
func TestProcessTree(t *testing.T) {
	cmd := exec.Command("sh", "-c", "cat; true") // the shell stays, for something follows
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("no shell here: %v", err)
	}
	defer func() {
		in.Close()
		cmd.Wait()
	}()
	deadline := time.Now().Add(10 * time.Second)
	for len(processTree(cmd.Process.Pid)) < 2 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if got := processTree(cmd.Process.Pid); len(got) != 2 {
		t.Errorf("%d processes, want the shell and its child: %v", len(got), got)
	}
	own := processTree(os.Getpid())
	found := false
	for id, use := range own {
		found = found || id.pid == int64(os.Getpid()) && use.rss > 1<<20
	}
	if !found {
		t.Errorf("this process is not among %v", own)
	}
}
