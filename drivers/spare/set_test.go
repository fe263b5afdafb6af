package spare

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSetGivesTheLowest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 200).Draw(t, "size")
		s, model := Full(size), map[uint32]bool{}
		for i := range size {
			model[uint32(i)] = true
		}
		var taken []uint32
		for range rapid.IntRange(0, 500).Draw(t, "steps") {
			if len(taken) > 0 && rapid.Bool().Draw(t, "add") {
				i := rapid.IntRange(0, len(taken)-1).Draw(t, "which")
				s.Add(taken[i])
				model[taken[i]] = true
				taken = slices.Delete(taken, i, i+1)
			} else {
				n, ok := s.Take()
				if ok != (len(model) > 0) || ok && n != slices.Min(slices.Collect(maps.Keys(model))) {
					t.Fatalf("took %d, %v of %v", n, ok, model)
				}
				if ok {
					delete(model, n)
					taken = append(taken, n)
				}
			}
			if s.Len() != len(model) {
				t.Fatalf("length %d, want %d", s.Len(), len(model))
			}
		}
	})
}
