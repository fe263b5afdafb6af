package history

import (
	"slices"

	"ordeal/internal/message"
)

// EventKind is what happened to a message.
type EventKind uint8

// What can happen to a message, in the order of its life.
const (
	Attempted EventKind = iota
	Settled
	Delivered
)

// Event is one step in the life of a message.
type Event struct {
	Kind EventKind
	// At is when it happened, in ns since the epoch: the send, the receipt, the arrival.
	At int64
	// Intended is when an attempt should have been sent.
	Intended int64
	// Outcome is a receipt's.
	Outcome message.Outcome
	// Shard is an attempt's, -1 where the client chose, or a delivery's. Position is a receipt's or a delivery's.
	Shard    int32
	Position message.Position
	// Group, Member, Session, Redelivered and Status are a delivery's.
	Group, Member, Session uint32
	Redelivered            bool
	Status                 message.Status
}

// Place is where a group found something: a position of a shard of its topic.
type Place struct {
	Group    uint32
	Shard    int32
	Position message.Position
}

// Lives collects the lives of some messages, each in order of time, by reading the history once more. Bodies that were not whole count
// to the message they claim to be. A message of which nothing is known is missing from the result.
func (r *Reader) Lives(ids []message.ID) (map[message.ID][]Event, error) {
	b := &biographer{lives: make(map[message.ID][]Event, len(ids)), wanted: make(map[message.ID]bool, len(ids))}
	for _, id := range ids {
		b.wanted[id] = true
	}
	if _, err := r.Replay(b); err != nil {
		return nil, err
	}
	for _, life := range b.lives {
		// Stable, so that what happened within one µs stays in the order of a life.
		slices.SortStableFunc(life, func(a, b Event) int { return int(max(-1, min(1, a.At-b.At))) })
	}
	return b.lives, nil
}

// Holders finds out which message a group was given first from each of some places, by reading the history once more. A place from
// which it was given nothing is missing from the result.
func (r *Reader) Holders(places []Place) (map[Place]message.ID, error) {
	b := &biographer{holders: make(map[Place]message.ID, len(places)), places: make(map[Place]bool, len(places))}
	for _, p := range places {
		b.places[p] = true
	}
	if _, err := r.Replay(b); err != nil {
		return nil, err
	}
	return b.holders, nil
}

// biographer is a Sink that keeps what it is asked for.
type biographer struct {
	wanted  map[message.ID]bool
	lives   map[message.ID][]Event
	places  map[Place]bool
	holders map[Place]message.ID
}

func (b *biographer) Attempt(a *Attempt) {
	if b.wanted[a.ID] {
		b.lives[a.ID] = append(b.lives[a.ID], Event{Kind: Attempted, At: a.Sent, Intended: a.Intended, Shard: a.Shard})
	}
}

func (b *biographer) Receipt(r *Receipt) {
	if b.wanted[r.ID] {
		b.lives[r.ID] = append(b.lives[r.ID], Event{Kind: Settled, At: r.At, Outcome: r.Outcome, Position: r.Position, Shard: -1})
	}
}

func (b *biographer) Deliveries(group uint32, ds []Delivery) {
	for i := range ds {
		d := &ds[i]
		if b.wanted[d.ID] {
			b.lives[d.ID] = append(b.lives[d.ID], Event{
				Kind: Delivered, At: d.At, Shard: d.Shard, Position: d.Position, Group: group, Member: d.Member, Session: d.Session,
				Redelivered: d.Redelivered, Status: d.Status,
			})
		}
		if len(b.places) == 0 || d.Status != message.Whole {
			continue
		}
		place := Place{Group: group, Shard: d.Shard, Position: d.Position}
		if _, known := b.holders[place]; !known && b.places[place] {
			b.holders[place] = d.ID
		}
	}
}
