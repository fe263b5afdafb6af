// Package message gives every message an identity that survives any broker, and tells on arrival whether it is whole.
//
// The stamp is a binary prefix of the body, HeaderSize bytes long:
//
//	0  magic 0x0D      1 version     2 incarnation (16 bit)   4 CRC32C of what follows, begun with the four bytes before it
//	8  run (32 bit)    12 producer   16 sequence (64 bit)     24 intended time, ns since the run's epoch (64 bit)
//	32 index (64 bit)  40 lane       44 length of the whole body
//
// All numbers are little endian. The checksum stands where one pass over the rest covers everything.
package message

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// HeaderSize is the length of the stamp in bytes, and so the smallest body.
const HeaderSize = 48

const (
	magic   = 0x0D
	version = 2
)

// castagnoli is a constant table: CRC32C has an instruction on amd64 and arm64 (RFC 3720, appendix B.4).
var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // a constant that Go cannot declare as one

// ID names a message within a run: the Seq-th, from 0, that Producer sent in Lane.
type ID struct {
	Producer uint32
	Lane     uint32
	Seq      uint64
}

// Unordered is the incarnation of messages whose place among others says nothing: those that ordeal itself sent again, probes, and those of
// a producer that has lost more connections than can be counted.
const Unordered = 1<<16 - 1

// Stamp is all that a message carries about itself.
type Stamp struct {
	ID
	// Run is the low half of the run's id; a message of another run is foreign.
	Run uint32
	// Incarnation counts the producer's connections, from 0: order is promised within one only, and not for Unordered.
	Incarnation uint16
	// Intended is when the schedule wanted it sent, in ns since the run's epoch.
	Intended int64
	// Index is the message's place among all of its producer, from 0, over all lanes.
	Index uint64
}

// Status of a body that arrived. The zero value is Whole.
type Status uint8

const (
	// Whole bodies are bit for bit what was sent.
	Whole Status = iota
	// Corrupt bodies carry a stamp's beginning, or its length, but not the right checksum.
	Corrupt
	// Foreign bodies were not stamped by this run.
	Foreign
)

// Put writes s into the first HeaderSize bytes of body and seals the whole of it. It panics on a shorter body: sizes are checked before.
func Put(body []byte, s *Stamp) {
	first := write(body, s)
	binary.LittleEndian.PutUint32(body[4:], crc32.Update(first, castagnoli, body[8:]))
}

// write writes s, all but its checksum, and returns the first four bytes. The numbers are written in pairs, as the checksum reads them: a
// processor waits where it reads at once what it wrote in parts.
func write(body []byte, s *Stamp) (first uint32) {
	h := body[:HeaderSize]
	first = magic | version<<8 | uint32(s.Incarnation)<<16
	binary.LittleEndian.PutUint32(h, first)
	binary.LittleEndian.PutUint64(h[8:], uint64(s.Run)|uint64(s.Producer)<<32)
	binary.LittleEndian.PutUint64(h[16:], s.Seq)
	binary.LittleEndian.PutUint64(h[24:], uint64(s.Intended))
	binary.LittleEndian.PutUint64(h[32:], s.Index)
	binary.LittleEndian.PutUint64(h[40:], uint64(s.Lane)|uint64(len(body))<<32)
	return first
}

// Peek reads some of the stamp that Put wrote into body, as Stamp has it and unchecked: producers use it on what is in their own memory.
func Peek(body *[HeaderSize]byte) (lane uint32, seq, index uint64, intended int64) {
	return binary.LittleEndian.Uint32(body[40:]), binary.LittleEndian.Uint64(body[16:]), binary.LittleEndian.Uint64(body[32:]),
		int64(binary.LittleEndian.Uint64(body[24:]))
}

// Unorder makes a whole body that was stamped before one of Unordered incarnation; a producer calls it before it sends the body again. It
// panics on a body shorter than a stamp.
func Unorder(body []byte) {
	binary.LittleEndian.PutUint16(body[2:], Unordered)
	binary.LittleEndian.PutUint32(body[4:], checksum(body))
}

// Name is the name of the message of which a Corrupt body was made, as far as it can be known: where one flipped bit explains the checksum
// and that bit is one of the name's, the name is mended; else it is what the header says. s is as Parse left it.
func Name(body []byte, s *Stamp) ID {
	if len(body) < HeaderSize || binary.LittleEndian.Uint32(body[44:]) != uint32(len(body)) {
		return s.ID
	}
	const producer, seq, lane = 12, 16, 40
	mended := bytes.Clone(body)
	for _, field := range [][2]int{{producer, 4}, {seq, 8}, {lane, 4}} {
		for bit := range 8 * field[1] {
			at, mask := field[0]+bit/8, byte(1)<<(bit%8)
			mended[at] ^= mask
			if binary.LittleEndian.Uint32(mended[4:]) == checksum(mended) {
				return ID{
					Producer: binary.LittleEndian.Uint32(mended[producer:]), Lane: binary.LittleEndian.Uint32(mended[lane:]),
					Seq: binary.LittleEndian.Uint64(mended[seq:]),
				}
			}
			mended[at] ^= mask
		}
	}
	return s.ID
}

// Parse reads the stamp of body into s and tells whether the body is whole. For Corrupt and Foreign bodies s holds what the header
// says, which proves nothing; zero where the body is too short to hold one.
func Parse(body []byte, run uint32, s *Stamp) Status {
	if len(body) < HeaderSize {
		*s = Stamp{}
		return suspect(body, run)
	}
	h := body[:HeaderSize]
	s.Incarnation = binary.LittleEndian.Uint16(h[2:])
	s.Run = binary.LittleEndian.Uint32(h[8:])
	s.Producer = binary.LittleEndian.Uint32(h[12:])
	s.Lane = binary.LittleEndian.Uint32(h[40:])
	s.Seq = binary.LittleEndian.Uint64(h[16:])
	s.Intended = int64(binary.LittleEndian.Uint64(h[24:]))
	s.Index = binary.LittleEndian.Uint64(h[32:])
	if h[0] != magic || h[1] != version {
		return suspect(body, run)
	}
	if binary.LittleEndian.Uint32(h[44:]) != uint32(len(body)) || binary.LittleEndian.Uint32(h[4:]) != checksum(body) {
		return Corrupt
	}
	if s.Run != run {
		return Foreign
	}
	return Whole
}

// suspect tells a damaged stamp from a body that never had one: the run's number in its place is proof enough of the former.
func suspect(body []byte, run uint32) Status {
	if len(body) >= 12 && binary.LittleEndian.Uint32(body[8:]) == run {
		return Corrupt
	}
	if len(body) > 0 && len(body) < HeaderSize && body[0] == magic {
		return Corrupt
	}
	return Foreign
}

// checksum of a body that is long enough for a stamp. What the register begins with is part of what it protects: no change of the first
// four bytes alone goes unseen, because each step of a CRC maps different registers to different ones.
func checksum(body []byte) uint32 {
	return crc32.Update(binary.LittleEndian.Uint32(body), castagnoli, body[8:])
}
