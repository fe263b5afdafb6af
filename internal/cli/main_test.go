package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"ordeal/internal/cluster"
)

// TestMain is three programs: a broker's node, for ordeal starts its nodes from its own binary; ordeal itself, for the scripts and for the
// tests of processes; and the tests.
func TestMain(m *testing.M) {
	if served, err := cluster.Serve(os.Args[1:]); served {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	testscript.Main(leakless{m}, map[string]func(){"ordeal": func() { os.Exit(Main(System("test"))) }})
}

// leakless runs the tests and fails them when a goroutine is left.
type leakless struct{ *testing.M }

func (m leakless) Run() int {
	code := m.M.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// quickScenario is short, and slow enough for any machine. Every script finds it as quick.yaml.
const quickScenario = `version: 1
name: quick
topics:
  orders: {model: log, shards: 2}
producers:
  checkout: {to: orders, rate: 1k/s, size: 128B, keys: {count: 20}, window: 200, retry: none}
consumers:
  payment: {from: orders, ack: after}
phases:
  - {name: warm-up, for: 100ms, record: false}
  - {name: steady, for: 300ms}
drain: {idle: 50ms, timeout: 10s}
checks: [no-loss, no-phantom, no-corruption, {order: per-key}, {duplicates: {max: 0}}]
`

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script", ContinueOnError: true,
		Setup: func(env *testscript.Env) error {
			return os.WriteFile(filepath.Join(env.WorkDir, "quick.yaml"), []byte(quickScenario), 0o644)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"ends": ends, "field": field, "flip": flip},
		Condition: func(cond string) (bool, error) {
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// ends runs a command that must end with an exit code: ends CODE COMMAND….
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: ends CODE COMMAND…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		code = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("it ended with exit code %d, expected %s", code, args[0])
	}
}

// field holds a value of a JSON file against a pattern: field FILE checks.0.counts.lost '^3$'. Strings are compared without quotes.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: [!] field FILE PATH PATTERN")
	}
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &value))
	value, err := valueAt(value, args[1])
	ts.Check(err)
	text, ok := value.(string)
	if !ok {
		encoded, err := json.Marshal(value)
		ts.Check(err)
		text = string(encoded)
	}
	if regexp.MustCompile(args[2]).MatchString(text) == neg {
		ts.Fatalf("%s of %s is %s", args[1], args[0], text)
	}
}

// valueAt goes down a path such as checks.0.counts.lost.
func valueAt(value any, path string) (any, error) {
	for part := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			inner, ok := v[part]
			if !ok {
				return nil, fmt.Errorf("there is no %s in %s", part, path)
			}
			value = inner
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(v) {
				return nil, fmt.Errorf("there is no item %s in %s", part, path)
			}
			value = v[i]
		default:
			return nil, fmt.Errorf("there is nothing below %s in %s", part, path)
		}
	}
	return value, nil
}

// flip damages a file: flip FILE OFFSET changes one bit, flip FILE -BYTES cuts the file short.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET, or flip FILE -BYTES")
	}
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	data := []byte(ts.ReadFile(args[0]))
	if at < 0 {
		data = data[:len(data)+at]
	} else {
		data[at] ^= 1
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}
