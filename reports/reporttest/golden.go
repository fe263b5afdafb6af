package reporttest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew") //nolint:gochecknoglobals // the flag package's own way

// Golden compares got with the file at path, which `go test -update` writes anew.
func Golden(tb testing.TB, path string, got []byte) {
	tb.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			tb.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		tb.Fatalf("no golden file, write it with -update: %v", err)
	}
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	if bytes.Equal(got, want) {
		return
	}
	line, a, b := difference(got, want)
	tb.Errorf("%s, line %d:\n got %q\nwant %q\n(if it is meant, run the test with -update and look at the difference)", path, line, a, b)
}

// difference finds the first line in which the texts differ.
func difference(got, want []byte) (line int, a, b []byte) {
	x, y := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(x), len(y)) {
		a, b = nil, nil
		if i < len(x) {
			a = x[i]
		}
		if i < len(y) {
			b = y[i]
		}
		if !bytes.Equal(a, b) {
			return i + 1, a, b
		}
	}
	return 0, nil, nil
}
