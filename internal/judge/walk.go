package judge

import "math/bits"

// at describes the stretch of numbers that n begins or lies in: it ends before end, and is all in (full), all out, or as the bitmap
// of n's page says. The bitmap is the set's own or scratch, and is nil where the stretch is uniform.
func (s *set) at(n uint64, scratch *bitmap) (end uint64, full bool, words *bitmap) {
	i, found := s.find(n >> pageBits)
	if !found {
		end = limit
		if s.chunks != nil && i < len(s.chunks.list) {
			end = s.chunks.list[i].page << pageBits
		}
		if n < s.base {
			return min(end, s.base), true, nil
		}
		return end, false, nil
	}
	c := &s.chunks.list[i]
	end = (c.page + c.run) << pageBits
	switch {
	case c.kind == mixed:
		return end, false, c.bits
	case c.kind == few && len(c.list) == 0:
		return end, false, nil
	}
	*scratch = bitmap{}
	for _, offset := range c.list {
		scratch[offset/64] |= 1 << (offset % 64)
	}
	if c.kind == most {
		for w := range scratch {
			scratch[w] = ^scratch[w]
		}
	}
	return end, false, scratch
}

// combine is a bitwise rule by which two sets make a third.
type combine func(a, b uint64) uint64

func inBoth(a, b uint64) uint64    { return a & b }
func onlyFirst(a, b uint64) uint64 { return a &^ b }

// walk calls visit for runs [from, to) of numbers of [low, high) that combine lets through, in rising order. Runs that touch may come as
// several. It stops when visit returns false.
func walk(a, b *set, rule combine, low, high uint64, visit func(from, to uint64) bool) {
	var scratchA, scratchB bitmap
	for n := low; n < high; {
		endA, fullA, wordsA := a.at(n, &scratchA)
		endB, fullB, wordsB := b.at(n, &scratchB)
		end := min(endA, endB, high)
		if wordsA == nil && wordsB == nil {
			if rule(uniform(fullA), uniform(fullB)) != 0 && !visit(n, end) {
				return
			}
			n = end
			continue
		}
		for n < end {
			w := n % pageSize / 64
			stop := min(end, (n|63)+1)
			word := rule(wordOf(wordsA, fullA, w), wordOf(wordsB, fullB, w)) >> (n % 64)
			if stop-n < 64 {
				word &= 1<<(stop-n) - 1
			}
			if !visitWord(word, n, visit) {
				return
			}
			n = stop
		}
	}
}

func uniform(full bool) uint64 {
	if full {
		return ^uint64(0)
	}
	return 0
}

func wordOf(words *bitmap, full bool, w uint64) uint64 {
	if words == nil {
		return uniform(full)
	}
	return words[w]
}

// visitWord calls visit for the runs of ones in word, whose lowest bit stands for n.
func visitWord(word, n uint64, visit func(from, to uint64) bool) bool {
	for word != 0 {
		skip := uint64(bits.TrailingZeros64(word))
		word >>= skip
		n += skip
		length := uint64(bits.TrailingZeros64(^word))
		if !visit(n, n+length) {
			return false
		}
		word >>= length
		n += length
	}
	return true
}

// countRule is how many numbers of [low, high) the rule lets through.
func countRule(a, b *set, rule combine, low, high uint64) int64 {
	n := int64(0)
	walk(a, b, rule, low, high, func(from, to uint64) bool {
		n += int64(to - from)
		return true
	})
	return n
}

// count is how many numbers of [low, high) are in.
func (s *set) count(low, high uint64) int64 {
	if s.chunks == nil {
		return int64(max(low, min(s.base, high)) - low)
	}
	return countRule(s, s, inBoth, low, high)
}

// end is the number after the highest that is in; 0 for an empty set.
func (s *set) end() uint64 {
	if s.chunks == nil {
		return s.base
	}
	for i := len(s.chunks.list) - 1; i >= 0; i-- {
		c := &s.chunks.list[i]
		low, end := max(s.base, c.page<<pageBits), uint64(0)
		walk(s, s, inBoth, low, max(low, (c.page+c.run)<<pageBits), func(_, to uint64) bool {
			end = to
			return true
		})
		if end > 0 {
			return end
		}
		if low == s.base {
			break
		}
	}
	return s.base
}

// unite puts in everything that is in other.
func (s *set) unite(other *set, p *pool) {
	if other.empty() {
		return
	}
	if s.chunks == nil && other.chunks == nil {
		s.base = max(s.base, other.base)
		return
	}
	walk(other, other, inBoth, 0, limit, func(from, to uint64) bool {
		s.addRun(from, to, p)
		return true
	})
}

// addRun puts in all of [from, to).
func (s *set) addRun(from, to uint64, p *pool) {
	if s.next(from) || s.chunks == nil && from <= s.base {
		s.base = max(s.base, to)
		return
	}
	for n := from; n < to; {
		if n%pageSize == 0 && to-n >= pageSize {
			s.addPage(n>>pageBits, p)
			n += pageSize
			continue
		}
		s.add(n, p)
		n++
	}
}

// any tells whether one of [from, to) is in.
func (s *set) any(from, to uint64) bool {
	if s.next(from) {
		return false
	}
	found := false
	walk(s, s, inBoth, from, to, func(uint64, uint64) bool {
		found = true
		return false
	})
	return found
}

// addNew is addRun where none of [from, to) is in.
func (s *set) addNew(from, to uint64, p *pool) {
	if s.next(from) {
		s.base = to
		return
	}
	for n := from; n < to; {
		i, found := s.find(n >> pageBits)
		if !found || s.chunks.list[i].kind != mixed {
			s.add(n, p)
			n++
			continue
		}
		c, end := &s.chunks.list[i], min(to, (n|(pageSize-1))+1)
		c.count += uint16(end - n)
		for n < end {
			stop := min(end, (n|63)+1)
			c.bits[n%pageSize/64] |= ^uint64(0) >> (64 - (stop - n)) << (n % 64)
			n = stop
		}
		if c.count == pageSize {
			s.settle(i, p)
		}
	}
}

// addPage puts in all of one page.
func (s *set) addPage(page uint64, p *pool) {
	i, found := s.find(page)
	switch {
	case found && s.chunks.list[i].run > 1:
		i = s.isolate(i, page)
	case found:
	case (page+1)<<pageBits <= s.base:
		return
	default:
		s.open(i, page, p)
	}
	s.settle(i, p)
}

// drop takes out everything that is in other.
func (s *set) drop(other *set, p *pool) {
	var rest set
	walk(s, other, onlyFirst, 0, limit, func(from, to uint64) bool {
		rest.addRun(from, to, p)
		return true
	})
	*s = rest
}
