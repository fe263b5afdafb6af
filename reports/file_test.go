package reports_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"ordeal/reports"
	"ordeal/reports/reporttest"
)

func TestWriteThenRead(t *testing.T) {
	for _, c := range reporttest.Cases() {
		if c.Name == "hostile" {
			continue // its figures are no numbers, which is another test
		}
		t.Run(c.Name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run.json")
			if err := reports.Write(path, c.Run); err != nil {
				t.Fatal(err)
			}
			got, err := reports.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.Run, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("what was read differs from what was written (-wrote +read):\n%s", diff)
			}
			if rest, _ := os.ReadDir(filepath.Dir(path)); len(rest) != 1 {
				t.Errorf("%d files are left in the folder, want run.json only", len(rest))
			}
		})
	}
}

// A script loops over lists without asking whether they are there.
func TestNothingIsNull(t *testing.T) {
	for _, c := range reporttest.Cases() {
		var got bytes.Buffer
		if err := (reports.JSON{}).Render(&got, c.Run); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if strings.Contains(got.String(), "null") {
			t.Errorf("%s: null in run.json", c.Name)
		}
		if _, err := reports.Decode(&got); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

func TestRenderLeavesTheRunAlone(t *testing.T) {
	run, twin := reporttest.Hostile(), reporttest.Hostile()
	if err := (reports.JSON{}).Render(&bytes.Buffer{}, run); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(twin, run, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("Render changed the run:\n%s", diff)
	}
}

// Every field of floats, wherever a later version puts it, may hold what JSON cannot say.
func TestNoFigureBreaksTheFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 0, 1.5}
		run := reporttest.Crash()
		spoil(reflect.ValueOf(run), func() float64 { return rapid.SampledFrom(odd).Draw(t, "figure") })
		var got bytes.Buffer
		if err := (reports.JSON{}).Render(&got, run); err != nil {
			t.Fatal(err)
		}
		if _, err := reports.Decode(&got); err != nil {
			t.Fatal(err)
		}
	})
}

// spoil sets the floats of the first element of every list below v.
func spoil(v reflect.Value, draw func() float64) {
	switch v.Kind() {
	case reflect.Float64:
		v.SetFloat(draw())
	case reflect.Pointer:
		spoil(v.Elem(), draw)
	case reflect.Slice:
		if v.Len() > 0 {
			spoil(v.Index(0), draw)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				spoil(v.Field(i), draw)
			}
		}
	default:
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct {
		name, content, want string
		schema              bool
	}{
		{"newer", `{"schema":"ordeal.run/2","verdict":"pass"}`, `"ordeal.run/2"`, true},
		{"foreign", `{"name":"package.json"}`, `no "schema"`, true},
		{"half", `{"schema":"ordeal.run/1","id":"x`, "not the JSON of a run", false},
		{"empty", ``, "not the JSON of a run", false},
		{"list", `[]`, "not the JSON of a run", false},
		{"odd", `{"schema":"ordeal.run/1","exit":"none"}`, "not a whole run", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "run.json")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := reports.Read(path)
			if err == nil {
				t.Fatal("it was read")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not name %q and the file", err, c.want)
			}
			if errors.Is(err, reports.ErrSchema) != c.schema {
				t.Errorf("errors.Is(%q, ErrSchema) is %v", err, !c.schema)
			}
		})
	}
}

func TestUnknownFieldsAreFine(t *testing.T) {
	run, err := reports.Decode(strings.NewReader(`{"schema":"ordeal.run/1","id":"x","moon":"full"}`))
	if err != nil || run.ID != "x" {
		t.Errorf("Decode gave %+v, %v", run, err)
	}
}

func TestWriteKeepsTheOldFileOnAnError(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "missing")
	if err := reports.Write(filepath.Join(folder, "run.json"), reporttest.Crash()); err == nil {
		t.Error("written into a folder that is not there")
	}
	path := filepath.Join(t.TempDir(), "run.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := reports.Write(path, nil); err == nil {
		t.Error("a nil run was written")
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("the old file became %q", got)
	}
}

func TestGoldenJSON(t *testing.T) {
	run := reporttest.Lost()
	run.Series, run.Heat.Cells, run.Heat.Bounds, run.Curves = run.Series[:1], run.Heat.Cells[:1], run.Heat.Bounds[:2], nil
	var got bytes.Buffer
	if err := (reports.JSON{}).Render(&got, run); err != nil {
		t.Fatal(err)
	}
	reporttest.Golden(t, "testdata/run.json", got.Bytes())
}

func TestGoldenCSV(t *testing.T) {
	var got bytes.Buffer
	if err := (reports.CSV{}).Render(&got, reporttest.Crash()); err != nil {
		t.Fatal(err)
	}
	reporttest.Golden(t, "testdata/series.csv", got.Bytes())
}
