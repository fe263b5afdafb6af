package cli

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"ordeal/internal/engine"
)

// Main runs the command line and returns the exit code. A panic becomes ExitBug and says what to send.
func Main(env Env) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(env.Stderr, "ordeal: a bug: %v\n\n%s\nPlease report it with the lines above and `ordeal version`.\n", p, debug.Stack())
			code = engine.ExitBug
		}
	}()
	root := newRoot(&env)
	root.SetArgs(env.Args)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.Execute()
	if err == nil {
		return engine.ExitPass
	}
	if done, ok := errors.AsType[exit](err); ok {
		return int(done)
	}
	if _, ok := errors.AsType[*engine.Error](err); !ok {
		err = &engine.Error{Exit: engine.ExitUsage, Err: err} // cobra's own errors are about usage
	}
	fmt.Fprintf(env.Stderr, "ordeal: %s\n", strings.TrimSuffix(err.Error(), "\n"))
	return engine.ExitCode(err)
}

// exit ends a verb whose outcome has been printed already.
type exit int

// Error is never printed.
func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// done turns an exit code into what a verb returns.
func done(code int) error {
	if code == engine.ExitPass {
		return nil
	}
	return exit(code)
}

const about = `ordeal puts a message broker through scripted load and faults, and says with evidence what was lost, duplicated,
reordered or corrupted, how long everything took, and how long the broker was away.

  ordeal run broker-crash                 a real nats-server, killed in mid-load, and a verdict
  ordeal run steady --on 'memory?lose=3'  a broker that lies, found out

Exit codes:
  0    every check passed, every gate met
  1    a safety check failed: loss, duplicate, order, corruption, phantom
  2    a gate was missed
  3    inconclusive: not drained, generator-bound, no samples, no evidence for a fault, a check crashed
  4    environment: broker unreachable, fault impossible here, fault not undone
  64   usage or scenario error, nothing started
  70   a bug in ordeal
  130  interrupted: faults undone, partial report written`

func newRoot(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use: "ordeal", Short: "load-testing and chaos harness for message brokers", Long: about,
		SilenceErrors: true, SilenceUsage: true, Version: env.Version,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		Args:              noneSuch,
		RunE:              help,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newRun(env), newCheck(env), newReport(env), newScenario(env), newFaults(env), newDrivers(env), newChecks(env),
		newDoctor(env), newVersion(env), newCompletion(env), newNode(env),
	)
	return root
}
