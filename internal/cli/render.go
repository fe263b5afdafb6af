package cli

import (
	"bytes"
	"fmt"
	"os"

	"ordeal/reports"
	"ordeal/reports/plot"
	"ordeal/reports/text"
)

// renderTo writes one format of a run to a file, or to standard output where output is empty.
func renderTo(env *Env, r *reports.Run, format, output string) error {
	if format == "svg" {
		return plots(env, r, output)
	}
	renderer, err := newWire().renderer(format)
	if err != nil {
		return usage(fmt.Errorf("%w, svg", err))
	}
	if format == "text" && output == "" {
		renderer = text.Renderer{Width: env.Width(), Colour: env.colour(), ASCII: env.ascii()}
	}
	if output == "" {
		return renderer.Render(env.Stdout, r)
	}
	var page bytes.Buffer // what was there stays where this fails
	if err := renderer.Render(&page, r); err != nil {
		return err
	}
	// In place, for the file is the user's: it may be a link, a pipe, /dev/stdout, or in a folder that nobody may write to.
	if err := os.WriteFile(output, page.Bytes(), 0o644); err != nil { //nolint:gosec // a page for people to read
		return usage(err)
	}
	return nil
}

func plots(env *Env, r *reports.Run, folder string) error {
	if folder == "" {
		folder = "plots"
	}
	if err := plot.Write(folder, r); err != nil {
		return usage(err)
	}
	fmt.Fprintf(env.Stdout, "wrote the plots into %s\n", folder)
	return nil
}
