package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// written is a batch as a broker would send it.
type written struct {
	base       int64
	epoch      int32
	attributes uint16
	producer   int64
	// span is the offset of the last record from base, where compaction has left the batch longer than its records; count what the head says
	// of their number.
	span, count int
	records     []byte
}

// put adds a record.
func (w *written) put(offset int, key, value []byte, headers int) {
	body := []byte{0}
	body = binary.AppendVarint(body, int64(offset)*3)
	body = binary.AppendVarint(body, int64(offset))
	field := func(b []byte) {
		if b == nil {
			body = binary.AppendVarint(body, -1)
			return
		}
		body = append(binary.AppendVarint(body, int64(len(b))), b...)
	}
	field(key)
	field(value)
	body = binary.AppendVarint(body, int64(headers))
	for i := range headers {
		field([]byte{'h', byte(i)})
		field(value)
	}
	w.records = append(binary.AppendVarint(w.records, int64(len(body))), body...)
	w.span, w.count = offset, w.count+1
}

// bytes are those of the batch, with its checksum.
func (w *written) bytes() []byte {
	b := kmsg.RecordBatch{
		FirstOffset: w.base, Length: int32(batchHead - batchLead + len(w.records)), PartitionLeaderEpoch: w.epoch, Magic: 2,
		Attributes: int16(w.attributes), LastOffsetDelta: int32(w.span), ProducerID: w.producer, NumRecords: int32(w.count), Records: w.records,
	}
	return seal(b.AppendTo(nil))
}

func seal(batch []byte) []byte {
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], castagnoli()))
	return batch
}

// ordinary is a batch of n records from base on.
func ordinary(base int64, n int) []byte {
	w := written{base: base, epoch: 7}
	for i := range n {
		w.put(i, nil, fmt.Append(nil, base+int64(i)), 0)
	}
	return w.bytes()
}

func pieceOf(at int64, batches ...[]byte) *piece {
	raw := kmsg.NewFetchResponseTopicPartition()
	raw.RecordBatches = slices.Concat(batches...)
	p := &piece{of: &progress{}, at: at, raw: &raw}
	p.next, _ = nextOffset(raw.RecordBatches, at)
	return p
}

// flat is what came of batches, one line for each record.
func flat(batches []batch) (out []string) {
	for i := range batches {
		for b := &batches[i]; len(b.records) > 0; {
			offset, key, value := b.next()
			out = append(out, fmt.Sprintf("%d %d %v %q %v %q %v", offset, b.epoch, b.control, key, key == nil, value, value == nil))
		}
	}
	return out
}

// TestNextOffset holds the walk over heads against answers as brokers send them.
func TestNextOffset(t *testing.T) {
	compacted := written{base: 30, epoch: 8, span: 9}
	old := ordinary(50, 1)
	old[batchMagic] = 1
	negative := ordinary(60, 1)
	binary.BigEndian.PutUint32(negative[batchLength:], 1<<31)
	whole := ordinary(10, 5)
	for _, c := range []struct {
		name    string
		at      int64
		batches []byte
		next    int64
		epoch   int32
	}{
		{"nothing", 10, nil, 10, -1},
		{"one", 10, whole, 15, 7},
		{"one that begins before", 12, whole, 15, 7},
		{"one that ends before", 20, whole, 20, 7},
		{"two, the second compacted to nothing", 10, slices.Concat(whole, compacted.bytes()), 40, 8},
		{"one and a half", 10, slices.Concat(whole, ordinary(15, 5)[:70]), 15, 7},
		{"one and the beginning of a head", 10, slices.Concat(whole, ordinary(15, 5)[:9]), 15, 7},
		{"half", 10, whole[:len(whole)-1], 10, -1},
		{"of an old format", 10, slices.Concat(whole, old), 15, 7},
		{"with a negative length", 10, slices.Concat(whole, negative), 15, 7},
	} {
		if next, epoch := nextOffset(c.batches, c.at); next != c.next || epoch != c.epoch {
			t.Errorf("%s: %d in epoch %d comes next, expected %d in %d", c.name, next, epoch, c.next, c.epoch)
		}
	}
}

// FuzzNextOffset finds nothing by which the walk over heads, or the unpacking, fails on what a broker may send; neither ever goes back.
func FuzzNextOffset(f *testing.F) {
	f.Add(ordinary(10, 3), int64(11))
	f.Add(slices.Concat(ordinary(10, 3), ordinary(13, 2)[:66]), int64(10))
	f.Add(make([]byte, 100), int64(0))
	f.Fuzz(func(t *testing.T, batches []byte, at int64) {
		if next, _ := nextOffset(batches, at); next < at {
			t.Fatalf("%d comes after %d", next, at)
		}
		if one, ok := firstBatch(batches); ok && len(one) >= batchHead {
			seal(one) // else the checksum would keep the rest from being looked at
		}
		u := unpacker{decompressor: kgo.DefaultDecompressor(), committed: true}
		got, _ := u.unpack(pieceOf(at, batches)) //nolint:errcheck // most are damaged
		flat(got)
	})
}

