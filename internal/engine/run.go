package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"ordeal/drivers"
	"ordeal/faults"
	"ordeal/internal/cluster"
	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/measure"
	"ordeal/internal/message"
	"ordeal/internal/worker"
	"ordeal/reports"
	"ordeal/scenarios"
)

// Options are what a run is made of.
type Options struct {
	Scenario *scenarios.Scenario
	Target   Target
	Driver   drivers.Driver
	Faults   []faults.Kind
	Checks   []judge.Check
	// Renderers write their files into the run folder; Plots, unless nil, writes pictures into the folder it is given.
	Renderers []reports.Renderer
	Plots     func(folder string, r *reports.Run) error
	Seed      uint64
	// Out is the folder of all runs.
	Out string
	// NoHistory writes no history.bin: for measuring what it costs.
	NoHistory bool
	// Keep leaves topics and data folders behind.
	Keep bool
	// Command reproduces the run; Version is ordeal's own.
	Command, Version string
	Logger           *slog.Logger
	Watch            Watcher
	// Hurry, when closed, cuts short what a cancelled run still does: draining and waiting for health. Faults are healed all the same.
	Hurry <-chan struct{}
}

// Watcher is told how a run goes on. Its methods are called from several goroutines, but never two at a time, and must not block.
type Watcher interface {
	// Plan comes once, before anything is started. The run holds what is known by then: names, phases, seed, folder.
	Plan(r *reports.Run)
	Event(e reports.Event)
	// Beat comes about every second while the load runs.
	Beat(p Progress)
}

// Progress is how things stand during the load.
type Progress struct {
	// At is the time since the load began, Total the length of all phases; both in ns for programs.
	At    time.Duration `json:"at"`
	Total time.Duration `json:"total"`
	// Phase is "drain" after the last one.
	Phase string `json:"phase"`
	// Offered, Sent, Acked and Received are messages per second in the last second; Offered is -1 for a closed loop, Received the sum over
	// all groups.
	Offered  float64 `json:"offered"`
	Sent     float64 `json:"sent"`
	Acked    float64 `json:"acked"`
	Received float64 `json:"received"`
	// Attempted, Unknown and Rejected are totals.
	Attempted int64 `json:"attempted"`
	Unknown   int64 `json:"unknown"`
	Rejected  int64 `json:"rejected"`
	InFlight  int64 `json:"in_flight"`
	// Connected of Clients have a connection.
	Connected int          `json:"connected"`
	Clients   int          `json:"clients"`
	EndToEnd  measure.Live `json:"end_to_end"`
	// Faults that are in effect.
	Faults []string `json:"faults"`
}

const (
	// connectLimit bounds the way from a started broker to a probe that has gone through.
	connectLimit = 30 * time.Second
	// provisionLimit bounds the start of a local cluster.
	provisionLimit = 90 * time.Second
	// tearDownLimit bounds the stop of everything.
	tearDownLimit = 20 * time.Second
	// hastyDrain is how long an interrupted run may still read.
	hastyDrain = 3 * time.Second
)

// execution is one run in the making.
type execution struct {
	Options
	plan    *plan
	folder  Folder
	run     *reports.Run
	events  *events
	cluster cluster.Cluster
	admin   *admin
	arena   *arena
	links   *faults.Links
	ledger  *faults.Ledger
	book    *judge.Book
	history *history.Writer
	latency *os.File
	worker  *worker.Local
	clock   atomic.Pointer[measure.Clock] // nil before the beginning of the load
	anchor  time.Time
	// processors tells how many the run had for most of the time; nil before the beginning of the load.
	processors func() int
	// coalesced tells how long arrivals waited for one another at most; nil where some producer keeps a rate.
	coalesced func() time.Duration

	collector *measure.Collector
	result    *measure.Result
	stopped   *worker.Result
	// ended is when sending ended, finished when the drain did; ns since the beginning.
	ended, finished int64
	timeline        *timeline
	hiccups         *measure.Hiccups
	// abandon ends the run for a reason; broken is the first bug, if something panicked.
	abandon context.CancelCauseFunc
	broken  atomic.Pointer[Error]
	// bound says why ordeal was the bottleneck in a phase.
	bound map[string]string
	// usage is from the beginning of the load, spent what was used until the end of the drain.
	usage, spent measure.Usage
	nodes        *nodesUse
	drains       []reports.Drain
	summary      history.Summary
	// examples are the messages named by the checks, in their order.
	examples [][]message.ID
	// auditVerdict merges the facts of all topics.
	auditVerdict reports.Verdict
	// rebalances is told which shards the consumers read.
	rebalances *rebalances
}

