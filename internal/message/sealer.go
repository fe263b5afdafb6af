package message

import (
	"encoding/binary"
	"hash/crc32"
)

// Sealer stamps bodies of one size without reading the same bytes again and again. A CRC is linear, so that of a whole is put together of
// those of its parts, each with zeros in place of the others (RFC 3385; zlib's crc32_combine does the same). From one message to the next
// little more than the lowest bytes of some numbers changes, and what those do to the sum stands in tables.
// One producer uses it, one goroutine at a time. The zero value is of no use.
type Sealer struct {
	// beyond is what a register becomes when it is moved over as many zero bytes as a body has behind its stamp, byte by byte of the register.
	beyond places
	// seq, index and lane are what the lowest bytes of these do to the sum of the whole.
	seq, index, lane [256]uint32
	// sum is that of a stamp with these bytes zero: common.
	sum    uint32
	common Stamp
	summed bool
}

// places is what a register becomes by something linear, byte by byte of the register.
type places [4][256]uint32

func (p *places) of(r uint32) uint32 {
	return p[0][byte(r)] ^ p[1][byte(r>>8)] ^ p[2][byte(r>>16)] ^ p[3][byte(r>>24)]
}

// NewSealer makes a sealer of bodies of size bytes, which must be at least HeaderSize.
func NewSealer(size int) *Sealer {
	s, zeros := &Sealer{}, make([]byte, size-HeaderSize)
	for k := range s.beyond {
		tabulate(&s.beyond[k], func(one byte) uint32 { return register(uint32(one)<<(8*k), zeros) })
	}
	stamp := make([]byte, HeaderSize)
	for at, table := range map[int]*[256]uint32{16: &s.seq, 32: &s.index, 40: &s.lane} {
		tabulate(table, func(one byte) uint32 {
			stamp[at] = one
			r := s.beyond.of(register(0, stamp[8:]))
			stamp[at] = 0
			return r
		})
	}
	return s
}

// tabulate fills the table of a linear function from what that makes of single bits.
func tabulate(table *[256]uint32, linear func(one byte) uint32) {
	for bit := range 8 {
		one := 1 << bit
		r := linear(byte(one))
		for low := range one { // what the lower bits become is known
			table[one+low] = table[low] ^ r
		}
	}
}

// Rest sums up what lies behind the stamp of a body. It is good until that changes.
func (s *Sealer) Rest(body []byte) uint32 { return register(0, body[HeaderSize:]) }

// Put is the function Put for a body of the sealer's size with the given rest. For another size or rest the checksum is wrong.
func (s *Sealer) Put(body []byte, stamp *Stamp, rest uint32) {
	first := write(body, stamp)
	c := &s.common
	if (stamp.Seq^c.Seq)|(stamp.Index^c.Index)|uint64(stamp.Lane^c.Lane) > 0xff || stamp.Intended != c.Intended ||
		stamp.Incarnation != c.Incarnation || stamp.Producer != c.Producer || stamp.Run != c.Run || !s.summed {
		s.learn(body, stamp, first)
	}
	r := s.sum ^ s.seq[byte(stamp.Seq)] ^ s.index[byte(stamp.Index)] ^ s.lane[byte(stamp.Lane)]
	binary.LittleEndian.PutUint32(body[4:], ^(r ^ rest))
}

// learn makes common what stamp, which was just written, has in common with those that may follow it.
func (s *Sealer) learn(body []byte, stamp *Stamp, first uint32) {
	s.sum = s.beyond.of(register(^first, body[8:HeaderSize])) ^ s.seq[byte(stamp.Seq)] ^ s.index[byte(stamp.Index)] ^ s.lane[byte(stamp.Lane)]
	c := &s.common // field by field, for the stamp was put together a moment ago and the processor would wait for it to be whole
	c.Seq, c.Index, c.Lane = stamp.Seq&^0xff, stamp.Index&^0xff, stamp.Lane&^0xff
	c.Intended, c.Incarnation, c.Producer, c.Run, s.summed = stamp.Intended, stamp.Incarnation, stamp.Producer, stamp.Run, true
}

// register is what the register of CRC32C becomes of r by the bytes of p. The checksum is its complement, at the beginning and at the end.
func register(r uint32, p []byte) uint32 { return ^crc32.Update(^r, castagnoli, p) }
