package engine

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ordeal/internal/history"
	"ordeal/internal/judge"
	"ordeal/internal/message"
	"ordeal/reports"
)

// A history is a file, and may tell of deliveries to a group that its plan does not have. A life with such a delivery says so.
func TestLifeWithAnUnknownGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.bin")
	w, err := history.Create(path, history.Header{Run: "test"})
	if err != nil {
		t.Fatal(err)
	}
	id := message.ID{Producer: 1, Seq: 3}
	for _, group := range []uint32{0, 1, 1 << 31} {
		w.Group(group).Deliveries([]history.Delivery{{ID: id, Index: 3, Group: group, At: int64(group)}})
	}
	if _, err := w.Close(nil); err != nil {
		t.Fatal(err)
	}
	reader, err := history.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() //nolint:errcheck // it was only read
	b := biography{reader: reader, plan: judge.Plan{
		Producers: []judge.Producer{{ID: 1, Name: "checkout", Topic: "orders"}}, Groups: []judge.Group{{Name: "payment", Topic: "orders"}},
	}}
	checks := []reports.Check{{Examples: []reports.Example{{Message: "checkout/0/3", Kind: judge.Unexplained.String()}}}}
	if err := b.fill(checks, [][]message.ID{{id}}); err != nil {
		t.Fatal(err)
	}
	var notes []string
	for _, s := range checks[0].Examples[0].Life {
		notes = append(notes, s.Note)
	}
	const unknown = ", which the history's plan does not have"
	want := []string{"group number 1" + unknown, "group number 2147483648" + unknown, "group payment"}
	slices.Sort(notes) // groups write their histories independently of one another
	if got := strings.Join(notes, "; "); got != strings.Join(want, "; ") {
		t.Errorf("delivered to %s, want %q", got, want)
	}
}
