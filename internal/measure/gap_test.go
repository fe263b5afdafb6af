package measure

import (
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestGaps(t *testing.T) {
	phases := []Span{{Start: 0, End: 100}, {Start: 100, End: 200}, {Start: 200, End: 300}}
	tests := []struct {
		name     string
		observed []int64
		end      int64
		want     []int64
	}{
		{"nothing", nil, 300, []int64{100, 100, 100}},
		{"nothing in the first phase", []int64{110, 120}, 130, []int64{100, 10, 0}},
		{"until the first", []int64{50, 60}, 70, []int64{50, 0, 0}},
		{"the first at 0", []int64{0, 30}, 30, []int64{30, 0, 0}},
		{"the longest", []int64{10, 30, 35, 60, 61}, 61, []int64{25, 0, 0}},
		{"over a border", []int64{5, 90, 130}, 130, []int64{85, 30, 0}},
		{"over a whole phase", []int64{90, 210}, 210, []int64{90, 100, 10}},
		{"open at the end", []int64{90}, 300, []int64{90, 100, 100}},
		{"open in the middle", []int64{90}, 150, []int64{90, 50, 0}},
		{"beyond the end", []int64{290, 500}, 900, []int64{100, 100, 90}},
		{"a reading that is late", []int64{50, 40, 75}, 75, []int64{50, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := NewGaps(phases)
			for _, at := range tt.observed {
				g.Observe(at)
			}
			g.Finish(tt.end)
			for i, want := range tt.want {
				if got := g.Max(i); got != want {
					t.Errorf("phase %d: %d, want %d", i, got, want)
				}
			}
		})
	}
}

// Members that share a Gaps see what one alone would have seen.
func TestGapsOfAGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, 1000), 2, 50).Draw(t, "times")
		slices.Sort(times)
		phases := []Span{{Start: 0, End: 400}, {Start: 400, End: 1000}}
		alone, shared := NewGaps(phases), NewGaps(phases)
		for _, at := range times {
			alone.Observe(at)
		}
		turn := make([]chan struct{}, len(times)+1)
		for i := range turn {
			turn[i] = make(chan struct{})
		}
		close(turn[0])
		var wg sync.WaitGroup
		for i, at := range times {
			wg.Go(func() {
				<-turn[i]
				shared.Observe(at)
				close(turn[i+1])
			})
		}
		wg.Wait()
		for i := range phases {
			if alone.Max(i) != shared.Max(i) {
				t.Fatalf("phase %d: %d alone, %d shared", i, alone.Max(i), shared.Max(i))
			}
		}
	})
}

// Unordered, at once: no gap may be longer than the truth, and the race detector watches.
func TestGapsAtOnce(t *testing.T) {
	g := NewGaps([]Span{{End: 1 << 40}})
	var wg sync.WaitGroup
	for member := range int64(4) {
		wg.Go(func() {
			for at := member; at < 4000; at += 4 {
				g.Observe(at)
			}
		})
	}
	wg.Wait()
	g.Finish(3999)
	if got := g.Max(0); got < 1 || got > 3999 {
		t.Errorf("the longest gap is %d", got)
	}
}

func TestPhaseAt(t *testing.T) {
	phases := []Span{{Start: 10, End: 20}, {Start: 20, End: 30}}
	for at, want := range map[int64]int{-5: 0, 10: 0, 19: 0, 20: 1, 29: 1, 30: 1, 1 << 60: 1} {
		if got := PhaseAt(phases, at); got != want {
			t.Errorf("PhaseAt(%d) = %d, want %d", at, got, want)
		}
	}
	if got := PhaseAt(nil, 5); got != 0 {
		t.Errorf("PhaseAt without phases = %d", got)
	}
}

// A gap is whole in the phase in which it began, wherever it ended.
func TestWholeGaps(t *testing.T) {
	g := NewGaps([]Span{{Start: 0, End: 100}, {Start: 100, End: 200}, {Start: 200, End: 300}})
	for _, at := range []int64{10, 90, 230, 240, 290, 350} {
		g.Observe(at)
	}
	g.Finish(300)
	for i, want := range []int64{140, 0, 60} {
		if got := g.Whole(i); got != want {
			t.Errorf("phase %d: %d, want %d", i, got, want)
		}
	}
}
