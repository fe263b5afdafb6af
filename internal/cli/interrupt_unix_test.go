//go:build unix

package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ordeal/faults"
	"ordeal/reports"
)

// faulty is a run with a broker that is paused in the middle of it.
const faulty = "  - {name: warm-up, for: 1s, record: false}\n  - {name: steady, for: 1s}\n" +
	"  - name: fault\n    for: 20s\n    faults:\n      - {kind: process.pause, target: any, at: 0s, for: 15s}"

func (c *command) interrupt() {
	c.t.Helper()
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		c.t.Fatal(err)
	}
}

// Ctrl-C ends a run at any stage: faults are undone, what is known is judged and written down, and nothing is left running.
func TestInterrupt(t *testing.T) {
	long(t)
	tests := []struct {
		stage, until string
		sets         []string
		twice        bool
		began        bool // the load had begun
	}{
		{stage: "provisioning", until: "starting nats"},
		{stage: "provisioning, twice", until: "starting nats", twice: true},
		{stage: "warm-up", until: "warm-up begins", began: true},
		{stage: "phase", until: "steady begins", began: true},
		{stage: "phase, twice", until: "steady begins", twice: true, began: true},
		{stage: "fault", until: "n1: in effect", began: true},
		{stage: "fault, twice", until: "n1: in effect", twice: true, began: true},
		{
			stage: "drain", until: `"phase":"drain"`, began: true,
			sets: []string{"phases.fault={name: fault, for: 100ms}", "drain.idle=19s"},
		},
	}
	for _, test := range tests {
		t.Run(test.stage, func(t *testing.T) {
			args := []string{"run", scenario(t, faulty), "--progress", "json"}
			for _, s := range test.sets {
				args = append(args, "--set", s)
			}
			c := start(t, args...)
			c.saw(test.until)
			c.interrupt()
			c.saw("interrupted: healing faults")
			if test.twice {
				c.interrupt()
			}
			c.ends(130)
			r := c.report()
			if !r.Interrupted || r.Verdict == reports.Pass || !strings.Contains(strings.Join(r.Reasons, "\n"), "interrupted by the user") {
				t.Errorf("interrupted %v, %s, reasons %q", r.Interrupted, r.Verdict, r.Reasons)
			}
			if test.began && r.Counts.Acked == 0 {
				t.Errorf("what had been acked is not in the report: %+v", r.Counts)
			}
			for _, f := range r.Faults {
				if f.Effective > 0 && f.Recovered == 0 || f.Verdict == reports.Fail {
					t.Errorf("the fault was not undone: %+v", f)
				}
			}
			for _, name := range []string{"report.html", "junit.xml", "report.md", "history.bin", "events.ndjson"} {
				if info, err := os.Stat(filepath.Join(c.folder(), name)); err != nil || info.Size() == 0 {
					t.Errorf("%s is missing: %v", name, err)
				}
			}
			if left := processesOf(t, c.dir); len(left) > 0 {
				t.Errorf("left running: %v", left)
			}
			again := startIn(t, c.dir, "check", c.folder())
			again.ends(130)
		})
	}
}

// A run that is interrupted before the drain reads what is left, so that what was acked is not called unseen.
func TestInterruptedRunIsDrained(t *testing.T) {
	c := start(t, "run", "steady", "--on", "memory", "--progress", "plain")
	c.saw("phase: steady begins")
	c.interrupt()
	c.ends(130)
	r := c.report()
	if len(r.Drains) != 1 || !r.Drains[0].Complete {
		t.Errorf("the drain: %+v", r.Drains)
	}
	if r.Counts.Unique != r.Counts.Acked || r.Counts.Acked == 0 || r.Checks[0].Verdict != reports.Pass {
		t.Errorf("counts %+v, %s: %s", r.Counts, r.Checks[0].Verdict, r.Checks[0].Why)
	}
}

// SIGKILL of ordeal in mid-fault leaves no process behind, not even a paused one, and undo says what there was to do.
func TestKilledInMidFault(t *testing.T) {
	long(t)
	c := start(t, "run", scenario(t, faulty), "--progress", "plain")
	c.saw("n1: in effect")
	nodes := ledger(t, c.folder())
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.ends(-1)
	await(t, "the nodes' end", func() bool {
		return syscall.Kill(nodes[0].Steps[0].Process.PID, 0) != nil || len(processesOf(t, c.dir)) == 0
	})
	if left := processesOf(t, c.dir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
	data := filepath.Join(c.folder(), "cluster", "n1", "data")
	if _, err := os.Stat(data); err != nil {
		t.Errorf("what the test is about to look for: %v", err)
	}
	undo := startIn(t, c.dir, "faults", "undo", c.folder())
	undo.ends(0)
	undo.said("process.pause on any (n1): process", "is gone", "files: removed reserve, cluster/n1/data")
	for _, path := range []string{data, filepath.Join(c.folder(), "reserve")} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	again := startIn(t, c.dir, "faults", "undo", c.folder())
	again.ends(0)
	again.said("nothing")
	check := startIn(t, c.dir, "check", c.folder())
	check.ends(64) // there is no run.json: the run never came to its end
}

// ledger is what undo.json says.
func ledger(t *testing.T, folder string) []faults.Entry {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "undo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var book struct {
		Entries []faults.Entry `json:"entries"`
	}
	if err := json.Unmarshal(text, &book); err != nil || len(book.Entries) != 1 || len(book.Entries[0].Steps) != 1 {
		t.Fatalf("the ledger is %s: %v", text, err)
	}
	return book.Entries
}

