package judge

import "slices"

// A set holds sequence numbers of one lane. Sequence numbers are dense and arrive nearly in order, so the set is a watermark, below which
// everything is in and above which nothing is, and a sorted list of chunks for the pages where that is not so. A chunk holds a bitmap
// while its page is filling, and a short list once few numbers of it are missing, so a hole that stays costs some bytes and not a
// page. In order, adding a number is one comparison and one increment; at worst a set takes one bit per number.
//
// The zero value is empty.
type set struct {
	base   uint64
	chunks *chunks
}

// limit is above every number a set can hold. The book takes higher sequence numbers for phantoms at once.
const limit = uint64(1) << 48

const (
	pageBits = 12
	pageSize = 1 << pageBits
	// listMax is how many offsets a chunk keeps as a list. A list of 32 takes an eighth of a bitmap.
	listMax = 32
	// openPages is how many of the highest chunks are left as they are, for they are probably still filling.
	openPages = 4
)

type bitmap [pageSize / 64]uint64

type chunkKind uint8

const (
	// few chunks list the offsets that are in. Without any they may stand for a run of pages.
	few chunkKind = iota
	// most chunks list the offsets that are missing.
	most
	// mixed chunks have a bitmap.
	mixed
)

// chunk says what is in the pages from page to page+run-1. Only an empty one has a run above 1; a full one does not exist.
type chunk struct {
	page, run uint64
	list      []uint16
	bits      *bitmap
	count     uint16 // of a mixed chunk: how many are in
	kind      chunkKind
}

// chunks are the pages of a set that its watermark does not describe: pages below it that are not full, pages above that are not empty.
type chunks struct {
	list []chunk
	// top is the page after the last chunk.
	top uint64
}

// pool keeps pages for the sets of one owner, which all belong to one goroutine or to one lock.
type pool struct {
	bits   []*bitmap
	chunks []*chunks
}

// poolMax bounds how many spare pages an owner keeps: 64 KiB.
const poolMax = 128

func (p *pool) getBits() *bitmap {
	if n := len(p.bits); n > 0 {
		b := p.bits[n-1]
		p.bits = p.bits[:n-1]
		*b = bitmap{}
		return b
	}
	return new(bitmap)
}

func (p *pool) putBits(b *bitmap) {
	if b != nil && len(p.bits) < poolMax {
		p.bits = append(p.bits, b)
	}
}

func (p *pool) getChunks() *chunks {
	if n := len(p.chunks); n > 0 {
		c := p.chunks[n-1]
		p.chunks = p.chunks[:n-1]
		return c
	}
	return new(chunks)
}

func (p *pool) putChunks(c *chunks) {
	if len(p.chunks) < poolMax && cap(c.list) <= 2*openPages {
		*c = chunks{list: c.list[:0]}
		p.chunks = append(p.chunks, c)
	}
}

// add puts n in and tells whether it was not in before.
func (s *set) add(n uint64, p *pool) bool {
	if s.next(n) {
		s.base++
		return true
	}
	return s.addOdd(n, p)
}

// next tells whether n is the watermark and nothing above it is in: then numbers from n on are put in by lifting the watermark.
func (s *set) next(n uint64) bool {
	return n == s.base && (s.chunks == nil || n>>pageBits >= s.chunks.top)
}

// addOdd is add where n is not simply the next one.
func (s *set) addOdd(n uint64, p *pool) bool {
	page := n >> pageBits
	i, found := s.find(page)
	if !found {
		if n < s.base {
			return false
		}
		if n == s.base {
			s.base++
			return true
		}
		s.open(i, page, p)
	}
	c := &s.chunks.list[i]
	if c.run > 1 {
		i = s.isolate(i, page)
		c = &s.chunks.list[i]
	}
	added, full := c.add(uint16(n&(pageSize-1)), p)
	if full {
		s.settle(i, p)
	}
	return added
}

// add puts one offset in, and tells whether it is new and whether the page is full now.
func (c *chunk) add(offset uint16, p *pool) (added, full bool) {
	switch c.kind {
	case few:
		at, found := slices.BinarySearch(c.list, offset)
		if found {
			return false, false
		}
		if len(c.list) < listMax {
			c.list = slices.Insert(c.list, at, offset)
			return true, false
		}
		c.spread(p)
	case most:
		at, found := slices.BinarySearch(c.list, offset)
		if found {
			c.list = slices.Delete(c.list, at, at+1)
		}
		return found, len(c.list) == 0
	case mixed:
	}
	word, bit := &c.bits[offset/64], uint64(1)<<(offset%64)
	if *word&bit != 0 {
		return false, false
	}
	*word |= bit
	c.count++
	return true, c.count == pageSize
}

// spread turns a list of what is in into a bitmap.
func (c *chunk) spread(p *pool) {
	c.bits, c.kind, c.count = p.getBits(), mixed, uint16(len(c.list))
	for _, offset := range c.list {
		c.bits[offset/64] |= 1 << (offset % 64)
	}
	c.list = nil
}

// has tells whether n is in.
func (s *set) has(n uint64) bool {
	i, found := s.find(n >> pageBits)
	if !found {
		return n < s.base
	}
	c := &s.chunks.list[i]
	offset := uint16(n & (pageSize - 1))
	switch c.kind {
	case few:
		_, in := slices.BinarySearch(c.list, offset)
		return in
	case most:
		_, out := slices.BinarySearch(c.list, offset)
		return !out
	default:
		return c.bits[offset/64]&(1<<(offset%64)) != 0
	}
}

// empty tells whether nothing is in.
func (s *set) empty() bool { return s.base == 0 && s.chunks == nil }
