package judge

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ordeal/internal/message"
)

// TestPiles: what comes out is what a stable sort gives.
func TestPiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := piles{arrivals: rapid.SampledFrom([]uint32{0, 1<<32 - 5, 1<<31 - 5}).Draw(t, "arrivals")}
		var m merge
		var r rooms
		var model []placing
		for range rapid.IntRange(1, 10).Draw(t, "rounds") {
			for _, major := range rapid.SliceOfN(rapid.Uint64Range(0, 20), 0, 40).Draw(t, "positions") {
				w := placing{
					id:       message.ID{Seq: uint64(s.arrivals)},
					position: message.Position{Major: major, Minor: rapid.Uint64Range(0, 1).Draw(t, "minor"), Known: true},
				}
				s.add(w, &r)
				model = append(model, w)
			}
			slices.SortStableFunc(model, func(a, b placing) int {
				switch {
				case a.position.Before(b.position):
					return -1
				case b.position.Before(a.position):
					return 1
				}
				return 0
			})
			n := rapid.IntRange(0, len(model)).Draw(t, "taken")
			if len(model) > 0 && s.lowest().id != model[0].id {
				t.Fatalf("the lowest is %+v, want %+v", s.lowest(), model[0])
			}
			m.begin(&s)
			for i := range n {
				low := m.lowest()
				if w := m.next(); w != low || w.id != model[i].id || w.position != model[i].position {
					t.Fatalf("%d of %d: %+v, want %+v", i, n, *w, model[i])
				}
			}
			if n == len(model) && m.lowest() != nil {
				t.Fatal("there is more than was put in")
			}
			m.end(&r)
			if model = model[n:]; s.count != len(model) {
				t.Fatalf("%d wait, want %d", s.count, len(model))
			}
		}
	})
}

// TestPilesAreAsManyAsMembers: what members bring in turns needs no more piles than there are members.
func TestPilesAreAsManyAsMembers(t *testing.T) {
	const members, batch = 4, 50
	var s piles
	var m merge
	var r rooms
	next := [members]uint64{0, 1, 2, 3}
	for round := range 1000 {
		for range batch {
			member := round * 7 % members
			s.add(placing{position: message.Position{Minor: next[member], Known: true}}, &r)
			next[member] += members
		}
		if len(s.list) > members {
			t.Fatalf("%d piles for %d members", len(s.list), members)
		}
		if s.count >= 400 {
			m.begin(&s)
			for range 200 {
				m.next()
			}
			m.end(&r)
		}
	}
}
