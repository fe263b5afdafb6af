package measure

import (
	"testing"

	"pgregory.net/rapid"
)

// The buckets are the library's, so what goes through counts is the same histogram in the end.
func TestCountsHaveTheBucketsOfHdrHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bare, other, c := newHistogram(), newHistogram(), NewCollector(Clock{}, nil)
		var sum counts
		for range rapid.IntRange(1, 4).Draw(t, "sets") {
			s := &set{}
			for range rapid.IntRange(1, 50).Draw(t, "samples") {
				v := min(rapid.Int64Range(0, 1<<rapid.IntRange(1, 42).Draw(t, "bits")).Draw(t, "v"), highest)
				if err := bare.RecordValue(v); err != nil {
					t.Fatal(err)
				}
				b := bucket(v)
				if !bare.ValuesAreEquivalent(v, value(b)) || value(b) > v || b>>slotBits >= chunks {
					t.Fatalf("%d falls into bucket %d, which begins at %d", v, b, value(b))
				}
				if s.metrics[Ack][b>>slotBits] == nil {
					c.extend(s, Ack, b>>slotBits)
				}
				s.metrics[Ack][b>>slotBits][b%slots]++
			}
			for _, spare := range sum.take(&s.metrics[Ack]) {
				if *spare != (chunk{}) {
					t.Fatal("a spare chunk is not clean")
				}
			}
		}
		sum.pour(other)
		if !bare.Equals(other) {
			t.Fatalf("the library counts %d samples up to %d, counts %d up to %d", bare.TotalCount(), bare.Max(), other.TotalCount(), other.Max())
		}
		if sum.drain(); !sum.empty() {
			t.Fatal("drained counts are not empty")
		}
	})
}
