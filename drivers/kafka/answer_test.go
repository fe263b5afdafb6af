package kafka

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestWeigh tells what follows from each error of a shard's.
func TestWeigh(t *testing.T) {
	const gone = -1
	for _, c := range []struct {
		code int16
		want int
	}{
		{0, on},
		{1, never},
		{2, anew},
		{3, anew},
		{6, anew},
		{9, anew},
		{29, never},
		{56, anew},
		{74, anew},
		{75, anew},
		{76, never},
		{78, anew},
		{100, later},
		{103, anew},
		{gone, never},
	} {
		f := fetcher{positions: newPositions()}
		f.positions.add(&progress{}, 5, -1)
		p := f.positions.of(noLeader)[0]
		raw := kmsg.NewFetchResponseTopicPartition()
		raw.ErrorCode = c.code
		piece, next := f.weigh(p, &raw)
		if left := len(f.positions.of(noLeader)); next != c.want || (piece != nil) != (next == never) || (left == 0) != (next == never) {
			t.Errorf("%v: %d, expected %d; handed over %v, %d are left", kerr.ErrorForCode(c.code), next, c.want, piece, left)
		}
		for range 5 {
			piece, next = f.weigh(p, &raw)
		}
		if c.want == later && (next != never || !errors.Is(piece.err, kerr.UnknownTopicID)) {
			t.Errorf("a topic that is unknown for long: %v, %d", piece, next)
		}
	}
}
