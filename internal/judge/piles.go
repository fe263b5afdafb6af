package judge

import (
	"sort"

	"ordeal/internal/message"
)

// placing is an unflagged delivery that waits for its turn, or a streak of them (history.Delivery.Extend).
type placing struct {
	id          message.ID
	position    message.Position
	index       uint64
	at          int64
	following   uint32
	stride      uint32
	arrival     uint32 // counts those of the shard; it may overflow
	incarnation uint16
}

// many is how many deliveries wait in it.
func (p *placing) many() int { return int(p.following) + 1 }

// end is the position of the last of them.
func (p *placing) end() message.Position {
	end := p.position
	end.Minor += uint64(p.following)
	return end
}

// cut takes the first of a streak off, which becomes one less.
func (p *placing) cut() placing {
	first := *p
	first.following = 0
	p.id.Seq++
	p.position.Minor++
	p.index += uint64(p.stride)
	p.following--
	return first
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
	list     []pile // none is empty
	count    int    // of deliveries
	arrivals uint32
}

// pile is sorted; what lies before head was taken.
type pile struct {
	of   []placing
	head int
}

func (p *pile) first() *placing { return &p.of[p.head] }
func (p *pile) last() *placing  { return &p.of[len(p.of)-1] }

// add puts w in, and tells whether it could: a streak is not taken where another pile ends within it, which would spoil their order.
func (s *piles) add(w placing, r *rooms) bool {
	at := sort.Search(len(s.list), func(i int) bool { return !w.position.Before(s.list[i].last().end()) })
	if w.following > 0 && at > 0 && !w.end().Before(s.list[at-1].last().end()) {
		return false
	}
	s.count += w.many()
	s.arrivals++
	w.arrival = s.arrivals
	if at == len(s.list) {
		s.list = append(s.list, pile{of: r.take()})
	}
	p := &s.list[at]
	// What was taken makes room once it is more than half, so that on the whole each is moved less than once.
	if len(p.of) == cap(p.of) && p.head > len(p.of)/2 {
		p.of, p.head = append(p.of[:0], p.of[p.head:]...), 0
	}
	p.of = append(p.of, w)
	return true
}

// lowest is what would come out next; there must be something.
func (s *piles) lowest() *placing {
	low := s.list[0].first()
	for i := 1; i < len(s.list); i++ {
		if w := s.list[i].first(); low.after(w) {
			low = w
		}
	}
	return low
}

// rooms keeps the memory of piles that became empty, for all shards of a group.
type rooms [][]placing

const (
	// roomMax is how much memory is kept, in deliveries: members take turns in being ahead, and each pile would keep the room for all.
	roomMax  = 1024
	roomsMax = 16
)

func (r *rooms) take() (room []placing) {
	if n := len(*r); n > 0 {
		room, *r = (*r)[n-1], (*r)[:n-1]
	}
	return room
}

func (r *rooms) put(room []placing) {
	if cap(room) <= roomMax && len(*r) < roomsMax {
		*r = append(*r, room[:0])
	}
}

// merge takes out of piles in the order of positions. It is kept for its memory.
type merge struct {
	from *piles
	// heap are the numbers of the piles that have something, that with the lowest head first.
	heap []int
	// part is what next cut off a streak.
	part placing
}

func (m *merge) begin(from *piles) {
	m.from, m.heap = from, m.heap[:0]
	for i := range from.list {
		m.heap = append(m.heap, i)
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
}

// lowest is what next would take; nil where there is nothing.
func (m *merge) lowest() *placing {
	if len(m.heap) == 0 {
		return nil
	}
	return m.head(m.heap[0])
}

// next takes the lowest, which is good until the next call: a whole streak, or its first where something else may lie within it.
func (m *merge) next() *placing {
	p := &m.from.list[m.heap[0]]
	w := p.first()
	if w.following > 0 && !m.clear(w.end()) {
		m.part = w.cut()
		m.from.count--
		m.sink(0)
		return &m.part
	}
	m.from.count -= w.many()
	if p.head++; p.head == len(p.of) {
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	m.sink(0)
	return w
}

// clear tells whether all but the lowest pile begin behind end.
func (m *merge) clear(end message.Position) bool {
	for i := 1; i < min(3, len(m.heap)); i++ {
		if !end.Before(m.head(m.heap[i]).position) {
			return false
		}
	}
	return true
}

func (m *merge) head(pile int) *placing { return m.from.list[pile].first() }

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

// end removes the piles that are empty now.
func (m *merge) end(r *rooms) {
	list, kept := m.from.list, 0
	for i := range list {
		if p := &list[i]; p.head == len(p.of) {
			r.put(p.of)
			continue
		}
		list[kept] = list[i]
		kept++
	}
	clear(list[kept:])
	m.from.list, m.from = list[:kept], nil
}
