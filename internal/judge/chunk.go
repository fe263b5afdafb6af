package judge

import (
	"math/bits"
	"slices"
)

// find returns the chunk that covers page, or where it would have to be inserted.
func (s *set) find(page uint64) (int, bool) {
	if s.chunks == nil {
		return 0, false
	}
	list := s.chunks.list
	// Nearly always it is one of the last two.
	for i := len(list) - 1; i >= 0 && i >= len(list)-2; i-- {
		if page >= list[i].page {
			if page-list[i].page < list[i].run {
				return i, true
			}
			return i + 1, false
		}
	}
	low, high := 0, max(0, len(list)-2)
	for low < high {
		middle := (low + high) / 2
		if list[middle].page <= page {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low > 0 && page-list[low-1].page < list[low-1].run {
		return low - 1, true
	}
	return low, false
}

// open makes a chunk at index i for a page that has none and that the watermark does not lie above.
func (s *set) open(i int, page uint64, p *pool) {
	if s.chunks == nil {
		s.chunks = p.getChunks()
	}
	c := chunk{page: page, run: 1}
	if s.base>>pageBits == page {
		c.fillTo(s.base&(pageSize-1), p)
	}
	s.chunks.list = slices.Insert(s.chunks.list, i, c)
	s.chunks.top = max(s.chunks.top, page+1)
	if i == len(s.chunks.list)-1 {
		s.chunks.cool(p)
	}
}

// fillTo puts all offsets below end into an empty chunk.
func (c *chunk) fillTo(end uint64, p *pool) {
	if end == 0 {
		return
	}
	c.bits, c.kind, c.count = p.getBits(), mixed, uint16(end)
	for w := range end / 64 {
		c.bits[w] = ^uint64(0)
	}
	if end%64 != 0 {
		c.bits[end/64] = 1<<(end%64) - 1
	}
}

// cool turns bitmaps with few holes into lists, as soon as they are no longer among the highest.
func (cs *chunks) cool(p *pool) {
	for i := len(cs.list) - 1 - openPages; i >= 0; i-- {
		c := &cs.list[i]
		if c.kind != mixed || pageSize-int(c.count) > listMax {
			return
		}
		c.list = make([]uint16, 0, pageSize-int(c.count))
		for w, word := range c.bits {
			for missing := ^word; missing != 0; missing &= missing - 1 {
				c.list = append(c.list, uint16(w*64+bits.TrailingZeros64(missing)))
			}
		}
		p.putBits(c.bits)
		c.bits, c.kind = nil, most
	}
}

// isolate gives page, which lies in the run of empty pages at index i, a chunk of its own and returns its index.
func (s *set) isolate(i int, page uint64) int {
	run := s.chunks.list[i]
	var parts [3]chunk
	n := 0
	if before := page - run.page; before > 0 {
		parts[n] = chunk{page: run.page, run: before}
		n++
	}
	own := i + n
	parts[n] = chunk{page: page, run: 1}
	n++
	if after := run.page + run.run - page - 1; after > 0 {
		parts[n] = chunk{page: page + 1, run: after}
		n++
	}
	s.chunks.list = slices.Replace(s.chunks.list, i, i+1, parts[:n]...)
	return own
}

// settle removes the full chunk at index i: the watermark then has to lie above it, and what is not full below the watermark gets chunks.
func (s *set) settle(i int, p *pool) {
	full := s.chunks.list[i]
	p.putBits(full.bits)
	s.chunks.list = slices.Delete(s.chunks.list, i, i+1)
	if end := (full.page + 1) << pageBits; s.base < end {
		s.lift(i, full.page, p)
		s.base = end
	}
	if n := len(s.chunks.list); n > 0 {
		last := &s.chunks.list[n-1]
		s.chunks.top = last.page + last.run
	} else {
		p.putChunks(s.chunks)
		s.chunks = nil
	}
}

// lift gives chunks to all pages from the watermark's up to before to that have none. Index i is where to's chunk would be.
func (s *set) lift(i int, to uint64, p *pool) {
	for low := s.base >> pageBits; to > low; {
		before := uint64(0) // where the chunk before ends
		if i > 0 {
			before = s.chunks.list[i-1].page + s.chunks.list[i-1].run
		}
		if from := max(low, before); from < to {
			s.cover(i, from, to, p)
		}
		if before <= low {
			return
		}
		i--
		to = s.chunks.list[i].page
	}
}

// cover inserts chunks for the pages from up to before to, which lie at or above the watermark and have none.
func (s *set) cover(i int, from, to uint64, p *pool) {
	if offset := s.base & (pageSize - 1); from == s.base>>pageBits && offset != 0 {
		c := chunk{page: from, run: 1}
		c.fillTo(offset, p)
		s.chunks.list = slices.Insert(s.chunks.list, i, c)
		i, from = i+1, from+1
	}
	if from < to {
		s.chunks.list = slices.Insert(s.chunks.list, i, chunk{page: from, run: to - from})
	}
}