// Run executes the scenario and returns what was found out. The run is nil only when nothing could be started: the error, an *Error then,
// says why. An error beside a run has been written into it already. When ctx ends the run is cut short: faults are healed, what is known
// is judged and written down.
func Run(ctx context.Context, o Options) (*reports.Run, error) {
	id := rand.Uint32() // the one choice that must differ between runs of one seed
	p, err := newPlan(&o, id)
	if err != nil {
		return nil, err
	}
	x := &execution{Options: o, plan: p, anchor: time.Now()}
	if err := x.possible(); err != nil {
		return nil, err
	}
	if err := x.open(id); err != nil {
		return nil, err
	}
	measure.ForgetPeak()
	defer Tune()()
	defer x.clean()
	trouble := x.attempt(ctx)
	return x.run, x.conclude(ctx, trouble)
}

// fault makes the fault that the scenario asks for. The loader has refused unknown kinds.
func (x *execution) fault(f scenarios.Fault) faults.Fault {
	for _, k := range x.Faults {
		if k.Name == f.Kind {
			return k.New(faultSpec(f))
		}
	}
	panic("unknown kind of fault " + f.Kind)
}

func faultSpec(f scenarios.Fault) faults.Spec {
	return faults.Spec{Kind: f.Kind, Target: f.Target, For: f.For, Options: f.Options}
}

// open makes the run folder and everything that is written into it while the run goes on.
func (x *execution) open(id uint32) error {
	var err error
	if x.folder, err = NewFolder(x.Out, x.Scenario.Name, x.anchor, id); err != nil {
		return environment(err)
	}
	text, err := scenarios.Marshal(x.Scenario)
	if err != nil {
		return err
	}
	if err := os.WriteFile(x.folder.File("scenario.yaml"), text, 0o644); err != nil {
		return environment(fmt.Errorf("write the scenario into the run folder: %w", err))
	}
	if x.events, err = newEvents(x.folder, x.now, x.Watch.Event); err != nil {
		return environment(err)
	}
	x.rebalances = newRebalances(x.events)
	if err := x.folder.reserve(); err != nil {
		x.folder.release()
		return environment(err)
	}
	if x.ledger, err = faults.NewLedger(x.folder.File("undo.json")); err == nil {
		err = x.ledger.Leave(x.perishable()...)
	}
	if err != nil {
		x.folder.release()
		return environment(err)
	}
	if x.latency, err = os.Create(x.folder.File("latency.hlog")); err != nil {
		return environment(fmt.Errorf("write latencies: %w", err))
	}
	if !x.NoHistory {
		if x.history, err = x.openHistory(); err != nil {
			return environment(err)
		}
	}
	x.book = judge.NewBook(x.plan.judge)
	x.run = x.blank(text)
	x.Watch.Plan(x.run)
	return nil
}

// now is the run's time: ns since the beginning of the load, and 0 until then.
func (x *execution) now() int64 {
	if c := x.clock.Load(); c != nil {
		return c.Now()
	}
	return 0
}