// A run whose broker does not come back ends with 4 and a report of all that was known until then.
func TestBrokerThatNeverComesBack(t *testing.T) {
	long(t)
	c := start(t, "run", scenario(t, "  - {name: steady, for: 1s}\n  - name: fault\n    for: 3s\n    faults:\n"+
		"      - {kind: process.kill, target: any, at: 200ms, for: 1s}"), "--progress", "plain", "--set", "drain.timeout=2s")
	c.saw("n1: in effect")
	config := filepath.Join(c.folder(), "cluster", "n1", "nats.conf")
	if err := os.WriteFile(config, []byte("listen: ["), 0o644); err != nil {
		t.Fatal(err)
	}
	c.ends(4)
	r := c.report()
	if f := r.Faults[0]; f.Verdict != reports.Fail || !strings.Contains(f.Why, "nats-server") {
		t.Errorf("the fault is %s: %s", f.Verdict, f.Why)
	}
	if r.Counts.Acked == 0 || r.Drains[0].Complete || r.Checks[0].Counts["lost"] != 0 {
		t.Errorf("counts %+v, drain %+v, %s", r.Counts, r.Drains[0], r.Checks[0].Why)
	}
	if left := processesOf(t, c.dir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
	again := startIn(t, c.dir, "check", c.folder())
	again.ends(4)
}

// A broker that dies while it starts: 4, with its own words, and a report.
func TestBrokerThatDoesNotStart(t *testing.T) {
	t.Parallel() // it waits for half a minute
	c := start(t, "run", "steady", "--on", "nats", "--set", "options={nats: {server: {max_file_store: 1KB, max_connections: 1}}}")
	c.ends(4)
	c.report()
	if left := processesOf(t, c.dir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

// A paused node of a run that is gone, and that nothing tied to it, is found by the ledger and goes on.
func TestUndoResumesWhatWasLeftPaused(t *testing.T) {
	long(t)
	c := start(t, "run", scenario(t, faulty), "--progress", "plain")
	c.saw("n1: in effect")
	node := ledger(t, c.folder())[0].Steps[0].Process.PID
	if state := stateOf(t, node); state != "T" {
		t.Fatalf("the node's state is %q, expected T for stopped", state)
	}
	undo := startIn(t, c.dir, "faults", "undo", c.folder()) // beside the run that paused it, as a person in another shell would
	undo.ends(0)
	undo.said("process.pause on any (n1): resumed process "+strconv.Itoa(node), "files: left alone")
	if state := stateOf(t, node); state == "T" {
		t.Error("the node is still stopped")
	}
	c.interrupt()
	c.ends(130)
}

// The end of a session ends a run as Ctrl-C does.
func TestHangup(t *testing.T) {
	long(t)
	c := start(t, "run", scenario(t, faulty), "--progress", "plain")
	c.saw("n1: in effect")
	if err := c.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	c.ends(130)
	if f := c.report().Faults[0]; f.NotUndone || f.Recovered == 0 {
		t.Errorf("the fault: %+v", f)
	}
}

// Nobody has to read what a run says: it goes on to its end, and leaves nothing behind.
func TestNobodyListens(t *testing.T) {
	long(t)
	c := start(t, "run", scenario(t, "  - {name: steady, for: 1s}"), "--progress", "plain")
	c.saw("starting nats")
	if err := c.unheard(); err != nil {
		t.Fatal(err)
	}
	c.ends(0)
	c.report()
	if left := processesOf(t, c.dir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

// Who reads the reports may go away: all runs are made, and compared, and the exit code is theirs.
func TestNobodyReads(t *testing.T) {
	self, err := exec.LookPath("ordeal")
	if err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	defer writer.Close()
	cmd := exec.Command(self, "run", "steady", "--on", "memory?lose=3", "--repeat", "2", "--set", "phases.steady.for=300ms", "--progress", "none")
	var said strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), writer, &said
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%v, expected the exit code of a loss: %s", err, said.String())
	}
	for pattern, want := range map[string]int{"runs/steady/*/report.html": 2, "runs/compare/*/comparison.json": 1} {
		if files, err := filepath.Glob(filepath.Join(cmd.Dir, pattern)); err != nil || len(files) != want {
			t.Errorf("%s: %v, %v; expected %d", pattern, files, err, want)
		}
	}
	if !strings.Contains(said.String(), "print the report of ") || !strings.Contains(said.String(), "broken pipe") {
		t.Errorf("it does not say what could not be printed: %s", said.String())
	}
}

// How Go's runtime ends a process is not to be taken for the exit code of a missed gate, which is that of a panic by default.
func TestCrashIsNoVerdict(t *testing.T) {
	c := start(t, "run", "steady", "--on", "memory", "--progress", "plain")
	c.saw("phase: steady begins")
	if err := c.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	c.ends(-1) // by SIGABRT
}
