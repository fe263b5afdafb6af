package kafka

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// batch is what one record batch of the broker's has for who receives. The library would make a record of over 200 bytes of each message,
// full of pointers for the collector to follow; a delivery needs to know where the key and the value lie.
type batch struct {
	of   *progress
	base int64
	// epoch is the leader's when the batch was written.
	epoch int32
	// control tells that its records are ends of transactions.
	control bool
	data    []byte
	records []record
}

// record is one record of a batch: its offset from the batch's, and where in the data its key and value begin and end. What is null ends
// before it begins.
type record struct{ offset, key, keyEnd, value, valueEnd int32 }

// next takes the first record.
func (b *batch) next() (offset int64, key, value []byte) {
	r := &b.records[0]
	b.records = b.records[1:]
	if r.keyEnd >= r.key {
		key = b.data[r.key:r.keyEnd:r.keyEnd]
	}
	if r.valueEnd >= r.value {
		value = b.data[r.value:r.valueEnd:r.valueEnd]
	}
	return b.base + int64(r.offset), key, value
}

var (
	errOldFormat = errors.New("messages are in a format of before Kafka 0.11: unset message.format.version on the topic, and " +
		"log.message.format.version on the broker")
	errChecksum = errors.New("the checksum of a batch is wrong")
	errRecords  = errors.New("a batch has other records than its head says")
)

// castagnoli is the polynomial of Kafka's checksums.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// unpacker unpacks pieces.
type unpacker struct {
	decompressor kgo.Decompressor
	// committed tells that what was aborted is left out.
	committed bool
}

// unpack gives the batches of a piece, and those before one that cannot be read. All of them must be whole up to where the piece ends: the
// fetcher has gone on behind them.
func (u *unpacker) unpack(p *piece) (batches []batch, err error) {
	if p.err != nil {
		return nil, p.err
	}
	var aborted aborts
	if u.committed {
		aborted = newAborts(p.raw.AbortedTransactions)
	}
	at := p.at
	for in := p.raw.RecordBatches; ; {
		one, ok := firstBatch(in)
		if !ok {
			return batches, nil
		}
		in = in[len(one):]
		b, err := u.open(one, p.at, &aborted)
		if err != nil {
			return batches, fmt.Errorf("what the broker has of shard %d from %d on cannot be read: %w", p.of.shard, at, err)
		}
		at, _ = nextOffset(one, at)
		if len(b.records) > 0 {
			b.of = p.of
			batches = append(batches, b)
		}
	}
}

// open verifies and unpacks one batch, without the records before an offset. One that was aborted has none.
func (u *unpacker) open(one []byte, from int64, aborted *aborts) (b batch, err error) {
	const checksum, attributes, producer, count = 17, 21, 43, 57
	const packed, transactional, control = 0x07, 0x10, 0x20
	switch magic := one[batchMagic]; {
	case magic < 2:
		return b, errOldFormat
	case magic > 2:
		return b, fmt.Errorf("a batch has the format %d, which is newer than this driver", magic)
	case len(one) < batchHead:
		return b, errRecords
	case crc32.Checksum(one[attributes:], castagnoli()) != binary.BigEndian.Uint32(one[checksum:]):
		return b, errChecksum
	}
	is := binary.BigEndian.Uint16(one[attributes:])
	b.base, b.epoch, b.control = int64(binary.BigEndian.Uint64(one)), int32(binary.BigEndian.Uint32(one[batchEpoch:])), is&control != 0
	last := b.base + int64(int32(binary.BigEndian.Uint32(one[batchLast:])))
	b.data = one[batchHead:]
	if kind := kgo.CompressionCodecType(is & packed); kind != kgo.CodecNone {
		if b.data, err = u.decompressor.Decompress(b.data, kind); err != nil {
			return b, fmt.Errorf("a batch cannot be decompressed: %w", err)
		}
	}
	if b.records, err = index(b.data, int(int32(binary.BigEndian.Uint32(one[count:])))); err != nil {
		return b, err
	}
	if is&transactional != 0 && aborted.drop(&b, int64(binary.BigEndian.Uint64(one[producer:])), last) {
		b.records = nil
	}
	for len(b.records) > 0 && b.base+int64(b.records[0].offset) < from {
		b.records = b.records[1:]
	}
	return b, nil
}

// index finds n records: https://kafka.apache.org/documentation/#record.
func index(data []byte, n int) ([]record, error) {
	const least = 7 // bytes of a record
	if n < 0 || n > len(data)/least {
		return nil, errRecords
	}
	records := make([]record, n)
	at := 0
	for i := range records {
		size, at0 := varint(data, at)
		if at0 < 0 || size < 1 || size > len(data)-at0 {
			return nil, errRecords
		}
		at = at0 + size
		if !records[i].locate(data[:at], at0+1) {
			return nil, errRecords
		}
	}
	return records, nil
}

// locate reads what comes behind the attributes of a record, up to its headers, which nobody wants.
func (r *record) locate(data []byte, at int) bool {
	_, at = varint(data, at) // time
	offset, at := varint(data, at)
	key, at := varint(data, at)
	if at < 0 || key > len(data)-at {
		return false
	}
	r.offset, r.key, r.keyEnd = int32(offset), int32(at), int32(at+max(key, -1))
	value, at := varint(data, at+max(key, 0))
	if at < 0 || value > len(data)-at {
		return false
	}
	r.value, r.valueEnd = int32(at), int32(at+max(value, -1))
	return true
}

// varint reads a number and tells where it ends; a negative place in, or nothing to read there, gives a negative place out. Most numbers of
// a small message are one byte.
func varint(data []byte, at int) (n, end int) {
	if uint(at) < uint(len(data)) && data[at] < 0x80 {
		return int(data[at]>>1) ^ -int(data[at]&1), at + 1
	}
	return longVarint(data, at)
}

func longVarint(data []byte, at int) (n, end int) {
	if at < 0 || at > len(data) {
		return 0, -1
	}
	long, size := binary.Varint(data[at:])
	if size <= 0 {
		return 0, -1
	}
	return int(long), at + size
}

// aborts are the transactions that an answer says were aborted, as Kafka's own client keeps them (CompletedFetch.java).
type aborts struct {
	// coming are those whose first record was not reached yet, by that; open are the producers of the others.
	coming []kmsg.FetchResponseTopicPartitionAbortedTransaction
	open   map[int64]bool
}

func newAborts(all []kmsg.FetchResponseTopicPartitionAbortedTransaction) aborts {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b kmsg.FetchResponseTopicPartitionAbortedTransaction) int {
		return cmp.Compare(a.FirstOffset, b.FirstOffset)
	})
	return aborts{coming: all, open: make(map[int64]bool)}
}

// drop tells whether a transactional batch was aborted. The end of a transaction never is.
func (a *aborts) drop(b *batch, producer, last int64) bool {
	for len(a.coming) > 0 && a.coming[0].FirstOffset <= last {
		a.open[a.coming[0].ProducerID] = true
		a.coming = a.coming[1:]
	}
	if !b.control {
		return a.open[producer]
	}
	// The key of an end is a version and a type, 0 for an abort (KIP-98).
	if len(b.records) > 0 {
		first := *b
		if _, key, _ := first.next(); len(key) >= 4 && binary.BigEndian.Uint16(key[2:]) == 0 {
			delete(a.open, producer)
		}
	}
	return false
}
