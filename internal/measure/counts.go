package measure

import (
	"iter"
	"math/bits"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// lowest, highest and digits are what is told apart: 1 ns to 1 h, with an error below 0.1 %.
	lowest  = 1
	highest = 3_600_000_000_000
	digits  = 3

	// slotBits is the buckets' logarithm of each doubling of values that 3 digits take.
	slotBits = 10
	slots    = 1 << slotBits
	chunks   = 33 // up to highest, which has 42 bits: one for values below slots, then one for each further bit
)

// counts is a histogram in the making. It has the very buckets of an HdrHistogram of 1 ns to 1 h and 3 digits (hdrhistogram.org: exact
// below 2048, then 1024 buckets for each doubling), but of each doubling only what is used, 8 KiB, and nothing that recording
// could do without. The zero value is empty.
type counts [chunks]*chunk

// chunk is the counts of one doubling of values.
type chunk [slots]int64

// bucket is the index of the bucket of v, from 0 to highest, over all chunks.
func bucket(v int64) int {
	shift := bits.Len64(uint64(v)|(2*slots-1)) - (slotBits + 1)
	return shift<<slotBits + int(v>>shift)
}

// value is the smallest value of a bucket.
func value(bucket int) int64 {
	shift := max(bucket>>slotBits-1, 0)
	return int64(bucket-shift<<slotBits) << shift
}

// all gives the smallest value and the count of each bucket that has any, in rising order.
func (c *counts) all() iter.Seq2[int64, int64] {
	return func(yield func(value, n int64) bool) {
		for i, chunk := range c {
			if chunk == nil {
				continue
			}
			for j, n := range chunk {
				if n > 0 && !yield(value(i<<slotBits+j), n) {
					return
				}
			}
		}
	}
}

// empty tells whether c holds no chunk, and so no sample.
func (c *counts) empty() bool { return *c == counts{} }

// take adds the samples of from to c. The chunks that are left over are returned, clean; from is empty then.
func (c *counts) take(from *counts) (spare []*chunk) {
	for i, chunk := range from {
		switch {
		case chunk == nil:
		case c[i] == nil:
			c[i] = chunk
		default:
			for j, n := range chunk {
				c[i][j] += n
			}
			clear(chunk[:])
			spare = append(spare, chunk)
		}
	}
	*from = counts{}
	return spare
}

// drain gives back the chunks of c, clean, and leaves it empty.
func (c *counts) drain() (spare []*chunk) {
	for _, chunk := range c {
		if chunk != nil {
			clear(chunk[:])
			spare = append(spare, chunk)
		}
	}
	*c = counts{}
	return spare
}

// pour adds the samples of c to h.
func (c *counts) pour(h *hdr.Histogram) {
	for v, n := range c.all() {
		_ = h.RecordValues(v, n) // it is within the range
	}
}

func newHistogram() *hdr.Histogram { return hdr.New(lowest, highest, digits) }
