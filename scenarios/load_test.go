package scenarios_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ordeal/scenarios"
)

var update = flag.Bool("update", false, "write golden files and generated docs anew")

// golden compares got with a file, or writes the file where -update is given.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("%s is not up to date, go test -update writes it anew (-file +now):\n%s", file, diff)
	}
}

// Every broken file has its errors beside it: all of them, in order, each with its place, what was expected and the nearest word.
func TestErrorsGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = scenarios.Read(strings.NewReader(string(text)), filepath.Base(file), words())
			var all scenarios.Errors
			if !errors.As(err, &all) || len(all) == 0 {
				t.Fatalf("got %v, want errors", err)
			}
			for i, e := range all {
				if e.File == "" || e.Line < 1 || e.Column < 1 || e.Msg == "" || e.Excerpt == "" && len(text) > 0 {
					t.Errorf("incomplete error %+v", e)
				}
				if i > 0 && all[i-1].Line > e.Line {
					t.Errorf("line %d after line %d", e.Line, all[i-1].Line)
				}
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

func TestLoadWithoutFile(t *testing.T) {
	_, err := scenarios.Load("broker-crahs", words())
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `did you mean "broker-crash"?`) {
		t.Errorf("got %v", err)
	}
	_, err = scenarios.Load(filepath.Join(t.TempDir(), "mine.yaml"), words())
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "built in are broker-crash,") {
		t.Errorf("got %v", err)
	}
	if _, err = scenarios.Load(t.TempDir(), words()); err == nil {
		t.Error("a folder is no scenario")
	}
}

func TestReadTooLarge(t *testing.T) {
	_, err := scenarios.Read(strings.NewReader(strings.Repeat("# hello\n", 1<<17+1)), "large.yaml", words())
	if err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("got %v", err)
	}
}

// A few short lines can stand for billions of values.
func TestReadAliasBomb(t *testing.T) {
	var text strings.Builder
	text.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 12 {
		from, to := string(rune('a'+i))+"0", string(rune('b'+i))+"0"
		text.WriteString(to + ": &" + to + " [" + strings.Repeat("*"+from+", ", 9) + "*" + from + "]\n")
	}
	_, err := scenarios.Read(strings.NewReader(text.String()), "bomb.yaml", words())
	if err == nil || !strings.Contains(err.Error(), "more than 100000 values") {
		t.Errorf("got %.300v", err)
	}
}

// Anchors, aliases and merges save typing, and keys of a mapping's own outrank merged ones.
func TestReadAliases(t *testing.T) {
	s, err := scenarios.Read(strings.NewReader(`
version: 1
name: aliases
topics: {orders: {}}
producers:
  one: &one {to: orders, rate: 5/s, size: 1KiB, window: 7}
  two: *one
  three: {<<: *one, rate: 9/s}
  four: {window: 8, <<: [{window: 9}, *one]}
phases: [{name: steady, for: 1s}]
checks: []
`), "aliases.yaml", words())
	if err != nil {
		t.Fatal(err)
	}
	rates, windows := map[string]float64{}, map[string]int{}
	for _, p := range s.Producers {
		rates[p.Name], windows[p.Name] = p.Rate.Segments[0].To, p.Window
	}
	if diff := cmp.Diff(map[string]float64{"one": 5, "two": 5, "three": 9, "four": 5}, rates); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{"one": 7, "two": 7, "three": 7, "four": 8}, windows); diff != "" {
		t.Error(diff)
	}
}

// What is wrong throughout is not told without end.
func TestErrorsAreBounded(t *testing.T) {
	text := "version: 1\nname: x\n" + strings.Repeat("bad: 1\n", 500)
	_, err := scenarios.Read(strings.NewReader(text), "x.yaml", words())
	var all scenarios.Errors
	if !errors.As(err, &all) || len(all) != 51 || !strings.Contains(all[50].Msg, "more errors") {
		t.Errorf("%d errors, the last %v", len(all), all[len(all)-1])
	}
}
