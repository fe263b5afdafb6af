package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
)

// ErrSchema is wrapped by the error of Read and Decode for a file that is not a run, or a run of another version of ordeal.
var ErrSchema = errors.New("unknown schema")

// JSON renders run.json itself. The zero value is ready.
type JSON struct{}

var _ Renderer = JSON{}

// Format is "json".
func (JSON) Format() string { return "json" }

// File is "run.json".
func (JSON) File() string { return "run.json" }

// Render writes r indented, its fields in the order of Run, keys of maps sorted. Lists that are nil are written as [], so that a script
// may loop over them, and figures that are no number as 0, for JSON has neither NaN nor infinity. r is not changed.
func (JSON) Render(w io.Writer, r *Run) error {
	if r == nil {
		return errors.New("write run: there is none")
	}
	text, err := Encode(*r)
	if err != nil {
		return fmt.Errorf("encode run %q: %w", r.ID, err)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write run %q: %w", r.ID, err)
	}
	return nil
}

// Encode is the JSON of a model as its file has it: see JSON.Render. v is a struct, not a pointer, and is not changed.
func Encode(v any) ([]byte, error) {
	raw, err := json.MarshalIndent(plain(reflect.ValueOf(v)).Interface(), "", "  ")
	if err != nil {
		return nil, err
	}
	return append(raw, '\n'), nil
}

// Write puts r into the file at path, as JSON does. A reader of path sees the old file or the new one, never a half: it is written beside
// it and renamed. An empty r.Schema is written as Schema.
func Write(path string, r *Run) error {
	if r != nil && r.Schema == "" {
		named := *r
		named.Schema = Schema
		r = &named
	}
	var text bytes.Buffer
	if err := (JSON{}).Render(&text, r); err != nil {
		return err
	}
	return Replace(path, text.Bytes())
}

// Read reads the file that Write wrote. Fields that it does not know are passed over; a file with another schema is an ErrSchema.
func Read(path string) (*Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	r, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", path, err)
	}
	return r, nil
}

// Decode reads one run, as Read does.
func Decode(from io.Reader) (*Run, error) {
	raw, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, fmt.Errorf("not the JSON of a run: %w", err)
	}
	switch head.Schema {
	case Schema:
	case "":
		return nil, fmt.Errorf("%w: no \"schema\" in it, want %q", ErrSchema, Schema)
	default:
		return nil, fmt.Errorf("%w %q: this ordeal reads %q; use the version of ordeal that wrote it, or a newer one",
			ErrSchema, head.Schema, Schema)
	}
	r := new(Run)
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, fmt.Errorf("not a whole run: %w", err)
	}
	return r, nil
}

// Replace writes text to path through a file beside it, so that a crash or a full disk leaves what was there.
func Replace(path string, text []byte) (err error) {
	draft := filepath.Join(filepath.Dir(path), fmt.Sprintf(".ordeal-%d-%s", os.Getpid(), filepath.Base(path)))
	// A process that was killed and had the same number may have left one; whatever else is wrong, opening tells.
	_ = os.Remove(draft)
	f, err := os.OpenFile(draft, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644) //nolint:gosec // pages for people to read
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// plain copies v with what JSON cannot say replaced: nil lists and maps are empty, figures that are no number are 0. Walking the types
// rather than naming the fields keeps it true for the fields that a later version adds.
func plain(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return reflect.Zero(v.Type())
		}
		return v
	case reflect.Slice:
		list := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			list.Index(i).Set(plain(v.Index(i)))
		}
		return list
	case reflect.Map:
		table := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, key := range v.MapKeys() {
			table.SetMapIndex(key, plain(v.MapIndex(key)))
		}
		return table
	case reflect.Struct:
		whole := reflect.New(v.Type()).Elem()
		whole.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				whole.Field(i).Set(plain(v.Field(i)))
			}
		}
		return whole
	default:
		return v
	}
}
