package cluster

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ordeal/faults/pid"
)

// TestNothingOutlivesAKilledOrdeal kills a process like ordeal (SIGKILL) and finds all gone that it had started: nodes, the paused one too,
// Sentinels, Erlang's port mapper and the helpers of its virtual machine. What is left in the folder is not taken for a new cluster's.
func TestNothingOutlivesAKilledOrdeal(t *testing.T) {
	together(t, func(t *testing.T, kind string) {
		outlives(t, kind, map[string]int{"nats": 3, "redis": 6, "rabbitmq": 3 + 1 + 3*2, "kafka": 3}[kind])
	})
	t.Run("rabbitmq in another root", func(t *testing.T) {
		if testing.Short() {
			t.Skip("a cluster takes a while")
		}
		root, err := filepath.Abs("../../.brokers/debian13")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(root); err != nil {
			missing(t, "RabbitMQ 4 is missing: run make brokers as root, on Debian")
		}
		t.Setenv("RABBITMQ_ROOT", root)
		t.Setenv("RABBITMQ_HOME", "")
		outlives(t, "rabbitmq", 3+1+3*2)
	})
}

// outlives expects least processes.
func outlives(t *testing.T, kind string, least int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	parent := exec.Command(self, "parent", kind, dir)
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = parent.Process.Kill(); _ = parent.Wait() }()
	var children []pid.Process
	if err := json.NewDecoder(out).Decode(&children); err != nil || len(children) < least {
		t.Fatalf("%d children, %v; want %d and more", len(children), err, least)
	}
	t.Logf("%d processes", len(children))
	await(t, "n2 is paused", func() bool { s, _ := children[1].State(); return s == pid.Stopped })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, c := range children {
		await(t, "the child ends", func() bool { s, _ := c.State(); return s == pid.Gone })
	}
	_, err = Start(within(t, time.Minute), Spec{Kind: kind, Dir: dir, Logger: testLogger(t)})
	if err == nil || !strings.Contains(err.Error(), "of an ordeal that was killed") {
		t.Errorf("started on what a killed ordeal has left: %v", err)
	}
}
