// Package spare keeps the free places of a window, which is a slab of memory with one place for each message under way.
package spare

import "math/bits"

// Set is a set of free places by their numbers, which gives the lowest first. So a moderate rate uses a few places again and again, and
// they stay in the processor's cache; and a full window is gone through in the order of memory, whatever the order in which a broker's
// shards answer. It is one goroutine's, or guarded. The zero value has room for no place.
type Set struct {
	words []uint64
	low   int // no word before it has a member
	count int
}

// Full has all the numbers below size.
func Full(size int) Set {
	s := Set{words: make([]uint64, (size+63)/64)}
	for i := range size {
		s.Add(uint32(i))
	}
	return s
}

// Len is how many there are.
func (s *Set) Len() int { return s.count }

// Add puts in number i, which is below the size and not in.
func (s *Set) Add(i uint32) {
	word := int(i / 64)
	s.words[word] |= 1 << (i % 64)
	s.low = min(s.low, word)
	s.count++
}

// Take removes the lowest number; false where there is none.
func (s *Set) Take() (uint32, bool) {
	for ; s.low < len(s.words); s.low++ {
		if word := s.words[s.low]; word != 0 {
			s.words[s.low] = word & (word - 1)
			s.count--
			return uint32(64*s.low + bits.TrailingZeros64(word)), true
		}
	}
	return 0, false
}
