package judge

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// oracle is a set as anyone would write it.
type oracle map[uint64]bool

func (o oracle) sorted() []uint64 { return slices.Sorted(maps.Keys(o)) }

// members lists what is in s of [low, high).
func members(s *set, low, high uint64) []uint64 {
	var out []uint64
	walk(s, s, inBoth, low, high, func(from, to uint64) bool {
		for n := from; n < to; n++ {
			out = append(out, n)
		}
		return true
	})
	return out
}

// fill makes a set and its oracle by a random sequence of the ways in which numbers arrive.
func fill(t *rapid.T, name string) (*set, oracle, *pool) {
	s, o, p := &set{}, oracle{}, &pool{}
	add := func(n uint64) {
		if got := s.add(n, p); got == o[n] {
			t.Fatalf("%s: add(%d) = %v, but it was %v that it is in", name, n, got, o[n])
		}
		o[n] = true
	}
	next := uint64(0)
	ways := []string{"in order", "skip", "sprinkle", "back", "duplicate", "far", "backwards", "fill holes", "at once"}
	for range rapid.IntRange(1, 12).Draw(t, name+" steps") {
		switch rapid.SampledFrom(ways).Draw(t, name+" way") {
		case "in order":
			for range rapid.IntRange(1, 3*pageSize).Draw(t, "count") {
				add(next)
				next++
			}
		case "skip":
			next += uint64(rapid.SampledFrom([]int{1, 2, 63, 64, 65, 100, pageSize - 1, pageSize, 5 * pageSize, 1 << 20}).Draw(t, "skipped"))
		case "sprinkle": // with holes
			every := uint64(rapid.IntRange(2, 300).Draw(t, "every"))
			for range rapid.IntRange(1, 2*pageSize).Draw(t, "count") {
				if next%every != 0 {
					add(next)
				}
				next++
			}
		case "back":
			next -= min(next, uint64(rapid.IntRange(0, 2*pageSize).Draw(t, "back")))
		case "duplicate":
			add(rapid.Uint64Range(0, max(1, next)).Draw(t, "n"))
		case "far":
			add(rapid.SampledFrom([]uint64{1 << 20, 1 << 32, limit - 1, limit - pageSize}).Draw(t, "n"))
		case "backwards":
			n := uint64(rapid.IntRange(1, 2*pageSize).Draw(t, "count"))
			for i := n; i > 0; i-- {
				add(next + i - 1)
			}
			next += n
		case "at once":
			from, length := next-min(next, uint64(rapid.IntRange(0, 100).Draw(t, "back"))), rapid.IntRange(1, 2*pageSize).Draw(t, "count")
			to := from + uint64(length)
			in := false
			for n := from; n < to; n++ {
				in = in || o[n]
			}
			if got := s.any(from, to); got != in {
				t.Fatalf("%s: any of [%d, %d) is %v, want %v", name, from, to, got, in)
			}
			if in {
				continue
			}
			s.addNew(from, to, p)
			for n := from; n < to; n++ {
				o[n] = true
			}
			next = max(next, to)
		case "fill holes":
			for n := range min(next, 20*pageSize) {
				if !o[n] {
					add(n)
				}
			}
		}
	}
	return s, o, p
}

func same(t *rapid.T, what string, s *set, want []uint64) {
	if got := members(s, 0, limit); !slices.Equal(got, want) {
		t.Fatalf("%s: %d members, want %d", what, len(got), len(want))
	}
	if got := s.count(0, limit); got != int64(len(want)) {
		t.Fatalf("%s: count %d, want %d", what, got, len(want))
	}
	end := uint64(0)
	if len(want) > 0 {
		end = want[len(want)-1] + 1
	}
	if got := s.end(); got != end {
		t.Fatalf("%s: end %d, want %d", what, got, end)
	}
	if s.chunks == nil {
		return
	}
	for i, c := range s.chunks.list {
		if i > 0 && c.page < s.chunks.list[i-1].page+s.chunks.list[i-1].run {
			t.Fatalf("%s: chunks overlap", what)
		}
		if c.kind == mixed && c.count == pageSize || c.kind == most && len(c.list) == 0 || c.run > 1 && len(c.list) > 0 {
			t.Fatalf("%s: chunk %+v should not exist", what, c)
		}
	}
}

func TestSetAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, o, _ := fill(t, "a")
		want := o.sorted()
		same(t, "set", s, want)
		for range 20 {
			n := rapid.Uint64Range(0, 20*pageSize).Draw(t, "asked")
			if s.has(n) != o[n] {
				t.Fatalf("has(%d) = %v", n, !o[n])
			}
		}
		low := rapid.Uint64Range(0, 10*pageSize).Draw(t, "low")
		high := low + rapid.Uint64Range(0, 5*pageSize).Draw(t, "length")
		n := int64(0)
		for m := range o {
			if m >= low && m < high {
				n++
			}
		}
		if got := s.count(low, high); got != n {
			t.Fatalf("count(%d, %d) = %d, want %d", low, high, got, n)
		}
	})
}

func TestSetsCombine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, oa, pa := fill(t, "a")
		b, ob, _ := fill(t, "b")
		var minus, both []uint64
		for _, n := range oa.sorted() {
			if ob[n] {
				both = append(both, n)
			} else {
				minus = append(minus, n)
			}
		}
		collect := func(rule combine) (out []uint64) {
			last := uint64(0)
			walk(a, b, rule, 0, limit, func(from, to uint64) bool {
				if from < last || to <= from {
					t.Fatalf("run [%d, %d) after %d", from, to, last)
				}
				for n := from; n < to; n++ {
					out = append(out, n)
				}
				last = to
				return true
			})
			return out
		}
		if got := collect(onlyFirst); !slices.Equal(got, minus) {
			t.Fatalf("a without b has %d members, want %d", len(got), len(minus))
		}
		if got := collect(inBoth); !slices.Equal(got, both) {
			t.Fatalf("a and b has %d members, want %d", len(got), len(both))
		}
		dropped := &set{}
		dropped.unite(a, pa)
		dropped.drop(b, pa)
		same(t, "a without b", dropped, minus)
		a.unite(b, pa)
		maps.Copy(oa, ob)
		same(t, "union", a, oa.sorted())
	})
}

func TestSetMemory(t *testing.T) {
	cost := func(s *set) (bytes int) {
		if s.chunks == nil {
			return 0
		}
		for i := range s.chunks.list {
			bytes += 64 + 2*cap(s.chunks.list[i].list)
			if s.chunks.list[i].bits != nil {
				bytes += pageSize / 8
			}
		}
		return bytes
	}
	const n = 4 << 20
	tests := []struct {
		name string
		skip func(i uint64) bool
		most int
	}{
		{"healthy", func(uint64) bool { return false }, 0},
		{"one in ten thousand lost", func(i uint64) bool { return i%10_000 == 77 }, 420 * 140},
		{"an outage", func(i uint64) bool { return i > 1e6 && i < 2e6 }, 2048},
		{"every other lost", func(i uint64) bool { return i%2 == 0 }, n / 8 * 5 / 4},
		{"the first half before the group joined", func(i uint64) bool { return i < n/2 }, 1024},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, p := &set{}, &pool{}
			for i := range uint64(n) {
				if !test.skip(i) {
					s.add(i, p)
				}
			}
			if got := cost(s); got > test.most {
				t.Errorf("%d bytes, want at most %d", got, test.most)
			}
		})
	}
	t.Run("invented numbers", func(t *testing.T) {
		s, p := &set{}, &pool{}
		for i := range uint64(1000) {
			s.add(limit-1-i*977*977, p)
		}
		if got := cost(s); got > 1000*100 {
			t.Errorf("%d bytes for 1000 far numbers", got)
		}
	})
}

// TestHolesFilledLate leaves holes in many pages, so that most pages have become lists, and fills them in from both ends.
func TestHolesFilledLate(t *testing.T) {
	const n = 12 * pageSize
	for _, every := range []uint64{10_000, 4000, 1000, 130, 100} {
		s, p := &set{}, &pool{}
		var holes []uint64
		for i := range uint64(n) {
			if i%every == every/2 {
				holes = append(holes, i)
			} else {
				s.add(i, p)
			}
		}
		for len(holes) > 0 {
			i := (len(holes) - 1) * (len(holes) % 2) // the last, the first, the last …
			if s.has(holes[i]) || !s.add(holes[i], p) || !s.has(holes[i]) || s.add(holes[i], p) {
				t.Fatalf("every %d: hole %d is not filled in", every, holes[i])
			}
			holes = slices.Delete(holes, i, i+1)
			for _, h := range holes {
				if s.has(h) {
					t.Fatalf("every %d: hole %d is gone", every, h)
				}
			}
			if got := s.count(0, n); got != int64(n-len(holes)) {
				t.Fatalf("every %d: %d members with %d holes", every, got, len(holes))
			}
		}
		if s.chunks != nil || s.base != n {
			t.Errorf("every %d: without holes the set is still %d chunks above %d", every, len(s.chunks.list), s.base)
		}
	}
}
