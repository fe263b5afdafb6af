package judge

import (
	"encoding/json"
	"fmt"

	"ordeal/internal/history"
)

// Saved fills a book from a saved history, so that a run can be judged again. The evidence is what the run saved; where the history is cut it
// says so, and nothing that rests on an absence can be concluded. A history without a plan is an error.
func Saved(r *history.Reader) (*Book, Evidence, error) {
	var plan Plan
	if err := json.Unmarshal(r.Header().Plan, &plan); err != nil {
		return nil, Evidence{}, fmt.Errorf("saved history: plan: %w", err)
	}
	book := NewBook(plan)
	cut, err := r.Replay(book)
	if err != nil {
		return nil, Evidence{}, fmt.Errorf("saved history: %w", err)
	}
	var ev Evidence
	if saved := r.Evidence(); len(saved) > 0 {
		if err := json.Unmarshal(saved, &ev); err != nil {
			return nil, Evidence{}, fmt.Errorf("saved history: evidence: %w", err)
		}
	}
	if cut.Why != "" {
		ev.HistoryCut = cut.String()
	}
	return book, ev, nil
}
