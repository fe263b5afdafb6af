package plot

import (
	"fmt"
	"os"
	"path/filepath"

	"ordeal/reports"
	"ordeal/reports/compare"
)

// File is one drawing.
type File struct {
	// Name is that of the file, such as "rates.svg".
	Name string
	// Title says in a few words what is drawn.
	Title string
	SVG   []byte
}

// maxPoints is more than there are dots in a row on paper; longer runs are folded.
const maxPoints = 1200

// Render draws everything that the run has figures for: rates, end-to-end and ack latency and backlog over time, and the percentile
// curves of the recorded phases. A run that never came to measuring gives none.
func Render(r *reports.Run) ([]File, error) {
	t := newTimeline(r)
	charts := []*chart{t.rates(), t.endToEnd(), t.ack(), t.backlog()}
	for _, m := range []metric{
		{"end_to_end", "percentiles-end-to-end.svg", "End-to-end latency by percentile"},
		{"ack", "percentiles-ack.svg", "Ack latency by percentile"},
		{"service", "percentiles-service.svg", "Service time by percentile"},
		{"lag", "percentiles-lag.svg", "Lag by percentile"},
	} {
		charts = append(charts, percentiles(r, m))
	}
	var files []File
	for _, c := range charts {
		if c == nil {
			continue
		}
		svg, err := c.svg()
		if err != nil {
			return nil, fmt.Errorf("draw %s of run %q: %w", c.name, r.ID, err)
		}
		files = append(files, File{Name: c.name, Title: c.title, SVG: svg})
	}
	return files, nil
}

// Write puts what Render draws into the folder, which is made where it is missing.
func Write(folder string, r *reports.Run) error {
	files, err := Render(r)
	if err != nil {
		return err
	}
	return write(folder, files)
}

// WriteCompared puts what Compared draws into the folder, which is made where it is missing.
func WriteCompared(folder string, c *compare.Comparison) error {
	files, err := Compared(c)
	if err != nil {
		return err
	}
	return write(folder, files)
}

func write(folder string, files []File) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write plots: %w", err)
	}
	for _, f := range files {
		if err := reports.Replace(filepath.Join(folder, f.Name), f.SVG); err != nil {
			return err
		}
	}
	return nil
}
