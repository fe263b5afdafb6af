package measure

import (
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

// TestEncode demands of the library that it reads what was encoded as it would have been encoded by itself.
func TestEncode(t *testing.T) {
	var e encoder
	rapid.Check(t, func(t *rapid.T) {
		var c counts
		want := newHistogram()
		for range rapid.IntRange(1, 30).Draw(t, "samples") {
			v := rapid.OneOf(rapid.Int64Range(0, 5000), rapid.Int64Range(0, highest), rapid.Just[int64](highest)).Draw(t, "ns")
			n := rapid.OneOf(rapid.Int64Range(1, 3), rapid.Int64Range(1, 1<<57)).Draw(t, "times")
			count(&c, v, n)
			if err := want.RecordValues(v, n); err != nil {
				t.Fatal(err)
			}
		}
		text, most, err := e.encode(&c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := hdr.Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equals(want) || most != want.Max() {
			t.Fatalf("highest %d, want %d; %d samples, want %d", most, want.Max(), got.TotalCount(), want.TotalCount())
		}
	})
}

// count adds n samples of v to c.
func count(c *counts, v, n int64) {
	i := bucket(v)
	if c[i>>slotBits] == nil {
		c[i>>slotBits] = new(chunk)
	}
	c[i>>slotBits][i&(slots-1)] += n
}
