//go:build unix

package cluster

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"ordeal/faults/pid"
)

// TestNothingOutlivesAKilledOrdeal kills a process like ordeal (SIGKILL) and finds its nodes gone, the paused one too.
func TestNothingOutlivesAKilledOrdeal(t *testing.T) {
	t.Run("nats", func(t *testing.T) { outlives(t, "nats", 3) })
	t.Run("redis", func(t *testing.T) {
		needTestRedis(t)
		outlives(t, "redis", 6) // with the Sentinels
	})
}

func outlives(t *testing.T, kind string, processes int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self, "parent", kind, t.TempDir())
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
	if err := json.NewDecoder(out).Decode(&children); err != nil || len(children) != processes {
		t.Fatalf("children %v, %v", children, err)
	}
	await(t, "n2 is paused", func() bool { s, _ := children[1].State(); return s == pid.Stopped })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, c := range children {
		await(t, "the child ends", func() bool { s, _ := c.State(); return s == pid.Gone })
	}
}
