package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"ordeal/scenarios"
)

func newScenario(env *Env) *cobra.Command {
	cmd := &cobra.Command{Use: "scenario", Short: "list, show, check and begin scenarios", Args: noneSuch, RunE: help}
	var set []string
	show := &cobra.Command{
		Use: "show SCENARIO", Short: "print a scenario with every default filled in", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			sc, err := loadScenario(newWire(), args[0], set)
			if err != nil {
				return err
			}
			text, err := scenarios.Marshal(sc)
			if err != nil {
				return err
			}
			_, err = env.Stdout.Write(text)
			return err
		},
	}
	show.Flags().StringArrayVar(&set, "set", nil, "override one value, as in phases.steady.for=5s; may be given again")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "the built-in scenarios", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return listScenarios(env) },
		},
		show,
		&cobra.Command{
			Use: "lint FILE…", Short: "find every mistake in scenario files", Args: cobra.MinimumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return lint(env, args) },
		},
		&cobra.Command{
			Use: "new", Short: "print a scenario to begin with", Args: cobra.NoArgs,
			Run: func(*cobra.Command, []string) { fmt.Fprint(env.Stdout, scenarios.New()) },
		},
		&cobra.Command{
			Use: "schema", Short: "print the JSON schema, for editors", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				schema, err := scenarios.Schema(newWire().vocabulary())
				if err != nil {
					return err
				}
				_, err = env.Stdout.Write(schema)
				return err
			},
		},
	)
	return cmd
}

func listScenarios(env *Env) error {
	table := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, b := range scenarios.Builtins() {
		sc, err := loadScenario(newWire(), b.Name, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", b.Name, sc.Length(), b.About)
	}
	return table.Flush()
}

// lint reports the mistakes of all files before it ends.
func lint(env *Env, files []string) error {
	w, wrong := newWire(), false
	for _, name := range files {
		if _, err := loadScenario(w, name, nil); err != nil {
			wrong = true
			fmt.Fprintln(env.Stderr, err)
			continue
		}
		fmt.Fprintf(env.Stdout, "%s: fine\n", name)
	}
	if wrong {
		return usage(fmt.Errorf("mistakes found"))
	}
	return nil
}
