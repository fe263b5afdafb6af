package nats

import (
	"cmp"
	"slices"
)

// held keeps the ack subjects of the messages that a consumer has not answered. A tag is a place's number in its low half and its
// generation above, so that the tag of a message that was answered before finds nothing. Nothing is allocated once all places have been in
// use.
type held struct {
	places []place
	free   []uint32
	count  int
}

type place struct {
	subject    []byte
	seq        uint64
	generation uint32
	taken      bool
}

func (h *held) put(subject []byte, seq uint64) (tag uint64) {
	if len(h.free) == 0 {
		h.free = append(h.free, uint32(len(h.places)))
		h.places = append(h.places, place{})
	}
	number := h.free[len(h.free)-1]
	h.free = h.free[:len(h.free)-1]
	p := &h.places[number]
	p.subject, p.seq, p.taken = append(p.subject[:0], subject...), seq, true
	h.count++
	return uint64(p.generation)<<32 | uint64(number)
}

// remove returns the subject of tag, nil where there is none any more. It is good until the next put.
func (h *held) remove(tag uint64) []byte {
	number := uint32(tag)
	if int(number) >= len(h.places) {
		return nil
	}
	p := &h.places[number]
	if !p.taken || p.generation != uint32(tag>>32) {
		return nil
	}
	p.taken = false
	p.generation++
	h.free = append(h.free, number)
	h.count--
	return p.subject
}

// all returns the subjects of what is held, in the order of the stream.
func (h *held) all() [][]byte {
	var taken []*place
	for i := range h.places {
		if h.places[i].taken {
			taken = append(taken, &h.places[i])
		}
	}
	slices.SortFunc(taken, func(a, b *place) int { return cmp.Compare(a.seq, b.seq) })
	out := make([][]byte, 0, len(taken))
	for _, p := range taken {
		out = append(out, p.subject)
	}
	return out
}
