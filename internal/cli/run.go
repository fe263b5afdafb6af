package cli

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ordeal/internal/engine"
	"ordeal/reports"
	"ordeal/reports/plot"
	"ordeal/reports/text"
	"ordeal/scenarios"
)

// runFlags are the flags of `ordeal run`.
type runFlags struct {
	on       []string
	set      []string
	seed     uint64
	seeded   bool
	repeat   int
	out      string
	report   []string
	progress string
	quiet    bool
	keep     bool
	dryRun   bool
	verbose  bool
	unequal  bool
}

// defaultTarget needs no installation: ordeal has nats-server inside.
const defaultTarget = "nats"

func newRun(env *Env) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use: "run SCENARIO", Short: "run a scenario on a broker and judge it",
		Long: "Runs a built-in scenario (see `ordeal scenario list`) or a file, and ends with the exit code of the verdict.\n\n" +
			"Targets, of which docs/targets.md says more:\n" +
			"  memory                  a broker in ordeal itself, which lies when told to: 'memory?lose=3'\n" +
			"  nats, kafka:3           one node or a cluster, started by ordeal from what is built in or installed (see `ordeal doctor`)\n" +
			"  compose:kafka:3         the same by docker compose\n" +
			"  nats://host:4222        one that runs already; kafka://, amqp://, redis://; with TLS tls://, kafkas://, amqps://, rediss://\n" +
			"  path/to/prod.yaml       a target file: TLS, secrets, and commands that kill, pause and start nodes\n" +
			"Options follow as '?name=value&…' (see `ordeal drivers list`), among them auth=MECHANISM.\n\n" +
			"With several targets, or --repeat, the runs are compared at the end: repeats take turns, so that a slow minute of the\n" +
			"machine hits all of them, and a difference is called one only from five runs a side on.",
		Example: "  ordeal run broker-crash\n  ordeal run leader-crash --on nats:3\n" +
			"  ordeal run my.yaml --on nats://localhost:4222 --set phases.steady.for=5s\n" +
			"  ordeal run leader-crash --on prod.yaml\n" +
			"  ordeal run steady --on 'memory?lose=3'",
		Args: oneScenario,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.seeded = cmd.Flags().Changed("seed")
			return f.run(env, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.on, "on", []string{defaultTarget}, "target: where to run; may be given again to run on several, one after another")
	flags.StringArrayVar(&f.set, "set", nil, "override one value, as in phases.steady.for=5s; may be given again")
	flags.Uint64Var(&f.seed, "seed", 0, "decides schedule, keys, payloads and fault choices (default: drawn, and printed)")
	flags.IntVar(&f.repeat, "repeat", 1, "how often to run it on every target")
	flags.BoolVar(&f.unequal, "unequal", false, "rank targets with unequal guarantees together, and mark it")
	flags.StringVar(&f.out, "out", "runs", "folder of all runs")
	flags.StringSliceVar(&f.report, "report", []string{"html", "md", "junit"},
		"reports to write into the run folder: html, md, junit, text, none")
	flags.StringVar(&f.progress, "progress", progressAuto, "auto, tty, plain, json or none")
	flags.BoolVar(&f.quiet, "quiet", false, "print the verdict's headline only")
	flags.BoolVar(&f.keep, "keep", false, "leave topics and broker data behind")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be done, and do nothing")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log what drivers and clusters say, on stderr")
	return cmd
}

func oneScenario(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		var names []string
		for _, b := range scenarios.Builtins() {
			names = append(names, b.Name)
		}
		return fmt.Errorf("run takes one scenario, a built-in one or a file; built in are %s", strings.Join(names, ", "))
	}
	return nil
}

func (f *runFlags) run(env *Env, name string) error {
	w := newWire()
	sc, err := loadScenario(w, name, f.set)
	if err != nil {
		return err
	}
	targets, err := f.targets(w)
	if err != nil {
		return err
	}
	renderers, err := w.renderers(f.report)
	if err != nil {
		return usage(err)
	}
	if f.progress, err = f.progressKind(env); err != nil {
		return usage(err)
	}
	if f.repeat < 1 {
		return usage(fmt.Errorf("--repeat %d: a scenario is run once at least", f.repeat))
	}
	if !f.seeded {
		f.seed = uint64(rand.Uint32()) // the seed itself
	}
	if f.dryRun {
		return f.rehearse(env, w, sc, targets)
	}
	unhindered, flush := relayed(env, f.progress)
	defer flush()
	return f.all(unhindered, w, sc, name, targets, renderers)
}

