package engine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ordeal/reports"
)

// Folder is a run's place on disk: runs/<scenario>/<UTC>-<id>/.
type Folder struct {
	Path string
	ID   string
}

// NewFolder makes the folder and points runs/latest at it. The error says what cannot be written and how to choose another place.
func NewFolder(out, scenario string, started time.Time, id uint32) (Folder, error) {
	name := fmt.Sprintf("%s-%08x", started.UTC().Format("20060102T150405Z"), id)
	f := Folder{Path: filepath.Join(out, scenario, name), ID: name}
	if err := os.MkdirAll(f.Path, 0o755); err != nil {
		return f, fmt.Errorf("make the run folder: %w; choose another place with --out", err)
	}
	probe := filepath.Join(f.Path, "undo.json")
	if err := os.WriteFile(probe, []byte("{}\n"), 0o644); err != nil {
		return f, fmt.Errorf("write into the run folder: %w; choose another place with --out", err)
	}
	if err := os.Remove(probe); err != nil {
		return f, fmt.Errorf("write into the run folder: %w", err)
	}
	f.point(out, scenario)
	return f, nil
}

// point makes runs/latest a link to the folder. Where links cannot be made (Windows without the right to) there is none.
func (f Folder) point(out, scenario string) {
	link, temporary := filepath.Join(out, "latest"), filepath.Join(out, ".latest-"+f.ID)
	if os.Symlink(filepath.Join(scenario, f.ID), temporary) != nil {
		return
	}
	if os.Rename(temporary, link) != nil {
		os.Remove(temporary) //nolint:errcheck // a link that is only a convenience
	}
}

// reserveName is the file's name.
const reserveName = "reserve"

// reserveSize is what the reports of a long run take.
const reserveSize = 4 << 20

// reserve takes room on the disk that release gives back: a history that fills the disk must not cost the run its reports.
func (f Folder) reserve() error {
	if err := fill(f.File(reserveName), reserveSize); err != nil {
		return fmt.Errorf("keep %s free for the reports: %w; make room, or choose another place with --out", reports.Bytes(reserveSize), err)
	}
	return nil
}

// fill makes a file of about size bytes, piece by piece: all at once they would be the largest thing in memory.
func fill(path string, size int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	piece := bytes.Repeat([]byte("ordeal\n"), 1<<16/7)
	for written := 0; written < size && err == nil; written += len(piece) {
		_, err = file.Write(piece)
	}
	return errors.Join(err, file.Close())
}

func (f Folder) release() { os.Remove(f.File(reserveName)) } //nolint:errcheck // at worst a report finds no room, and says so

// File is the path of one file in the folder.
func (f Folder) File(name string) string { return filepath.Join(f.Path, name) }

// events writes events.ndjson and keeps the lines for the report. It may be called from any goroutine.
type events struct {
	mu     sync.Mutex
	now    func() int64
	file   *os.File
	w      *bufio.Writer
	list   []reports.Event
	err    error
	notify func(reports.Event)
}

// maxEvents bounds what the report repeats; the file holds all.
const maxEvents = 2000

func newEvents(f Folder, now func() int64, notify func(reports.Event)) (*events, error) {
	file, err := os.Create(f.File("events.ndjson"))
	if err != nil {
		return nil, fmt.Errorf("write events: %w", err)
	}
	return &events{now: now, file: file, w: bufio.NewWriter(file), notify: notify}, nil
}

func (e *events) add(kind, format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	event := reports.Event{At: e.now(), Kind: kind, Text: fmt.Sprintf(format, args...)}
	if len(e.list) < maxEvents {
		e.list = append(e.list, event)
	}
	line, err := json.Marshal(event)
	if err == nil {
		_, err = e.w.Write(append(line, '\n'))
	}
	// Connections and shards may come and go by the thousand; the rest should survive a crash of ordeal.
	if err == nil && kind != "connect" && kind != "rebalance" {
		err = e.w.Flush()
	}
	e.err = errors.Join(e.err, err)
	if len(e.list) < maxEvents {
		e.notify(event)
	}
}

func (e *events) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.err, e.w.Flush(), e.file.Close())
}

// all returns the events kept for the report.
func (e *events) all() []reports.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]reports.Event(nil), e.list...)
}

// perishable are the files that are gone when the run is over.
func (x *execution) perishable() []string {
	files := []string{reserveName}
	if x.Target.Local() && !x.Target.Compose && !x.inProcess() && !x.Keep {
		files = append(files, filepath.Join(clusterFolder, "*", "data"))
	}
	return files
}

// clusterFolder is where a cluster that ordeal starts lives in the run folder.
const clusterFolder = "cluster"
