//go:build unix

package cli

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ordeal/reports"
)

// standIn puts a stand-in for docker on PATH, which has a real redis-server in place of a container, and gives the folder of its state.
func standIn(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed")
		}
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
	bin, err := filepath.Abs("../../testdata/docker")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "ports"), []byte("redis "+port+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STANDIN", state)
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Cleanup(func() {
		for _, file := range containers(t, state) {
			t.Errorf("left running: %s", file)
			exec.Command("sh", "-c", `kill -9 "$(cat "$0")"`, file).Run() //nolint:errcheck // it may be gone
		}
	})
	return state
}

// containers are the pid files of what the stand-in runs.
func containers(t *testing.T, state string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(state, "*", "*.pid"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A run on docker compose's containers: a kill bites by what docker says of the process, and everything is removed at the end.
func TestComposeRun(t *testing.T) {
	long(t)
	state := standIn(t)
	c := start(t, "run", scenario(t, "  - {name: steady, for: 1s}\n  - name: fault\n    for: 3s\n    faults:\n"+
		"      - {kind: process.kill, target: leader(orders), at: 200ms, for: 500ms}"), "--on", "compose:redis", "--report", "none",
		"--set", "checks=[no-phantom, no-corruption]") // without appendonly the killed server forgets what it had acked
	<-c.closed
	r := func() *reports.Run {
		c.Wait() //nolint:errcheck // the verdict is not what is asked here
		return c.report()
	}()
	f := r.Faults[0]
	if f.Resolved != "n1" || f.Evidence["old pid"] == "" || f.Evidence["old pid"] == f.Evidence["new pid"] || f.Verdict != reports.Pass {
		t.Errorf("the fault: %+v", f)
	}
	if len(containers(t, state)) > 0 {
		t.Error("containers are left")
	}
	text, err := os.ReadFile(filepath.Join(c.folder(), "undo.json"))
	if err != nil || !strings.Contains(string(text), "down --remove-orphans --timeout 3 --volumes") || strings.Count(string(text), `"healed"`) != 2 {
		t.Errorf("the ledger: %s, %v", text, err)
	}
	if log, err := os.ReadFile(filepath.Join(c.folder(), "cluster", "compose.log")); err != nil || len(log) == 0 {
		t.Errorf("the logs of the containers are not kept: %v", err)
	}
}

// SIGKILL of ordeal leaves containers behind, and undo removes them, the last thing done first.
func TestComposeUndo(t *testing.T) {
	long(t)
	state := standIn(t)
	c := start(t, "run", scenario(t, faulty), "--on", "compose:redis", "--progress", "plain")
	c.saw("n1: in effect")
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.ends(-1)
	if len(containers(t, state)) != 1 {
		t.Fatalf("containers: %v, expected one", containers(t, state))
	}
	undo := startIn(t, t.TempDir(), "faults", "undo", c.folder())
	undo.ends(0)
	undo.said("process.pause on any (n1): ran", "containers on compose:redis: ran")
	if left := containers(t, state); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// What docker compose cannot give is said before anything is started, and what it does not do with its own words.
func TestComposeThatCannotBe(t *testing.T) {
	state := standIn(t)
	tests := []struct {
		args    []string
		trouble string
		exit    int
		want    string
	}{
		{[]string{"--on", "compose:redis:2"}, "", 64, "one node or three; use compose:redis or compose:redis:3"},
		{[]string{"--on", "compose:memory"}, "", 64, "memory runs inside ordeal; use --on memory"},
		{[]string{"--on", "compose:redis", "--set", "options={redis: {server: {appendfsync: always}}}"}, "", 64, "put the settings into docker-compose.yml"},
		{[]string{"--on", "compose:redis"}, "no-plugin", 4, "docker compose was not found: install the compose plugin"},
		{[]string{"--on", "compose:redis"}, "no-engine", 4, "Docker Engine was not found: start Docker"},
		{[]string{"--on", "compose:redis"}, "fail-up", 4, "port is already allocated"},
	}
	for _, test := range tests {
		trouble := filepath.Join(state, test.trouble)
		if test.trouble != "" {
			if err := os.WriteFile(trouble, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c := start(t, append([]string{"run", "steady"}, test.args...)...)
		c.ends(test.exit)
		c.said(test.want)
		if test.trouble != "" {
			os.Remove(trouble)
		}
	}
}

// The doctor says what it finds of docker.
func TestDoctorAndDocker(t *testing.T) {
	state := standIn(t)
	c := start(t, "doctor")
	c.ends(0)
	c.said("docker compose 2.99.1", "Docker Engine 99.1")
	for _, name := range []string{"no-plugin", "no-engine"} {
		if err := os.WriteFile(filepath.Join(state, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c = start(t, "doctor")
	c.ends(0)
	c.said("docker compose was not found", "install the compose plugin", "Docker Engine was not found", "start Docker")
}
