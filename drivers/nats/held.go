package nats

import (
	"cmp"
	"slices"

	natsgo "github.com/nats-io/nats.go"
)

// held keeps the messages that a consumer has not answered. A tag is a place's number in its low half and its generation above, so that
// the tag of a message that was answered before finds nothing.
type held struct {
	places []place
	free   []uint32
	count  int
}

type place struct {
	msg        *natsgo.Msg
	generation uint32
}

func (h *held) put(m *natsgo.Msg) (tag uint64) {
	if len(h.free) == 0 {
		h.free = append(h.free, uint32(len(h.places)))
		h.places = append(h.places, place{})
	}
	number := h.free[len(h.free)-1]
	h.free = h.free[:len(h.free)-1]
	p := &h.places[number]
	p.msg = m
	h.count++
	return uint64(p.generation)<<32 | uint64(number)
}

// remove returns the message of tag, nil where there is none any more.
func (h *held) remove(tag uint64) *natsgo.Msg {
	number := uint32(tag)
	if int(number) >= len(h.places) {
		return nil
	}
	p := &h.places[number]
	if p.msg == nil || p.generation != uint32(tag>>32) {
		return nil
	}
	m := p.msg
	*p = place{generation: p.generation + 1}
	h.free = append(h.free, number)
	h.count--
	return m
}

// all returns what is held, in the order of the stream.
func (h *held) all() []*natsgo.Msg {
	out := make([]*natsgo.Msg, 0, h.count)
	for i := range h.places {
		if m := h.places[i].msg; m != nil {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *natsgo.Msg) int {
		first, _ := parseMetadata(a.Reply)
		second, _ := parseMetadata(b.Reply)
		return cmp.Compare(first.seq, second.seq)
	})
	return out
}
