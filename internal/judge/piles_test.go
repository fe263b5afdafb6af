package judge

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ordeal/internal/message"
)

// TestPiles: what comes out is what a stable sort gives, also of streaks, which lie within one another here.
func TestPiles(t *testing.T) {
	refused, whole := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := piles{arrivals: rapid.SampledFrom([]uint32{0, 1<<32 - 5, 1<<31 - 5}).Draw(t, "arrivals")}
		var m merge
		var r rooms
		var model []placing
		added := uint64(0)
		for range rapid.IntRange(1, 10).Draw(t, "rounds") {
			for _, minor := range rapid.SliceOfN(rapid.Uint64Range(0, 40), 0, 40).Draw(t, "positions") {
				added += 100
				w := placing{
					id: message.ID{Seq: added}, index: added, stride: 3,
					position:  message.Position{Major: rapid.Uint64Range(0, 1).Draw(t, "major"), Minor: minor, Known: true},
					following: rapid.SampledFrom([]uint32{0, 0, 1, 5}).Draw(t, "following"),
				}
				ones := apart(w)
				if !s.add(w, &r) {
					refused++
					for _, one := range ones {
						if !s.add(one, &r) {
							t.Fatalf("%+v was refused", one)
						}
					}
				}
				model = append(model, ones...)
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
			for i := 0; i < n; {
				low := *m.lowest()
				w := m.next()
				if w.id != low.id || w.position != low.position {
					t.Fatalf("%+v was taken, and %+v the lowest", *w, low)
				}
				if w.following > 0 {
					whole++
				}
				for _, one := range apart(*w) {
					if one.arrival = 0; one != model[i] {
						t.Fatalf("%d of %d: %+v, want %+v", i, n, one, model[i])
					}
					i++
				}
				n = max(n, i)
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
	if refused == 0 || whole == 0 {
		t.Errorf("%d streaks were refused, %d taken whole", refused, whole)
	}
}

// apart are the deliveries of a streak.
func apart(w placing) (ones []placing) {
	for w.following > 0 {
		ones = append(ones, w.cut())
	}
	return append(ones, w)
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
