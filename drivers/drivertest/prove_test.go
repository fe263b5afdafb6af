package drivertest_test

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
	"ordeal/drivers/memory"
)

// habitName makes the test binary run the suite against one broken driver.
const habitName = "ORDEAL_TEST_HABIT"

// TestBroken is what TestSuiteFindsBrokenDrivers runs in a process of its own.
func TestBroken(t *testing.T) {
	name := os.Getenv(habitName)
	if name == "" {
		return // there is nothing to test without a habit
	}
	for _, h := range habits() {
		if h.name != name {
			continue
		}
		var d *broken
		patience := 300 * time.Millisecond
		if h.found == nil { // it has nothing to wait for in vain
			patience = 20 * time.Second
		}
		replays := []drivers.Model{drivers.Log}
		if h.empty {
			replays = nil
		}
		drivertest.Run(t, drivertest.Harness{
			New: func(*testing.T) (drivers.Driver, drivers.Config) {
				own := h.driver
				d = &own
				d.Driver = memory.New()
				return d, drivers.Config{Options: d.options}
			},
			Trim: func(_ *testing.T, topic drivers.Topic, shard int, before drivers.Position) {
				if err := d.Trim(topic.Name, shard, before); err != nil {
					t.Error(err)
				}
			},
			Models: []drivers.Model{drivers.Log}, Messages: 2000, Patience: patience, Flagged: true, Keys: true,
			Replays: replays, Rebalances: []drivers.Model{drivers.Log},
		})
		return
	}
	t.Fatalf("no habit %q", name)
}

// TestSuiteFindsBrokenDrivers shows that the suite can fail: each habit is found by the tests that are there for it, and a driver without
// one passes them all. The suite mostly waits for what must not come, so several run at a time.
func TestSuiteFindsBrokenDrivers(t *testing.T) {
	if testing.Short() {
		t.Skip("what the suite finds does not depend on the race detector; make unit runs it")
	}
	type result struct {
		out []byte
		err error
	}
	room := make(chan struct{}, 6)
	results := make(map[string]chan result)
	for _, h := range habits() {
		done := make(chan result, 1)
		results[h.name] = done
		go func() {
			room <- struct{}{}
			defer func() { <-room }()
			run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBroken$", "-test.v", "-test.timeout=120s")
			run.Env = append(os.Environ(), habitName+"="+h.name)
			out, err := run.CombinedOutput()
			done <- result{out, err}
		}()
	}
	for _, h := range habits() {
		t.Run(strings.ReplaceAll(h.name, " ", "_"), func(t *testing.T) {
			r := <-results[h.name]
			out, err := r.out, r.err
			if (err == nil) != (h.found == nil) {
				t.Fatalf("exit: %v\n%s", err, tail(out))
			}
			failed := failures(out)
			for _, want := range h.found {
				if !slices.Contains(failed, want) {
					t.Errorf("%s does not find it; found by %v\n%s", want, failed, tail(out))
				}
			}
		})
	}
}

// failures are the tests of the log that acknowledges after its work that failed.
func failures(out []byte) (names []string) {
	for line := range strings.Lines(string(out)) {
		if _, rest, ok := strings.Cut(line, "--- FAIL: TestBroken/log-accepted-after/"); ok {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, name)
		}
	}
	return names
}

func tail(out []byte) []byte {
	lines := bytes.SplitAfter(out, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-30):], nil)
}
