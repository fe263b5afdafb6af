package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"ordeal/internal/engine"
	"ordeal/reports"
	"ordeal/reports/text"
)

func newCheck(env *Env) *cobra.Command {
	var explain string
	cmd := &cobra.Command{
		Use: "check RUN", Short: "judge a saved run again, with today's checks",
		Long: "Reads the run's history and judges it again. RUN is a run folder, such as runs/latest. The exit code is that of the verdict.\n" +
			"A history that was cut or damaged is inconclusive.",
		Example: "  ordeal check runs/latest\n  ordeal check runs/latest --explain checkout/1/81402",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			folder, err := runFolder(args[0])
			if err != nil {
				return err
			}
			if explain != "" {
				story, err := engine.Explain(folder, explain)
				if err != nil {
					return err
				}
				fmt.Fprint(env.Stdout, story)
				return nil
			}
			r, err := engine.Check(folder, newWire().checks)
			if err != nil {
				return err
			}
			if err := (text.Renderer{Width: env.Width(), Colour: env.colour(), ASCII: env.ascii()}).Render(env.Stdout, r); err != nil {
				fmt.Fprintf(env.Stderr, "ordeal: print the report of %s: %v\n", folder, err) // the verdict stands, and so does the exit code
			}
			return done(r.Exit)
		},
	}
	cmd.Flags().StringVar(&explain, "explain", "", "tell the life of one message, such as checkout/1/81402")
	return cmd
}

// runFolder finds the folder of a run, given itself or its run.json.
func runFolder(path string) (string, error) {
	if filepath.Base(path) == "run.json" {
		path = filepath.Dir(path)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return "", usage(fmt.Errorf("%s is no run folder; runs are in runs/<scenario>/, the last one is runs/latest", path))
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", usage(err)
	}
	return resolved, nil
}

func newReport(env *Env) *cobra.Command {
	var format, output string
	cmd := &cobra.Command{
		Use: "report RUN", Short: "render a saved run again",
		Example: "  ordeal report runs/latest\n  ordeal report runs/latest --format html --output report.html",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			folder, err := runFolder(args[0])
			if err != nil {
				return err
			}
			r, err := reports.Read(filepath.Join(folder, "run.json"))
			if err != nil {
				return usage(err)
			}
			return renderTo(env, r, format, output)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "html, text, md, junit, json, csv or svg")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write, for svg a folder (default: standard output)")
	return cmd
}
