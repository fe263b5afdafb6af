package redis

// seats count what a consumer holds unacknowledged. A tag is a seat's number in its low half and its generation above, so that the tag of
// a delivery that was answered before finds nothing.
type seats struct {
	generations []uint32
	taken       []bool
	free        []uint32
	count       int
}

func (s *seats) take() (tag uint64) {
	if len(s.free) == 0 {
		s.free = append(s.free, uint32(len(s.taken)))
		s.taken = append(s.taken, false)
		s.generations = append(s.generations, 0)
	}
	number := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	s.taken[number] = true
	s.count++
	return uint64(s.generations[number])<<32 | uint64(number)
}

// leave gives a seat back; false when it was given back before.
func (s *seats) leave(tag uint64) bool {
	number := uint32(tag)
	if int(number) >= len(s.taken) || !s.taken[number] || s.generations[number] != uint32(tag>>32) {
		return false
	}
	s.taken[number] = false
	s.generations[number]++
	s.free = append(s.free, number)
	s.count--
	return true
}
