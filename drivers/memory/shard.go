package memory

import (
	"cmp"
	"slices"
)

const (
	segmentBytes   = 64 << 10
	segmentEntries = 512
)

// segment is a stretch of a shard: bodies and keys in one piece of memory, so that storing a message allocates nothing of its own.
// Segments form a list. Groups hold on to the segment they read, and what is before all of them is garbage.
type segment struct {
	next    *segment
	arena   []byte
	entries []entry
}

// entry says where in the arena a message lies: the key first, then the body.
type entry struct {
	position uint64
	due      int64
	offset   uint32
	key      uint32
	body     uint32
	withheld bool
}

func newSegment(size int) *segment {
	return &segment{arena: make([]byte, 0, max(segmentBytes, size)), entries: make([]entry, 0, segmentEntries)}
}

// shard is a log of messages. The topic's lock guards it.
type shard struct {
	tail *segment
	// head is the oldest segment that is kept for replays; nil where none is kept.
	head *segment
	// floor is the oldest position that may be replayed, 0 as long as nothing was trimmed or freed.
	floor uint64
	// pending is a lie about the message at the end of the shard that is told once another one comes.
	pending *pending
	// position of the last message that was acked or stored, and of the last one that is really there.
	position, end uint64
	// stored counts the messages that are there.
	stored uint64
}

// pending is a message that is withheld as long as it is the last of its shard, and for good once it is not.
type pending struct {
	entry *entry
	lie   Lie
}

// skip uses up a position without storing anything.
func (s *shard) skip() uint64 {
	s.position++
	return s.position
}

// store appends a copy of a message and returns its position and the copy of its body.
func (s *shard) store(key, body []byte, due int64) (uint64, []byte) {
	size := len(key) + len(body)
	if seg := s.tail; len(seg.entries) == cap(seg.entries) || cap(seg.arena)-len(seg.arena) < size {
		s.tail = newSegment(size)
		seg.next = s.tail
	}
	seg := s.tail
	offset := len(seg.arena)
	seg.arena = append(append(seg.arena, key...), body...)
	s.position++
	s.stored++
	s.end = s.position
	seg.entries = append(seg.entries, entry{
		position: s.position, due: due, offset: uint32(offset), key: uint32(len(key)), body: uint32(len(body)),
	})
	return s.position, seg.arena[offset+len(key):]
}

// forget frees the oldest segment, unless it is the one in use, and returns how many bytes it held.
func (s *shard) forget() (freed int64) {
	if s.head == nil || s.head == s.tail {
		return 0
	}
	freed = int64(cap(s.head.arena))
	s.head = s.head.next
	if len(s.head.entries) > 0 {
		s.floor = max(s.floor, s.head.entries[0].position)
	}
	return freed
}

// last is the message at the end of the shard; store was called before.
func (s *shard) last() *entry { return &s.tail.entries[len(s.tail.entries)-1] }

// parcel makes a parcel of an entry of the segment, but for its shard.
func (s *segment) parcel(e *entry) parcel {
	body := e.offset + e.key
	end := body + e.body
	return parcel{key: s.arena[e.offset:body:body], body: s.arena[body:end:end], position: e.position, attempt: 1}
}

// cursor is how far one group has read one shard, and what came back to it. The topic's lock guards it.
type cursor struct {
	segment *segment
	index   int
	// taken counts the messages that were delivered at least once.
	taken    uint64
	returned []parcel
}

// parcel is a message on its way to or at a member. It holds the arena but not the segment, which would hold all that follow it.
type parcel struct {
	key, body []byte
	position  uint64
	shard     int32
	attempt   int32
}

func (p *parcel) size() int64 { return int64(len(p.key) + len(p.body)) }

// start puts the cursor behind everything that the shard holds.
func (c *cursor) start(s *shard) {
	*c = cursor{segment: s.tail, index: len(s.tail.entries), taken: s.stored}
}

// next returns the next message for the first time; false where there is none, or none that is due at now, with the time it will be. It
// passes over what is withheld, but not tail, of which it is not yet settled.
func (c *cursor) next(p *parcel, now int64, tail *pending) (due int64, ok bool) {
	for {
		e := c.peek()
		if e == nil || e.withheld && tail != nil && tail.entry == e {
			return 0, false
		}
		if e.due > now {
			return e.due, false
		}
		c.index++
		c.taken++
		if !e.withheld {
			*p = c.segment.parcel(e)
			return 0, true
		}
	}
}

// peek is the entry that comes next; nil at the end.
func (c *cursor) peek() *entry {
	for c.index == len(c.segment.entries) {
		if c.segment.next == nil {
			return nil
		}
		c.segment, c.index = c.segment.next, 0
	}
	return &c.segment.entries[c.index]
}

// giveBack takes parcels to be delivered again, oldest first.
func (c *cursor) giveBack(p ...parcel) {
	c.returned = append(c.returned, p...)
	slices.SortFunc(c.returned, func(a, b parcel) int { return cmp.Compare(a.position, b.position) })
}

// again returns the oldest of what came back.
func (c *cursor) again(p *parcel) bool {
	if len(c.returned) == 0 {
		return false
	}
	*p, c.returned[0] = c.returned[0], parcel{}
	c.returned = c.returned[1:]
	p.attempt++
	return true
}
