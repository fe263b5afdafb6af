package reports

import "io"

// Renderer writes one run in one format. It is called after the run, may be called again for a saved one, and must give the same bytes
// for the same run.
type Renderer interface {
	// Format is the word for --format and --report, such as "html".
	Format() string
	// File is the name in the run folder, such as "report.html".
	File() string
	Render(w io.Writer, r *Run) error
}