// all runs the scenario on every target as often as it was asked for, and compares what there is to compare.
func (f *runFlags) all(env *Env, w *wire, sc *scenarios.Scenario, name string, targets []engine.Target,
	renderers []reports.Renderer,
) error {
	ctx, hurry, release := interruptible(env)
	defer release()
	refused, err := f.foresee(env, w, sc, targets)
	if err != nil {
		return err
	}
	worst, left, stuck, spoilt := engine.ExitPass, 0, false, spoilt{}
	var runs []*reports.Run
	for range f.repeat {
		for _, t := range targets {
			if refused.has(t) {
				continue
			}
			if ctx.Err() != nil {
				left++
				continue
			}
			if err := spoilt.by(t); err != nil {
				refused.note(env, t, err)
				continue
			}
			r, code, err := f.once(ctx, hurry, env, w, sc, name, t, renderers)
			switch {
			case r == nil && len(targets)*f.repeat == 1:
				return err
			case r == nil:
				refused.note(env, t, err)
			default:
				worst, runs = engine.WorseExit(worst, code), append(runs, r)
				stuck = stuck || r.Stuck()
				spoilt.note(t, r)
			}
		}
	}
	if worst = refused.exit(worst); left > 0 {
		worst = engine.WorseExit(worst, engine.ExitInterrupted)
		fmt.Fprintf(env.Stderr, "ordeal: interrupted: %d of %d runs were not begun\n", left, left+len(runs))
	}
	if stuck && worst != engine.ExitBug {
		worst = engine.ExitEnvironment // whatever else was found: somebody has to go and look
	}
	if err := f.compareRuns(env, name, targets, runs, refused.list, comparers(renderers), worst); err != nil {
		fmt.Fprintf(env.Stderr, "ordeal: %v\n", err)
		worst = engine.WorseExit(worst, engine.ExitCode(err))
	}
	return done(worst)
}

// once runs the scenario on one target, prints the report and gives the exit code. Without a run the error says why nothing could be
// started.
func (f *runFlags) once(ctx context.Context, hurry <-chan struct{}, env *Env, w *wire, sc *scenarios.Scenario, name string,
	t engine.Target, renderers []reports.Renderer,
) (*reports.Run, int, error) {
	r, err := engine.Run(ctx, engine.Options{
		// A driver of its own: the memory driver is its broker, which keeps its topics and the lies it was told to tell.
		Scenario: sc, Target: t, Driver: newWire().driver(t.Driver), Faults: w.kinds, Checks: w.checks, Renderers: renderers, Plots: plot.Write,
		Seed: f.seed, Out: f.out, Keep: f.keep, Command: f.command(name, t), Version: env.Version, Logger: f.logger(env),
		Watch: newWatcher(f.progress, env.Stderr, env.Width, env.colour()), Hurry: hurry,
	})
	if r == nil {
		return nil, 0, err
	}
	switch {
	case f.quiet:
		fmt.Fprintf(env.Stdout, "%s %s %s\n", r.Verdict.Word(), r.Folder, reports.OneLine(r.Headline))
	case !r.Begun():
		fmt.Fprintf(env.Stdout, "%s %s  exit %d\n  %s\n  folder %s\n",
			r.Verdict.Mark(), r.Verdict.Word(), r.Exit, reports.OneLine(r.Headline), r.Folder)
	default:
		page := text.Renderer{Width: env.Width(), Colour: env.colour(), ASCII: env.ascii()}
		if renderErr := page.Render(env.Stdout, r); renderErr != nil {
			// Whoever was to read it is gone; the run stands, and so do its folder and its exit code.
			fmt.Fprintf(env.Stderr, "ordeal: print the report of %s: %v\n", r.Folder, renderErr)
		}
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "ordeal: %v\n", err)
		return r, engine.WorseExit(r.Exit, engine.ExitCode(err)), nil
	}
	return r, r.Exit, nil
}

func (f *runFlags) targets(w *wire) ([]engine.Target, error) {
	var out []engine.Target
	for _, text := range f.on {
		t, err := engine.ReadTarget(text, w.drivers)
		if err != nil {
			return nil, usage(err)
		}
		out = append(out, t)
	}
	return out, nil
}

func (f *runFlags) progressKind(env *Env) (string, error) {
	switch f.progress {
	case progressAuto:
		switch {
		case f.quiet:
			return progressNone, nil
		case env.Terminal:
			return progressTTY, nil
		default:
			return progressPlain, nil
		}
	case progressTTY, progressPlain, progressJSON, progressNone:
		return f.progress, nil
	default:
		return "", fmt.Errorf("--progress %q is none of auto, tty, plain, json, none", f.progress)
	}
}

// command is what repeats a run.
func (f *runFlags) command(name string, t engine.Target) string {
	words := []string{"ordeal run", name, "--on", t.String()}
	for _, s := range f.set {
		words = append(words, "--set", s)
	}
	words = append(words, "--seed", strconv.FormatUint(f.seed, 10))
	for i := 1; i < len(words); i++ {
		words[i] = reports.Quote(words[i])
	}
	return strings.Join(words, " ")
}

func (f *runFlags) logger(env *Env) *slog.Logger {
	if !f.verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// rehearse prints what would be done.
func (f *runFlags) rehearse(env *Env, w *wire, sc *scenarios.Scenario, targets []engine.Target) error {
	for _, t := range targets {
		text, err := engine.Rehearse(f.rehearsal(w, sc, t))
		if err != nil {
			return err
		}
		fmt.Fprint(env.Stdout, text)
	}
	return nil
}

func (f *runFlags) rehearsal(w *wire, sc *scenarios.Scenario, t engine.Target) engine.Options {
	return engine.Options{
		Scenario: sc, Target: t, Driver: w.driver(t.Driver), Faults: w.kinds, Checks: w.checks, Seed: f.seed, Out: f.out,
	}
}

// loadScenario takes a built-in scenario or a file.
func loadScenario(w *wire, name string, set []string) (*scenarios.Scenario, error) {
	sc, err := scenarios.Load(name, w.vocabulary(), set...)
	if err != nil {
		return nil, usage(err)
	}
	return sc, nil
}

func usage(err error) error { return &engine.Error{Exit: engine.ExitUsage, Err: err} }