// TestUnpackAsLibrary holds what is unpacked against what the library makes of the same answer.
func TestUnpackAsLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Int64Range(0, 1000).Draw(t, "at")
		base := max(0, at-rapid.Int64Range(0, 10).Draw(t, "before"))
		raw := kmsg.NewFetchResponseTopicPartition()
		transactions := make(map[int64]bool) // those that are open, by their producers, and whether they are aborted in the end
		for range rapid.IntRange(0, 8).Draw(t, "batches") {
			w := draw(t, base)
			if base+int64(w.span) < at {
				continue // an answer begins with the batch that has the offset
			}
			doomed, open := transactions[w.producer]
			switch {
			case w.attributes&0x20 != 0:
				if doomed {
					w.records, w.count = nil, 0
					w.put(0, []byte{0, 0, 0, 0}, nil, 0)
				}
				delete(transactions, w.producer)
			case w.attributes&0x10 != 0 && !open:
				doomed = rapid.Bool().Draw(t, "aborted")
				transactions[w.producer] = doomed
				if doomed {
					a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
					a.ProducerID, a.FirstOffset = w.producer, w.base
					raw.AbortedTransactions = append(raw.AbortedTransactions, a)
				}
			}
			raw.RecordBatches = append(raw.RecordBatches, w.bytes()...)
			base += int64(w.span) + 1
		}
		if n := len(raw.RecordBatches); n > 0 && rapid.Bool().Draw(t, "cut off") {
			raw.RecordBatches = raw.RecordBatches[:rapid.IntRange(0, n).Draw(t, "length")]
		}
		p := &piece{of: &progress{}, at: at, raw: &raw}
		p.next, _ = nextOffset(raw.RecordBatches, at)
		committed := rapid.Bool().Draw(t, "committed")
		how := kgo.ProcessFetchPartitionOpts{Offset: at, KeepControlRecords: true}
		if committed {
			how.IsolationLevel = kgo.ReadCommitted()
		}
		theirs, next := kgo.ProcessFetchPartition(how, &raw, kgo.DefaultDecompressor(), nil)
		u := unpacker{decompressor: kgo.DefaultDecompressor(), committed: committed}
		ours, err := u.unpack(p)
		if err != nil || theirs.Err != nil || next != p.next {
			t.Fatalf("%v, theirs %v; next is %d, theirs %d", err, theirs.Err, p.next, next)
		}
		var want []string
		for _, r := range theirs.Records {
			want = append(want, fmt.Sprintf("%d %d %v %q %v %q %v", r.Offset, r.LeaderEpoch, r.Attrs.IsControl(), r.Key, r.Key == nil, r.Value, r.Value == nil))
		}
		if got := flat(ours); !slices.Equal(got, want) {
			t.Fatalf("unpacked\n%s\nthe library\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// draw makes a batch: ordinary, of a transaction, or the end of one; with gaps in its offsets, with or without keys, packed or not.
func draw(t *rapid.T, base int64) *written {
	w := &written{base: base, epoch: rapid.Int32Range(0, 3).Draw(t, "epoch"), producer: rapid.Int64Range(1, 2).Draw(t, "producer")}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		w.attributes = 0x30
		w.put(0, []byte{0, 0, 0, rapid.Byte().Draw(t, "end") % 2}, []byte{0, 0, 0, 0, 0, 1}, 0)
		return w
	case 1, 2:
		w.attributes = 0x10
	}
	text := func(what string) []byte {
		if rapid.Bool().Draw(t, "null") {
			return nil
		}
		return bytes.Repeat([]byte{'x'}, rapid.IntRange(0, 200).Draw(t, what))
	}
	offset := rapid.IntRange(0, 3).Draw(t, "first")
	for range rapid.IntRange(0, 5).Draw(t, "records") {
		w.put(offset, text("key"), text("value"), rapid.IntRange(0, 2).Draw(t, "headers"))
		offset += rapid.IntRange(1, 100).Draw(t, "gap")
	}
	w.span += rapid.IntRange(0, 3).Draw(t, "compacted")
	if packed := rapid.IntRange(0, 4).Draw(t, "packed"); packed > 0 && w.count > 0 {
		codec := []kgo.CompressionCodec{kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}[packed-1]
		c, err := kgo.DefaultCompressor(codec)
		if err != nil {
			t.Fatal(err)
		}
		var kind kgo.CompressionCodecType
		w.records, kind = c.Compress(new(bytes.Buffer), w.records)
		w.records = bytes.Clone(w.records)
		w.attributes |= uint16(kind)
	}
	return w
}

// TestUnpackDamaged damages the second of two batches in every way: what came before it counts, and the error says where and what.
func TestUnpackDamaged(t *testing.T) {
	change := func(f func(b []byte)) []byte {
		b := ordinary(13, 2)
		f(b)
		return b
	}
	short := written{base: 13}
	short.put(0, nil, []byte("a"), 0)
	short.count = 2
	packed := written{base: 13, attributes: uint16(kgo.CodecGzip), count: 1, records: []byte("no gzip")}
	for _, c := range []struct {
		name string
		bad  []byte
		is   error
		says string
	}{
		{"checksum", change(func(b []byte) { b[len(b)-1]++ }), errChecksum, "checksum"},
		{"old", change(func(b []byte) { b[batchMagic] = 1 }), errOldFormat, "message.format.version"},
		{"new", change(func(b []byte) { b[batchMagic] = 3 }), nil, "format 3"},
		{"fewer records", short.bytes(), errRecords, ""},
		{"records of a negative number", change(func(b []byte) { b[57] = 0xff; seal(b) }), errRecords, ""},
		{"a record that is too long", change(func(b []byte) { b[61] = 0x7e; seal(b) }), errRecords, ""},
		{"a value that is too long", change(func(b []byte) { b[66] = 0x7e; seal(b) }), errRecords, ""},
		{"packed", packed.bytes(), nil, "decompressed"},
	} {
		u := unpacker{decompressor: kgo.DefaultDecompressor()}
		got, err := u.unpack(pieceOf(11, ordinary(10, 3), c.bad))
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) ||
			!strings.Contains(err.Error(), "shard 0 from 13 on") {
			t.Errorf("%s: the error is %v", c.name, err)
		}
		if len(flat(got)) != 2 {
			t.Errorf("%s: unpacked before it were %v", c.name, flat(got))
		}
	}
}