// perform takes the run from provisioning to the end of the drain. The error says what stopped it.
func (x *execution) perform(ctx context.Context) error {
	if err := x.provision(ctx); err != nil {
		return err
	}
	if err := x.declare(ctx); err != nil {
		return err
	}
	if err := x.checkFaults(ctx, x.arena); err != nil {
		return err
	}
	if err := x.connect(ctx); err != nil {
		return err
	}
	defer x.narrow()()
	stopWatching := x.begin(ctx)
	defer stopWatching()
	defer x.coalesce()()
	x.load(ctx)
	x.drain(ctx)
	return nil
}

// provision starts the cluster, or takes the one there is.
func (x *execution) provision(ctx context.Context) error {
	x.links = faults.NewLinks(x.Seed)
	switch {
	case x.inProcess():
		x.cluster = cluster.NewExternal(x.Target.String(), nil)
	case x.Target.Compose:
		if err := x.compose(ctx); err != nil {
			return environment(fmt.Errorf("start target %s: %w", x.Target, err))
		}
	case len(x.Target.Remote) > 0:
		c := x.remote()
		x.recognise(ctx, c)
		x.cluster = c
	case !x.Target.Local():
		x.cluster = cluster.NewExternal(x.Target.String(), x.Target.Servers)
	default:
		x.events.add("provision", "starting %s", x.Target)
		ctx, cancel := context.WithTimeout(ctx, provisionLimit)
		defer cancel()
		c, err := cluster.Start(ctx, cluster.Spec{
			Kind: x.Driver.Name(), Nodes: x.Target.Nodes, Dir: filepath.Join(x.folder.Path, clusterFolder),
			Server: x.serverSettings(), Keep: x.Keep, Logger: x.Logger,
		})
		if err != nil {
			return environment(fmt.Errorf("start target %s: %w", x.Target, err))
		}
		x.cluster = c
		x.plan.know(c)
	}
	x.plan.config.Servers = x.cluster.Servers()
	x.links.NameNodes(x.nodeAt)
	x.admin = &admin{driver: x.Driver, config: x.plan.config, env: drivers.Env{
		Dial: x.links.Dialer(faults.Client{Role: faults.Admin, Name: "admin"}), Logger: x.Logger, Name: "ordeal-admin",
	}}
	x.arena = &arena{
		target: x.Target, cluster: x.cluster, links: x.links, logger: x.Logger, topics: map[string]drivers.Topic{}, admin: x.admin,
		random: rand.New(rand.NewPCG(x.Seed, hash("faults"))),
	}
	for _, t := range x.plan.topics {
		x.arena.topics[x.plan.names[t.Name]] = t
	}
	for _, n := range x.cluster.Nodes() {
		x.run.Target.Nodes = append(x.run.Target.Nodes, n.Name()+" "+n.Address())
	}
	if len(x.run.Target.Nodes) == 0 {
		x.run.Target.Nodes = append(x.run.Target.Nodes, x.cluster.Servers()...)
	}
	return nil
}

// nodeAt names the node behind an address.
func (x *execution) nodeAt(addr string) string {
	for _, n := range x.cluster.Nodes() {
		if n.Address() == addr {
			return n.Name()
		}
	}
	return ""
}

// declare makes the topics and asks the broker whether they are what the guarantee needs.
func (x *execution) declare(ctx context.Context) error {
	for _, s := range x.plan.shortfalls {
		x.events.add("provision", "%s", s)
	}
	for _, t := range x.plan.topics {
		name := x.plan.names[t.Name]
		var facts []drivers.Fact
		err := x.admin.ask(ctx, connectLimit, func(ctx context.Context, s drivers.Session) error {
			if err := s.Declare(ctx, t); err != nil {
				return fmt.Errorf("declare topic %s: %w", name, err)
			}
			var err error
			if facts, err = s.Audit(ctx, t); err != nil {
				return fmt.Errorf("audit topic %s: %w", name, err)
			}
			return nil
		})
		if err != nil {
			return environment(fmt.Errorf("target %s: %w", x.Target, err))
		}
		for _, s := range x.plan.shortfalls {
			if s.topic == name {
				facts = append(facts, s.fact())
			}
		}
		if err := x.audit(name, facts); err != nil {
			return environment(err)
		}
	}
	return nil
}

