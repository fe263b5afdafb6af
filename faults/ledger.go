package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"ordeal/faults/pid"
)

// LedgerSchema is the value of "schema" in undo.json.
const LedgerSchema = "ordeal.undo/1"

// Containers is the kind of an entry that removes a whole cluster, and so must not be undone while its run goes on.
const Containers = "containers"

// Entry of the undo ledger: one fault, from before it was injected.
type Entry struct {
	ID int `json:"id"`
	// Kind and Target are as the scenario says; Resolved is what the target turned out to be.
	Kind     string    `json:"kind"`
	Target   string    `json:"target"`
	Resolved string    `json:"resolved"`
	At       time.Time `json:"at"`
	// Healed is zero while something may be left to undo.
	Healed time.Time `json:"healed,omitzero"`
	// Steps undo it; none where a crash of ordeal undoes it, because what it was done to ends with ordeal.
	Steps []Step `json:"steps"`
}

// Step is one thing to do after a crash of ordeal.
type Step struct {
	Node string `json:"node,omitempty"`
	// Command is what a person can paste into a shell.
	Command string `json:"command"`
	// Process, where it is set, is the process that Command resumes: it is looked at first, so that no recycled number is signalled.
	Process pid.Process `json:"process,omitzero"`
}

// Ledger is undo.json in the run folder: what would have to be undone if ordeal were killed now. Every change is on the disk when the
// method returns. Its methods may be called from any goroutine; nobody else writes the file while ordeal runs.
type Ledger struct {
	path string
	now  func() time.Time

	mu   sync.Mutex
	book book
}

type book struct {
	Schema  string  `json:"schema"`
	Entries []Entry `json:"entries"`
	// Files are to be removed after a crash of ordeal, which was the process Owner: patterns of paths in the ledger's folder.
	Files []string    `json:"files,omitempty"`
	Owner pid.Process `json:"owner,omitzero"`
}

// NewLedger writes an empty ledger to path, so that an unwritable folder is known before anything is injected.
func NewLedger(path string) (*Ledger, error) {
	l := &Ledger{path: path, now: time.Now, book: book{Schema: LedgerSchema, Entries: []Entry{}}}
	if err := l.book.write(path); err != nil {
		return nil, err
	}
	return l, nil
}

// Open writes e, whose ID and time it sets, and returns the ID for Heal. It is called before the fault is injected, and by whoever starts
// something else that outlives ordeal.
func (l *Ledger) Open(e Entry) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ID, e.At = len(l.book.Entries)+1, l.now().UTC()
	if e.Steps == nil {
		e.Steps = []Step{}
	}
	l.book.Entries = append(l.book.Entries, e)
	if err := l.book.write(l.path); err != nil {
		l.book.Entries = l.book.Entries[:len(l.book.Entries)-1] // what is not in the file is not injected
		return 0, err
	}
	return e.ID, nil
}

// add appends commands that are known only after the injection, unless they are there.
func (l *Ledger) add(id int, commands []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &l.book.Entries[id-1]
	before := len(e.Steps)
	for _, c := range commands {
		if !slices.ContainsFunc(e.Steps, func(s Step) bool { return s.Command == c }) {
			e.Steps = append(e.Steps, Step{Command: c})
		}
	}
	if len(e.Steps) == before {
		return nil
	}
	return l.book.write(l.path)
}

// Heal marks an entry as undone.
func (l *Ledger) Heal(id int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.book.Entries[id-1].Healed = l.now().UTC()
	return l.book.write(l.path)
}

// Leave writes down the files that would be left if ordeal were killed now, in place of those written down before: patterns as of
// filepath.Glob, of paths below the ledger's folder. Without any there is nothing to remove. Undo removes them once this process is gone.
func (l *Ledger) Leave(patterns ...string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	owner, err := pid.Of(os.Getpid())
	if err != nil {
		return fmt.Errorf("write undo ledger: %w", err)
	}
	l.book.Files, l.book.Owner = patterns, owner
	if len(patterns) == 0 {
		l.book.Owner = pid.Process{}
	}
	return l.book.write(l.path)
}

// write replaces the file as a whole: a crash at any moment leaves the former or the new content.
func (b book) write(path string) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return fmt.Errorf("write undo ledger: %w", err)
	}
	draft := path + ".new"
	f, err := os.OpenFile(draft, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write undo ledger: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write undo ledger: %w", err)
	}
	return nil
}

// syncFolder makes a rename last. Windows has no such call for folders.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readBook(path string) (book, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return book{}, fmt.Errorf("read undo ledger: %w", err)
	}
	var b book
	if err := json.Unmarshal(text, &b); err != nil {
		return book{}, fmt.Errorf("read undo ledger %s: %w", path, err)
	}
	if b.Schema != LedgerSchema {
		return book{}, fmt.Errorf("read undo ledger %s: schema is %q; this ordeal reads %q", path, b.Schema, LedgerSchema)
	}
	return b, nil
}
