package cli

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ordeal/internal/engine"
	"ordeal/reports"
	"ordeal/reports/compare"
	"ordeal/reports/plot"
	"ordeal/reports/text"
)

// compareRuns writes the comparison of several runs into a folder of its own and prints it. Of one run there is nothing to compare,
// unless it is what is left of a list.
func (f *runFlags) compareRuns(env *Env, name string, targets []engine.Target, runs []*reports.Run, refused []compare.Refusal,
	renderers []compare.Renderer, exit int,
) error {
	if len(runs) == 0 || len(runs)+len(refused) < 2 {
		return nil
	}
	id := fmt.Sprintf("%s-%08x", time.Now().UTC().Format("20060102T150405Z"), rand.Uint32())
	folder := filepath.Join(f.out, "compare", id)
	c, err := compare.New(runs, compare.Options{
		ID: id, Folder: folder, Command: f.comparison(name, targets), Exit: exit, Unequal: f.unequal, Refused: refused,
	})
	if err != nil {
		return err
	}
	unwritten := writeComparison(folder, c, renderers)
	if unwritten != nil {
		unwritten = &engine.Error{Exit: engine.ExitEnvironment, Err: fmt.Errorf("write the comparison: %w", unwritten)}
	}
	if f.quiet {
		fmt.Fprintf(env.Stdout, "COMPARED %s %s\n", c.Folder, reports.OneLine(c.Headline))
		return unwritten
	}
	fmt.Fprintln(env.Stdout)
	page := text.Renderer{Width: env.Width(), Colour: env.colour(), ASCII: env.ascii()}
	if err := page.Comparison(env.Stdout, c); err != nil { // whoever was to read it is gone; the files are there
		fmt.Fprintf(env.Stderr, "ordeal: print the comparison in %s: %v\n", c.Folder, err)
	}
	return unwritten // hours may have gone into the runs: what came out has been printed at least
}

// writeComparison writes comparison.json always, and the other formats as the runs have them.
func writeComparison(folder string, c *compare.Comparison, renderers []compare.Renderer) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	errs := []error{compare.Write(filepath.Join(folder, "comparison.json"), c)}
	for _, r := range renderers {
		var page bytes.Buffer
		err := r.Comparison(&page, c)
		if err == nil {
			err = reports.Replace(filepath.Join(folder, "comparison."+r.Format()), page.Bytes())
		}
		errs = append(errs, err)
	}
	if len(renderers) > 0 { // --report none wants the figures only
		errs = append(errs, plot.WriteCompared(filepath.Join(folder, "plots"), c))
	}
	return errors.Join(errs...)
}

// comparison is what repeats all runs.
func (f *runFlags) comparison(name string, targets []engine.Target) string {
	words := []string{"ordeal run", reports.Quote(name)}
	for _, t := range targets {
		words = append(words, "--on", reports.Quote(t.String())) // without passwords
	}
	words = append(words, "--repeat", strconv.Itoa(f.repeat))
	if f.unequal {
		words = append(words, "--unequal")
	}
	for _, s := range f.set {
		words = append(words, "--set", reports.Quote(s))
	}
	return strings.Join(append(words, "--seed", strconv.FormatUint(f.seed, 10)), " ")
}

// comparers are those of the reports asked for that can render a comparison.
func comparers(renderers []reports.Renderer) []compare.Renderer {
	var out []compare.Renderer
	for _, r := range renderers {
		if c, ok := r.(compare.Renderer); ok {
			out = append(out, c)
		}
	}
	return out
}
