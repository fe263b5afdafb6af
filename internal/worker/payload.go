package worker

import (
	"math/rand/v2"

	"ordeal/internal/message"
)

// filler gives bodies their bytes: slices of one random block, so that a body costs a copy and no two neighbours are alike.
type filler struct {
	block    []byte
	seed     uint64
	min, max int
}

// fillerSpan is how far the slices may begin from the block's start; a power of two.
const fillerSpan = 1 << 14

func newFiller(seed uint64, least, most int) *filler {
	f := &filler{block: make([]byte, fillerSpan+most), seed: seed, min: least, max: most}
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24), byte(seed >> 32)})
	source.Read(f.block) //nolint:errcheck // documented never to fail
	return f
}

// size of message n's body.
func (f *filler) size(n uint64) int {
	if f.min == f.max {
		return f.min
	}
	return f.min + int(mix(f.seed^n)%uint64(f.max-f.min+1))
}

// fill writes message n's body behind where its stamp goes.
func (f *filler) fill(body []byte, n uint64) {
	at := int(n*61) & (fillerSpan - 1)
	copy(body[message.HeaderSize:], f.block[at:])
}
