package worker

import (
	"encoding/binary"
	"math/rand/v2"

	"ordeal/internal/message"
)

// filler gives bodies their bytes: slices of one random block. What lies behind the stamp stays in a slot's memory from one message to the
// next, so that a message costs its stamp alone. Two in flight are alike only if their slots were first used a multiple of fillerSpan
// messages apart.
type filler struct {
	block    []byte
	seed     uint64
	min, max int
	sealer   *message.Sealer // nil where sizes differ
}

// fillerSpan is how far the slices may begin from the block's start; a power of two.
const fillerSpan = 1 << 14

func newFiller(seed uint64, least, most int) *filler {
	f := &filler{block: make([]byte, fillerSpan+most), seed: seed, min: least, max: most}
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24), byte(seed >> 32)})
	source.Read(f.block) //nolint:errcheck // documented never to fail
	if least == most {
		f.sealer = message.NewSealer(most)
	}
	return f
}

// size of message n's body.
func (f *filler) size(n uint64) int {
	if f.min == f.max {
		return f.min
	}
	return f.min + int(mix(f.seed^n)%uint64(f.max-f.min+1))
}

// make makes slot i's memory the contents of message n, with that stamp.
func (f *filler) make(w *window, i uint32, n uint64, stamp *message.Stamp) {
	s := w.slot(i)
	if w.size > 0 {
		body := w.body(i)
		if s.marks()&filled == 0 {
			f.fill(body, n)
			s.setRest(f.sealer.Rest(body))
			s.setMarks(s.marks() | filled)
		}
		f.sealer.Put(body, stamp, s.rest())
		return
	}
	c := &w.contents[i]
	if size := f.size(n); cap(c.body) >= size {
		c.body = c.body[:size]
	} else {
		c.body = make([]byte, size)
		f.fill(c.body, n)
		if f.sealer != nil {
			c.rest = f.sealer.Rest(c.body)
		}
	}
	if f.sealer != nil {
		f.sealer.Put(c.body, stamp, c.rest)
	} else {
		message.Put(c.body, stamp)
	}
	// Word by word, as it was written, or the processor would wait. The first is the checksum's, which settling does not read.
	for at := 8; at < message.HeaderSize; at += 8 {
		binary.LittleEndian.PutUint64(s[slotState+at:], binary.LittleEndian.Uint64(c.body[at:]))
	}
}

// fill makes what is to lie behind the stamp.
func (f *filler) fill(body []byte, n uint64) {
	at := int(n*61) & (fillerSpan - 1)
	copy(body[message.HeaderSize:], f.block[at:])
}
