package judge

import (
	"encoding/json"
	"fmt"

	"ordeal/internal/history"
)

// Saved fills a book from a saved history whose header holds the plan, so that the run can be judged again. Where the history is cut, the
// caller puts Cut.String into Evidence.HistoryCut: nothing that rests on an absence can then be concluded.
func Saved(r *history.Reader) (*Book, history.Cut, error) {
	var plan Plan
	if err := json.Unmarshal(r.Header().Plan, &plan); err != nil {
		return nil, history.Cut{}, fmt.Errorf("judge a saved history: plan: %w", err)
	}
	book := NewBook(plan)
	cut, err := r.Replay(book)
	if err != nil {
		return nil, cut, fmt.Errorf("judge a saved history: %w", err)
	}
	return book, cut, nil
}