// checkFaults asks every fault whether it is possible on what was started.
func (x *execution) checkFaults(ctx context.Context, t faults.Target) error {
	for _, ph := range x.Scenario.Phases {
		for _, f := range ph.Faults {
			if err := x.fault(f).Check(ctx, t); err != nil {
				return environment(err)
			}
		}
	}
	return nil
}

// connect makes the worker and lets it prove that the way is open.
func (x *execution) connect(ctx context.Context) error {
	var err error
	x.worker, err = worker.NewLocal(x.plan.worker, worker.Deps{
		Driver: x.Driver, Config: x.plan.config, Book: x.book, History: x.history, Logger: x.Logger,
		Dial: func(role worker.Role, name string) worker.Dial {
			return x.links.Dialer(faults.Client{Role: faults.Role(role), Name: name})
		},
		Held:       x.links.Coalescer().Holding,
		Notify:     func(text string) { x.events.add("connect", "%s", text) },
		Rebalanced: x.rebalances.told,
		Left:       x.links.Leave,
		Panicked:   x.bug,
	})
	if err != nil {
		return environment(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, connectLimit, fmt.Errorf("not done within %s", connectLimit))
	defer cancel()
	if err := x.worker.Connect(ctx); err != nil {
		return environment(fmt.Errorf("target %s: %w", x.Target, err))
	}
	x.events.add("connect", "%d clients connected, probes acked and received after %s", x.worker.Beat().Clients,
		time.Since(x.anchor).Round(time.Millisecond))
	return nil
}

// drain reads what is left.
func (x *execution) drain(ctx context.Context) {
	d := &drainer{
		worker: x.worker, arena: x.arena, idle: x.Scenario.Drain.Idle, timeout: x.Scenario.Drain.Timeout, now: x.now,
	}
	own := ctx            // an interrupt in mid-drain ends it
	if ctx.Err() != nil { // interrupted before: whatever can still be read in a moment
		own = context.WithoutCancel(ctx)
		d.idle, d.timeout = 0, min(d.timeout, hastyDrain)
		x.events.add("drain", "interrupted: reading for %s at most", d.timeout)
	}
	limited, cancel := hurried(own, x.Hurry)
	defer cancel()
	x.drains = d.all(limited, x.plan.worker.Groups, x.plan.names)
	for _, dr := range x.drains {
		x.events.add("drain", "group %s: %s", dr.Group, dr.Why)
	}
}

// hurried is a context that ends when hurry is closed.
func hurried(ctx context.Context, hurry <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// tearDown stops and removes everything that was started. The error says what is left.
func (x *execution) tearDown() error {
	ctx, cancel := context.WithTimeout(context.Background(), tearDownLimit)
	defer cancel()
	var errs []error
	if x.worker != nil && x.stopped == nil {
		x.stopped = x.worker.Stop()
	}
	if x.admin != nil && !x.Keep && !x.throwAway() {
		for _, t := range x.plan.topics {
			err := x.admin.ask(ctx, askLimit, func(ctx context.Context, s drivers.Session) error { return s.Delete(ctx, t) })
			if err != nil {
				errs = append(errs, fmt.Errorf("delete topic %s: %w; it is left on the broker", t.Name, err))
			}
		}
	}
	if x.admin != nil {
		x.admin.close()
	}
	if x.cluster != nil {
		if err := x.cluster.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop target %s: %w", x.Target, err))
		}
	}
	return errors.Join(errs...)
}

// throwAway tells that the broker goes away with the run, so that its topics need no deleting.
func (x *execution) throwAway() bool { return x.Target.Local() && !x.inProcess() }
