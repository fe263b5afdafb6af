package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
	var page bytes.Buffer
	if err := renderer.Render(&page, r); err != nil {
		return err
	}
	if err := put(output, page.Bytes()); err != nil {
		return usage(err)
	}
	return nil
}

// put writes a file that the user names: what was there stays until the new one is whole, through a link too. What is no file, such as
// /dev/stdout or a pipe, is written to.
func put(path string, text []byte) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0) //nolint:gosec // the user names it
		if err != nil {
			return err
		}
		_, err = f.Write(text)
		return errors.Join(err, f.Close())
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if err := reports.Replace(path, text); err != nil || info == nil {
		return err
	}
	return os.Chmod(path, info.Mode().Perm())
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
