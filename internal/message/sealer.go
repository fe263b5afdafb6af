package message

import (
	"encoding/binary"
	"hash/crc32"
)

// Sealer stamps bodies of one size, of which only the stamp changes, without reading the rest again and again: a CRC is linear, so those of
// a stamp and of what follows it make that of the whole (RFC 3385; zlib's crc32_combine does the same).
// Producers use it; it does not change, so any number of goroutines may. The zero value is of no use.
type Sealer struct {
	// beyond is what a register becomes when it is moved over as many zero bytes as a body has behind its stamp, byte by byte of the register.
	beyond [4][256]uint32
}

// NewSealer makes a sealer of bodies of size bytes, which must be at least HeaderSize.
func NewSealer(size int) *Sealer {
	s, zeros := &Sealer{}, make([]byte, size-HeaderSize)
	for k := range s.beyond {
		for bit := range 8 {
			one := 1 << bit
			moved := register(1<<(8*k+bit), zeros)
			for low := range one { // what the lower bits become is known
				s.beyond[k][one+low] = s.beyond[k][low] ^ moved
			}
		}
	}
	return s
}

// Rest sums up what lies behind the stamp of a body. It is good until that changes.
func (s *Sealer) Rest(body []byte) uint32 { return register(0, body[HeaderSize:]) }

// Put is the function Put for a body of the sealer's size with the given rest. For another size or rest the checksum is wrong.
func (s *Sealer) Put(body []byte, stamp *Stamp, rest uint32) {
	r := register(^write(body, stamp), body[8:HeaderSize])
	r = s.beyond[0][byte(r)] ^ s.beyond[1][byte(r>>8)] ^ s.beyond[2][byte(r>>16)] ^ s.beyond[3][byte(r>>24)]
	binary.LittleEndian.PutUint32(body[4:], ^(r ^ rest))
}

// register is what the register of CRC32C becomes of r by the bytes of p. The checksum is its complement, at the beginning and at the end.
func register(r uint32, p []byte) uint32 { return ^crc32.Update(^r, castagnoli, p) }
