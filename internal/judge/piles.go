package judge

import (
	"sort"

	"ordeal/internal/message"
)

// placing is an unflagged delivery that waits for its turn.
type placing struct {
	id          message.ID
	position    message.Position
	index       uint64
	at          int64
	incarnation uint16
	arrival     uint32 // counts those of the shard; it may overflow
}

// after tells whether p's turn comes after q's: of two at one position, that of the first which arrived comes first.
func (p *placing) after(q *placing) bool {
	if p.position != q.position {
		return q.position.Before(p.position)
	}
	return int32(p.arrival-q.arrival) > 0
}

// piles hold what waits, sorted as far as it comes sorted: each member's deliveries do, so there are as many piles as there are members
// that take turns, and not more. (It is patience sorting: a pile ends higher than the next one.)
type piles struct {
	list     [][]placing
	count    int
	arrivals uint32
}

func (s *piles) add(w placing) {
	s.count++
	s.arrivals++
	w.arrival = s.arrivals
	at := sort.Search(len(s.list), func(i int) bool {
		pile := s.list[i]
		return !w.position.Before(pile[len(pile)-1].position)
	})
	if at < len(s.list) {
		s.list[at] = append(s.list[at], w)
		return
	}
	// One that became empty has left its memory behind the last.
	var room []placing
	if n := len(s.list); n < cap(s.list) {
		room = s.list[:n+1][n][:0]
	}
	s.list = append(s.list, append(room, w))
}

// merge takes out of piles in the order of positions. It is kept for its memory.
type merge struct {
	from *piles
	// heads are the numbers in each pile of what comes next; heap are the piles that have something, the one with the lowest head first.
	heads []int
	heap  []int
}

func (m *merge) begin(from *piles) {
	m.from, m.heads, m.heap = from, m.heads[:0], m.heap[:0]
	for i := range from.list {
		m.heads, m.heap = append(m.heads, 0), append(m.heap, i)
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
}

// next is what comes next, good until end; there must be something.
func (m *merge) next() *placing {
	pile := m.heap[0]
	w := m.head(pile)
	m.from.count--
	if m.heads[pile]++; m.heads[pile] == len(m.from.list[pile]) {
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	m.sink(0)
	return w
}

func (m *merge) head(pile int) *placing { return &m.from.list[pile][m.heads[pile]] }

// sink moves the pile at i of the heap down to where it belongs.
func (m *merge) sink(i int) {
	for {
		least := 2*i + 1
		if least >= len(m.heap) {
			return
		}
		if right := least + 1; right < len(m.heap) && m.head(m.heap[least]).after(m.head(m.heap[right])) {
			least = right
		}
		if !m.head(m.heap[i]).after(m.head(m.heap[least])) {
			return
		}
		m.heap[i], m.heap[least] = m.heap[least], m.heap[i]
		i = least
	}
}

// end removes what was taken. The memory of piles that are empty now is kept behind those that are not, but for large ones: members take
// turns in being ahead, and each pile would keep the room for all.
func (m *merge) end() {
	const alwaysKept = 256
	list, kept := m.from.list, 0
	for i, pile := range list {
		rest := pile[m.heads[i]:]
		if room := pile[:0]; cap(pile) <= alwaysKept || len(rest) >= cap(pile)/4 {
			rest = append(room, rest...)
		} else {
			rest = append(make([]placing, 0, len(rest)), rest...)
		}
		if list[i] = rest; len(rest) > 0 {
			list[i], list[kept] = list[kept], list[i]
			kept++
		}
	}
	m.from.list, m.from = list[:kept], nil
}
