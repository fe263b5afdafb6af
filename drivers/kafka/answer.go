package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// piece is what an answer has of one shard: batches that take the reading from an offset to the next, or why it cannot go on.
type piece struct {
	of       *progress
	at, next int64
	raw      *kmsg.FetchResponseTopicPartition
	err      error
}

// errReplica says that a broker sends its consumers to a follower.
var errReplica = errors.New("the broker wants it to be read from a follower, which this driver does not do: " +
	"unset the broker's replica.selector.class")

// sort moves the positions on and hands the pieces of an answer over.
func (f *fetcher) sort(led []*position, answer *kmsg.FetchResponse) {
	waiting := make(map[int32]*position, len(led))
	for _, p := range led {
		waiting[p.of.shard] = p
	}
	var pieces []piece
	var lost []*position
	pause := false
	for i := range answer.Topics {
		partitions := answer.Topics[i].Partitions
		for k := range partitions {
			raw := &partitions[k]
			p := waiting[raw.Partition]
			if p == nil {
				continue // nobody asked for it
			}
			delete(waiting, raw.Partition)
			one, next := f.weigh(p, raw)
			if one != nil {
				pieces = append(pieces, *one)
			}
			if next == anew {
				lost = append(lost, p)
			}
			pause = pause || next == later
		}
	}
	for _, p := range waiting { // no broker leaves out what it was asked for
		lost = append(lost, p)
	}
	if len(lost) > 0 {
		f.positions.lose(lost...)
	}
	f.hand(pieces...)
	if pause {
		f.rest()
	}
}

// What is to be done with a shard next.
const (
	on    = iota // ask for what comes next
	later        // ask again in a moment
	anew         // look for the leader first
	never        // it ends
)

// weigh takes note of what an answer says of a shard: what is to be handed over, if anything, and what to do next.
func (f *fetcher) weigh(p *position, raw *kmsg.FetchResponseTopicPartition) (*piece, int) {
	const patience = 5 // a topic that was just made is unknown for a moment, one that was deleted for ever
	err := kerr.ErrorForCode(raw.ErrorCode)
	if errors.Is(err, kerr.UnknownTopicID) {
		if p.unknown++; p.unknown <= patience {
			return nil, later
		}
		return f.stop(p, err), never
	}
	p.unknown = 0
	switch {
	case kerr.IsRetriable(err):
		return nil, anew
	case err != nil:
		return f.stop(p, err), never
	case raw.PreferredReadReplica >= 0 && len(raw.RecordBatches) == 0 && raw.PreferredReadReplica != p.leader:
		return f.stop(p, errReplica), never
	case len(raw.RecordBatches) == 0:
		return nil, on
	}
	one := &piece{of: p.of, at: p.at, raw: raw}
	next, epoch := nextOffset(raw.RecordBatches, p.at)
	one.next = next
	if next == p.at { // the broker repeats what is known, or whoever unpacks it finds it damaged
		return one, anew
	}
	p.at, p.epoch = next, epoch
	return one, on
}

// stop ends the reading of a shard.
func (f *fetcher) stop(p *position, err error) *piece {
	f.positions.remove(p.of)
	return &piece{of: p.of, err: err}
}

// hand passes pieces on to be unpacked.
func (f *fetcher) hand(pieces ...piece) {
	if len(pieces) == 0 {
		return
	}
	select {
	case f.answers <- pieces:
	case <-f.ctx.Done():
	}
}
