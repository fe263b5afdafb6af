package history

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// FuzzReader reads files of any content: it must neither panic nor take a damaged file for a whole one of other events.
func FuzzReader(f *testing.F) {
	disk := &fullDisk{room: 1 << 20}
	w, err := newWriter(disk, Header{Run: "r", Plan: []byte(`{}`)})
	if err != nil {
		f.Fatal(err)
	}
	write(w, healthy(30))
	if _, err := w.Close([]byte(`{}`)); err != nil {
		f.Fatal(err)
	}
	whole := disk.Bytes()
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(fileMagic))
	f.Fuzz(func(_ *testing.T, data []byte) {
		reseal(data)
		r, err := newReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		r.Replay(newRecord())
	})
}

// reseal makes the checksums right, so that the fuzzer gets past them to the decoders.
func reseal(data []byte) {
	before := uint32(0)
	for at := len(fileMagic); at+headSize <= len(data); {
		length := int(binary.LittleEndian.Uint32(data[at+8:]))
		if length > len(data)-at-headSize {
			return
		}
		block := data[at : at+headSize+length]
		sum := crc32.Update(before, crc32.MakeTable(crc32.Castagnoli), block[:headSize-4])
		before = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), block[headSize:])
		binary.LittleEndian.PutUint32(block[headSize-4:], before)
		at += len(block)
	}
}
