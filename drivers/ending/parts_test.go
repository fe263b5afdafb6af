package ending

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestParts holds a set against a map: what is added stays until it is forgotten, and nothing is added once it was closed.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var parts Parts[int]
		want, closed := map[int]bool{}, false
		same := func(got []int) bool {
			slices.Sort(got)
			return slices.Equal(got, slices.Sorted(maps.Keys(want)))
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			p := rapid.IntRange(0, 5).Draw(t, "part")
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				got, first := parts.Close()
				if first == closed || first && !same(got) || !first && got != nil {
					t.Fatalf("closed before %v: closing tells %v and %v, want %v", closed, first, got, want)
				}
				closed = true
			case 1, 2, 3:
				if got := parts.Forget(p); got != want[p] {
					t.Fatalf("part %d was known: %v, want %v", p, got, want[p])
				}
				delete(want, p)
			default:
				if err := parts.Add(p); closed != errors.Is(err, ErrClosed) || !closed && err != nil {
					t.Fatalf("closed %v: %v", closed, err)
				}
				if !closed {
					want[p] = true
				}
			}
			if got := parts.All(); !same(got) || parts.Closed() != closed {
				t.Fatalf("%v, closed %v; want %v, closed %v", got, parts.Closed(), want, closed)
			}
		}
	})
}

// TestPartsAddedWhileClosing: whoever adds while somebody closes keeps the part, or the one who closes has it, and never both or neither.
func TestPartsAddedWhileClosing(t *testing.T) {
	for range 200 {
		var parts Parts[int]
		var all sync.WaitGroup
		kept := make([]bool, 8)
		for i := range kept {
			all.Go(func() { kept[i] = parts.Add(i) != nil })
		}
		got, _ := parts.Close()
		all.Wait()
		for i := range kept {
			if kept[i] == slices.Contains(got, i) {
				t.Fatalf("part %d: kept %v, and closed with the session: %v", i, kept[i], !kept[i])
			}
		}
	}
}
