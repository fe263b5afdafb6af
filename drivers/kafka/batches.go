package kafka

import (
	"encoding/binary"
	"math"
)

// Where the fields of a record batch lie: https://kafka.apache.org/documentation/#recordbatch. Up to the magic the messages of before Kafka
// 0.11 look alike.
const (
	batchLength = 8
	batchEpoch  = 12
	batchMagic  = 16
	batchLast   = 23
	// batchLead is what the length does not count, batchHead the least size of a batch.
	batchLead = 12
	batchHead = 61
)

// firstBatch gives the first batch of an answer; false where none is whole. An answer may end in the middle of one, which is asked for
// again.
func firstBatch(batches []byte) ([]byte, bool) {
	if len(batches) <= batchMagic {
		return nil, false
	}
	size := int64(int32(binary.BigEndian.Uint32(batches[batchLength:]))) + batchLead
	if size <= batchMagic || size > int64(len(batches)) {
		return nil, false
	}
	return batches[:size], true
}

// nextOffset finds from the heads of the batches in an answer which offset comes after them, and the leader's epoch when the last of them
// was written, -1 where there is none. Nothing is unpacked or verified, so that the next request need not wait for that: whoever unpacks
// the batches finds out where they are not what they seem.
func nextOffset(batches []byte, at int64) (next int64, epoch int32) {
	next, epoch = at, -1
	for one, ok := firstBatch(batches); ok; one, ok = firstBatch(batches) {
		if one[batchMagic] != 2 || len(one) < batchHead {
			break
		}
		if last := int64(binary.BigEndian.Uint64(one)) + int64(int32(binary.BigEndian.Uint32(one[batchLast:]))); last < math.MaxInt64 {
			next = max(next, last+1)
		}
		epoch = int32(binary.BigEndian.Uint32(one[batchEpoch:]))
		batches = batches[len(one):]
	}
	return next, epoch
}
