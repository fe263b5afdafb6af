package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordeal/reports/plot"
	"ordeal/reports/reporttest"
)

func TestGolden(t *testing.T) {
	for _, c := range []reporttest.Case{{Name: "crash", Run: reporttest.Crash()}, {Name: "interrupted", Run: reporttest.Interrupted()}} {
		files, err := plot.Render(c.Run)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 8 {
			t.Errorf("%s: %d files, want 8", c.Name, len(files))
		}
		for _, f := range files {
			reporttest.Golden(t, filepath.Join("testdata", c.Name, f.Name), f.SVG)
		}
	}
}

func TestEveryRunIsDrawn(t *testing.T) {
	for _, c := range reporttest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			files, err := plot.Render(c.Run)
			if err != nil {
				t.Fatal(err)
			}
			if c.Name == "empty" && len(files) != 0 {
				t.Errorf("%d drawings of nothing", len(files))
			}
			again, err := plot.Render(c.Run)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range files {
				if !bytes.Equal(f.SVG, again[i].SVG) {
					t.Errorf("%s differs from one time to the next", f.Name)
				}
				wellFormed(t, f)
			}
		})
	}
}

// wellFormed reads the SVG as XML, and looks for what a broken figure leaves behind.
func wellFormed(t *testing.T, f plot.File) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(f.SVG))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "script" {
			t.Errorf("%s: a script got in", f.Name)
		}
	}
	for _, bad := range []string{"NaN", "Inf", "Serif"} {
		if bytes.Contains(f.SVG, []byte(bad)) {
			t.Errorf("%s holds %q", f.Name, bad)
		}
	}
}

func TestWrite(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run", "plots")
	if err := plot.Write(folder, reporttest.Crash()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := "ack.svg backlog.svg latency.svg " +
		"percentiles-ack.svg percentiles-end-to-end.svg percentiles-lag.svg percentiles-service.svg rates.svg"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("files are %s, want %s", got, want)
	}
}

// BenchmarkRender draws all of a run of ten minutes.
func BenchmarkRender(b *testing.B) {
	run := reporttest.Long(600)
	for b.Loop() {
		files, err := plot.Render(run)
		if err != nil || len(files) != 8 {
			b.Fatal(len(files), err)
		}
	}
}
