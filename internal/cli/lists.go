package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ordeal/drivers"
	"ordeal/faults"
	"ordeal/internal/engine"
)

// undoLimit bounds the healing of one run's faults.
const undoLimit = time.Minute

func newFaults(env *Env) *cobra.Command {
	cmd := &cobra.Command{Use: "faults", Short: "list the faults, or undo those of a crashed run", Args: noneSuch, RunE: help}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "every kind of fault, its options and its evidence", Args: cobra.NoArgs,
			Run: func(*cobra.Command, []string) {
				for _, k := range newWire().kinds {
					fmt.Fprintf(env.Stdout, "%s (acts on a %s)\n  %s\n  where: %s\n  evidence: %s\n", k.Name, k.Acts, k.About, k.Where, k.Evidence)
					printOptions(env, k.Options)
				}
			},
		},
		&cobra.Command{
			Use: "undo RUN", Short: "heal what a crashed run left injected",
			Long: "Reads the run's undo.json, which ordeal writes before it injects anything, and undoes what is still open. It may be repeated.",
			Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				folder, err := runFolder(args[0])
				if err != nil {
					return err
				}
				ctx, cancel := context.WithTimeout(context.Background(), undoLimit)
				defer cancel()
				report, err := faults.Undo(ctx, filepath.Join(folder, "undo.json"))
				for _, line := range report.Lines {
					fmt.Fprintln(env.Stdout, line)
				}
				if err != nil {
					return &engine.Error{Exit: engine.ExitEnvironment, Err: err}
				}
				return nil
			},
		},
	)
	return cmd
}

func newDrivers(env *Env) *cobra.Command {
	cmd := &cobra.Command{Use: "drivers", Short: "list the drivers", Args: noneSuch, RunE: help}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "every driver, what it promises and its options", Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			for _, d := range newWire().drivers {
				fmt.Fprintf(env.Stdout, "%s\n", d.Name())
				printPromises(env, d)
				printOptions(env, options(d))
			}
		},
	})
	return cmd
}

// printPromises shows what a driver claims for each model with one replica and with three, and the strongest guarantee it can give.
func printPromises(env *Env, d drivers.Driver) {
	defaults, err := drivers.Resolve(options(d), nil)
	if err != nil {
		return // an option that is required: no promise without it
	}
	for _, m := range []drivers.Model{drivers.Log, drivers.Queue, drivers.Broadcast} {
		for _, replicas := range []int{1, 3} {
			t := drivers.Topic{Name: "t", Model: m, Shards: 1, Replicas: replicas}
			best := drivers.Guarantee(0)
			for _, g := range drivers.Guarantees() {
				if r, ok := d.(drivers.Guaranteer); !ok || r.Reach(drivers.Config{Options: defaults, Guarantee: g}, t) == nil {
					best = g
				}
			}
			if best == 0 {
				continue
			}
			p := d.Promise(drivers.Config{Options: defaults, Guarantee: best}, t)
			fmt.Fprintf(env.Stdout, "  %-9s replicas %d: up to %s; %s; order %s; an ack survives %s\n",
				m, replicas, best, p.Delivery, p.Order, p.Survives)
		}
	}
}

func printOptions(env *Env, list []drivers.Option) {
	for _, o := range list {
		kind := o.Kind.String()
		if o.Kind == drivers.KindEnum {
			kind = strings.Join(o.Values, "|")
		}
		value := ""
		if o.Default != "" {
			value = ", default " + o.Default
		}
		if o.Required {
			value = ", required"
		}
		fmt.Fprintf(env.Stdout, "    %s (%s%s): %s\n", o.Name, kind, value, o.About)
	}
}

func newChecks(env *Env) *cobra.Command {
	cmd := &cobra.Command{Use: "checks", Short: "list the checks", Args: noneSuch, RunE: help}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "every check, what it guarantees and when it cannot say", Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			for _, c := range checkDecls() {
				fmt.Fprintf(env.Stdout, "%s\n  %s\n  fails: %s\n  inconclusive: %s\n", c.Name, c.Guarantee, c.Fails, c.Inconclusive)
				printOptions(env, c.Params)
			}
		},
	})
	return cmd
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }
