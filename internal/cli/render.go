package cli

import (
	"errors"
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
	f, err := os.Create(output)
	if err != nil {
		return usage(err)
	}
	return errors.Join(renderer.Render(f, r), f.Close())
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
