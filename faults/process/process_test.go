//go:build unix

package process_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordeal/faults"
	"ordeal/faults/pid"
	"ordeal/faults/process"
	"ordeal/internal/cluster"
	"ordeal/internal/cluster/clustertest"
)

func TestMain(m *testing.M) {
	served, err := cluster.Serve(os.Args[1:])
	if len(os.Args) == 3 && os.Args[1] == "crash" {
		served, err = true, crash(os.Args[2])
	}
	if served {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// target acts upon nodes; serving counts how often it was asked.
type target struct {
	t       *testing.T
	nodes   []faults.Node
	serving int
}

func (t *target) Name() string                               { return "memory" }
func (t *target) Nodes() []faults.Node                       { return t.nodes }
func (t *target) Links() *faults.Links                       { return faults.NewLinks(1) }
func (t *target) Rand() *rand.Rand                           { return rand.New(rand.NewPCG(1, 1)) }
func (t *target) Logger() *slog.Logger                       { return logger(t.t) }
func (t *target) Serving(context.Context, faults.Node) error { t.serving++; return nil }

func (t *target) Resolve(_ context.Context, selector string) ([]faults.Node, error) {
	if selector == "all" {
		return t.nodes, nil
	}
	for _, n := range t.nodes {
		if n.Name() == selector {
			return []faults.Node{n}, nil
		}
	}
	return nil, errors.New("no such node")
}

func logger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// broker is one real nats-server.
func broker(t *testing.T) faults.Node {
	t.Helper()
	return clustertest.Start(t, cluster.Spec{Kind: "nats", Logger: logger(t)}).Nodes()[0]
}

func guarded(t *testing.T, kind faults.Kind, selector string, target *target) (faults.Record, string) {
	t.Helper()
	return guardedWithin(t, faults.DefaultLimits(), kind, selector, target)
}

func guardedWithin(t *testing.T, limits faults.Limits, kind faults.Kind, selector string, target *target) (faults.Record, string) {
	t.Helper()
	undo := filepath.Join(t.TempDir(), "undo.json")
	ledger, err := faults.NewLedger(undo)
	if err != nil {
		t.Fatal(err)
	}
	spec := faults.Spec{Kind: kind.Name, Target: selector, For: 50 * time.Millisecond}
	fault := kind.New(spec)
	if err := fault.Check(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	epoch := time.Now()
	g := faults.NewGuard(ledger, logger(t), func() int64 { return int64(time.Since(epoch)) + 1 })
	g.Limits = limits
	record := g.Run(t.Context(), spec, fault, target)
	text, err := os.ReadFile(undo)
	if err != nil {
		t.Fatal(err)
	}
	return record, string(text)
}

func TestRestartOfARealBroker(t *testing.T) {
	for _, c := range []struct {
		kind faults.Kind
		exit string
	}{
		{process.Kill(), "signal: killed"},
		{process.Stop(), "exit status 0"},
	} {
		t.Run(c.kind.Name, func(t *testing.T) {
			node := broker(t)
			before, err := node.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			target := &target{t: t, nodes: []faults.Node{node}}
			r, _ := guarded(t, c.kind, "n1", target)
			after, err := node.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.State != faults.Settled || !r.Undone || r.Err != nil || !r.Evidence.Bit || r.Resolved != "n1" || target.serving != 1 {
				t.Fatalf("record %+v", r)
			}
			if r.Requested >= r.Effective || r.Effective >= r.Recovered || r.Recovered >= r.Settled {
				t.Errorf("times %d %d %d %d", r.Requested, r.Effective, r.Recovered, r.Settled)
			}
			f := r.Evidence.Facts
			if f["node"] != "n1" || f["old pid"] != strconv.Itoa(before.PID) || f["new pid"] != strconv.Itoa(after.PID) || f["exit"] != c.exit {
				t.Errorf("facts %v; want pids %d and %d and %q", f, before.PID, after.PID, c.exit)
			}
			if before.PID == after.PID || !after.Running {
				t.Errorf("before %+v, after %+v", before, after)
			}
		})
	}
}

func TestPauseOfARealBroker(t *testing.T) {
	node := broker(t)
	before, err := node.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, undo := guarded(t, process.Pause(), "all", &target{t: t, nodes: []faults.Node{node}})
	after, err := node.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.State != faults.Settled || !r.Undone || r.Err != nil || !r.Evidence.Bit {
		t.Fatalf("record %+v", r)
	}
	if f := r.Evidence.Facts; f["state"] != "stopped (T)" || f["pid"] != strconv.Itoa(before.PID) || f["paused for"] == "" {
		t.Errorf("facts %v", f)
	}
	if after.PID != before.PID || after.Paused {
		t.Errorf("after %+v; want the same process, running", after)
	}
	if command := fmt.Sprintf("kill -CONT %d", before.PID); !strings.Contains(undo, command) || !strings.Contains(undo, `"started"`) {
		t.Errorf("the ledger lacks %q and the process's start: %s", command, undo)
	}
}

// stub is a node that does what its status says, and nothing else.
type stub struct {
	status faults.Status
	signal error
	start  func(*stub) error
	ready  error
}

func (s *stub) Name() string                                  { return "n1" }
func (s *stub) Address() string                               { return "127.0.0.1:1" }
func (s *stub) Signal(context.Context, faults.Signal) error   { return s.signal }
func (s *stub) Stop(context.Context) error                    { return s.signal }
func (s *stub) Ready(context.Context) error                   { return s.ready }
func (s *stub) Status(context.Context) (faults.Status, error) { return s.status, nil }
func (s *stub) UndoSignal(faults.Signal) string               { return "true" }
func (s *stub) Start(context.Context) error {
	if s.start == nil {
		return errors.New("must not be started")
	}
	return s.start(s)
}

func TestWhatDidNotBite(t *testing.T) {
	deaf := errors.New("not permitted")
	for _, kind := range []faults.Kind{process.Kill(), process.Stop()} {
		node := &stub{status: faults.Status{Running: true, PID: 7}, signal: deaf}
		r, _ := guarded(t, kind, "n1", &target{t: t, nodes: []faults.Node{node}})
		if r.Evidence.Bit || !strings.Contains(r.Evidence.Why, "n1 did not end: process 7 was still there (not permitted)") || !r.Undone {
			t.Errorf("%s: record %+v; want it not to have bitten", kind.Name, r)
		}
	}
	node := &stub{status: faults.Status{Running: true, PID: 7}, signal: deaf}
	r, _ := guarded(t, process.Pause(), "n1", &target{t: t, nodes: []faults.Node{node}})
	if r.Evidence.Bit || !strings.Contains(r.Evidence.Why, "not permitted") || r.State != faults.Broken {
		t.Errorf("pause: record %+v; want it not to have bitten, and broken for it could not be resumed", r)
	}
}

func TestBrokerThatNeverComesBack(t *testing.T) {
	gone := faults.Status{Exit: "signal: killed"}
	cannot := errors.New("start node n1: port in use")
	for _, c := range []struct {
		name   string
		node   *stub
		undone bool
	}{
		{"start", &stub{start: func(*stub) error { return cannot }}, false},
		{"ready", &stub{ready: cannot, start: func(s *stub) error { s.status = faults.Status{Running: true, PID: 8}; return nil }}, true},
	} {
		c.node.status = faults.Status{Running: true, PID: 7}
		killed := &dying{stub: c.node, after: gone}
		r, _ := guarded(t, process.Kill(), "n1", &target{t: t, nodes: []faults.Node{killed}})
		if r.State != faults.Broken || !errors.Is(r.Err, cannot) || r.Undone != c.undone || !r.Evidence.Bit || r.Settled != 0 {
			t.Errorf("%s: record %+v; want it broken by %v, and to have bitten", c.name, r, cannot)
		}
	}
}

// A machine that is off neither answers nor refuses: whether its process has ended is not known, and it must be started all the same.
func TestSilentNodeIsStartedAgain(t *testing.T) {
	limits := faults.DefaultLimits()
	limits.Recover = time.Second
	for _, kind := range []faults.Kind{process.Kill(), process.Stop()} {
		told := fmt.Errorf("node n1 is still there: %w", context.DeadlineExceeded)
		node := &stub{status: faults.Status{Running: true, Silent: true}, signal: told, start: func(s *stub) error {
			s.status = faults.Status{Running: true}
			return nil
		}}
		r, _ := guardedWithin(t, limits, kind, "n1", &target{t: t, nodes: []faults.Node{node}})
		if node.status.Silent || !r.Undone {
			t.Errorf("%s: the node is %+v and the record %+v; want it started, and so undone", kind.Name, node.status, r)
		}
		if r.Evidence.Bit || !strings.Contains(r.Evidence.Why, "n1 may not have ended: new clients are neither answered nor refused") {
			t.Errorf("%s: evidence %+v; want none", kind.Name, r.Evidence)
		}
	}
}

// A stop that another way ended the process is no proof of how it behaves when it is stopped.
func TestStopThatWasAKill(t *testing.T) {
	node := &killedByStop{stub{status: faults.Status{Running: true, PID: 7}, signal: errors.New("it was killed"), start: func(s *stub) error {
		s.status = faults.Status{Running: true, PID: 8}
		return nil
	}}}
	r, _ := guarded(t, process.Stop(), "n1", &target{t: t, nodes: []faults.Node{node}})
	if r.Evidence.Bit || !r.Undone || !strings.Contains(r.Evidence.Why, "n1 ended as process 7, and not in the way that was asked for: it was killed") {
		t.Errorf("record %+v; want it undone, and not to have bitten", r)
	}
}

type killedByStop struct{ stub }

func (k *killedByStop) Stop(context.Context) error {
	k.status = faults.Status{Exit: "signal: killed"}
	return k.signal
}

// dying is a stub that a signal ends.
type dying struct {
	*stub
	after faults.Status
}

func (d *dying) Signal(context.Context, faults.Signal) error { d.status = d.after; return nil }

// lingering is a node that takes longer to stop than it has time for, or for ever.
type lingering struct {
	stub
	mu   sync.Mutex
	more time.Duration // than it has; 0 for ever
}

func (l *lingering) Status(context.Context) (faults.Status, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status, nil
}

func (l *lingering) set(s faults.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = s
}

func (l *lingering) Stop(ctx context.Context) error {
	<-ctx.Done()
	if l.more > 0 {
		time.AfterFunc(l.more, func() { l.set(faults.Status{Exit: "exit status 0"}) })
	}
	return fmt.Errorf("node n1 is still there: %w", ctx.Err())
}

func (l *lingering) Start(context.Context) error {
	l.set(faults.Status{Running: true, PID: 8})
	return nil
}

// A node that takes long to stop must not be down in the end: it is started again when it has stopped, and where it does not, the fault
// counts as not undone.
func TestNodeThatTakesLongToStop(t *testing.T) {
	limits := faults.DefaultLimits()
	limits.Inject = 50 * time.Millisecond

	node := &lingering{stub: stub{status: faults.Status{Running: true, PID: 7}}, more: 300 * time.Millisecond}
	r, _ := guardedWithin(t, limits, process.Stop(), "n1", &target{t: t, nodes: []faults.Node{node}})
	if now, _ := node.Status(t.Context()); !now.Running || now.PID != 8 {
		t.Errorf("in the end the node is %+v, expected another process", now)
	}
	if !r.Undone || r.Err != nil || r.Evidence.Bit || !strings.Contains(r.Evidence.Why, "ended as process 7 only after the time that it has for it") {
		t.Errorf("record %+v; want it undone, and not to have bitten", r)
	}

	limits.Recover = 200 * time.Millisecond
	node = &lingering{stub: stub{status: faults.Status{Running: true, PID: 7}}}
	r, _ = guardedWithin(t, limits, process.Stop(), "n1", &target{t: t, nodes: []faults.Node{node}})
	if r.Undone || r.State != faults.Broken || !strings.Contains(fmt.Sprint(r.Err), "node n1 was told to end, and process 7 is still there") {
		t.Errorf("record %+v; want it not undone, for the node may still end", r)
	}
}

// own is such a node that ordeal itself started.
type own struct{ lingering }

func (*own) LocalProcess() pid.Process { return pid.Process{} }

func (o *own) Signal(_ context.Context, s faults.Signal) error {
	if s == faults.Kill {
		o.set(faults.Status{Exit: "signal: killed"})
	}
	return nil
}

// One of ordeal's own that does not stop is killed when the fault is over: nobody has to wait for it.
func TestOwnNodeThatDoesNotStop(t *testing.T) {
	node := &own{lingering{stub: stub{status: faults.Status{Running: true, PID: 7}}}}
	limits := faults.DefaultLimits()
	limits.Inject = 50 * time.Millisecond
	r, _ := guardedWithin(t, limits, process.Stop(), "n1", &target{t: t, nodes: []faults.Node{node}})
	if !r.Undone || r.Err != nil || r.Evidence.Bit || !strings.Contains(r.Evidence.Why, "was killed, and was started again as process 8") {
		t.Errorf("record %+v; want it undone by a kill, and not to have bitten", r)
	}
}

func TestCheck(t *testing.T) {
	node := &stub{}
	with, without := &target{t: t, nodes: []faults.Node{node}}, &target{t: t}
	for _, kind := range []faults.Kind{process.Kill(), process.Pause(), process.Stop()} {
		if !kind.New(faults.Spec{}).Needs().Processes {
			t.Errorf("%s needs no processes", kind.Name)
		}
		for _, selector := range []string{"n1", "any", "all", "leader(orders)", "follower(orders)"} {
			if err := kind.New(faults.Spec{Target: selector}).Check(t.Context(), with); err != nil {
				t.Errorf("%s on %s: %v", kind.Name, selector, err)
			}
			want := kind.Name + " is not possible here: target memory has no processes; use a target that ordeal starts, such as nats, " +
				"or a target file that says how its nodes are acted upon"
			if err := kind.New(faults.Spec{Target: selector}).Check(t.Context(), without); err == nil || err.Error() != want {
				t.Errorf("%s without nodes: %v; want %s", kind.Name, err, want)
			}
		}
		err := kind.New(faults.Spec{Target: "n2"}).Check(t.Context(), with)
		if err == nil || !strings.Contains(err.Error(), `target memory has no node "n2"; use n1, any, all`) {
			t.Errorf("%s on n2: %v", kind.Name, err)
		}
	}
}

// limited is a node that can do some things only.
type limited struct {
	*stub
	name string
	can  []faults.Act
}

func (l limited) Name() string { return l.name }

func (l limited) Can(a faults.Act) error {
	if slices.Contains(l.can, a) {
		return nil
	}
	return errors.New(l.name + " has no " + string(a))
}

// What a fault is made of is asked before the run, of every node that it might choose, and all that is missing is named.
func TestCheckAsksWhatNodesCanDo(t *testing.T) {
	nodes := &target{t: t, nodes: []faults.Node{
		limited{&stub{}, "n1", []faults.Act{faults.ActKill, faults.ActStart, faults.ActStop, faults.ActPause, faults.ActResume}},
		limited{&stub{}, "n2", []faults.Act{faults.ActKill, faults.ActPause}},
	}}
	for _, test := range []struct {
		kind     faults.Kind
		selector string
		want     string
	}{
		{process.Kill(), "n1", ""},
		{process.Stop(), "n1", ""},
		{process.Pause(), "n1", ""},
		{process.Kill(), "n2", "process.kill is not possible here: n2 has no start"},
		{process.Stop(), "n2", "process.stop is not possible here: n2 has no stop; n2 has no start"},
		{process.Pause(), "any", "process.pause is not possible here: n2 has no resume"},
		{process.Kill(), "leader(orders)", "process.kill is not possible here: n2 has no start"},
	} {
		err := test.kind.New(faults.Spec{Target: test.selector}).Check(t.Context(), nodes)
		if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) {
			t.Errorf("%s on %s: %v, expected %q", test.kind.Name, test.selector, err, test.want)
		}
	}
}

func TestNodeThatIsDownAlready(t *testing.T) {
	for _, kind := range []faults.Kind{process.Kill(), process.Pause(), process.Stop()} {
		r, _ := guarded(t, kind, "n1", &target{t: t, nodes: []faults.Node{&stub{}}})
		if r.State != faults.Broken || !r.Undone || r.Evidence.Bit || !strings.Contains(r.Err.Error(), "node n1 is not running") {
			t.Errorf("%s: record %+v", kind.Name, r)
		}
	}
}
