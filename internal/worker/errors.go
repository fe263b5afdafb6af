package worker

import (
	"slices"
	"strings"
	"sync"
)

// ErrorCount is one kind of error that clients met, and how often.
type ErrorCount struct {
	// Where it was met: unknown and rejected for receipts, connection, receive, ack.
	Where string
	Text  string
	Count int64
}

// maxErrors bounds how many different texts are kept; texts may carry ports and ids.
const maxErrors = 100

// errorCounts counts errors by their text. Errors are rare, so a lock is cheap enough.
type errorCounts struct {
	mu     sync.Mutex
	counts map[ErrorCount]int64
	others int64
}

func (e *errorCounts) note(where string, err error) {
	text := "no reason given"
	if err != nil {
		text = err.Error()
	}
	key := ErrorCount{Where: where, Text: text}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		e.counts = make(map[ErrorCount]int64)
	}
	if _, known := e.counts[key]; !known && len(e.counts) >= maxErrors {
		e.others++
		return
	}
	e.counts[key]++
}

// list returns the counts, the most frequent first.
func (e *errorCounts) list() []ErrorCount {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]ErrorCount, 0, len(e.counts)+1)
	for key, n := range e.counts {
		key.Count = n
		out = append(out, key)
	}
	slices.SortFunc(out, func(a, b ErrorCount) int {
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return strings.Compare(a.Where+a.Text, b.Where+b.Text)
	})
	if e.others > 0 {
		out = append(out, ErrorCount{Where: "other", Text: "errors of other kinds", Count: e.others})
	}
	return out
}

// merge adds other's counts.
func (e *errorCounts) merge(other *errorCounts) {
	for _, c := range other.list() {
		key := ErrorCount{Where: c.Where, Text: c.Text}
		if e.counts == nil {
			e.counts = make(map[ErrorCount]int64)
		}
		e.counts[key] += c.Count
	}
}
