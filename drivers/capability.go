package drivers

import (
	"context"
	"errors"
)

// What follows is optional: the engine finds it by type assertion on a Session or a Consumer, and does without where it is missing.

// Nacker is a Consumer that can hand deliveries back.
type Nacker interface {
	// Nack gives ds back; with requeue they are delivered again, without they are discarded or dead-lettered.
	Nack(ctx context.Context, ds []Delivery, requeue bool) error
}

// Locator is a Session that knows where a shard lives.
type Locator interface {
	// Locate names the nodes that hold shard of t: n1 and so on by their place in Config.Servers where the broker knows its nodes by their
	// addresses, else as the broker calls them, which are the same names in a cluster that ordeal started.
	Locate(ctx context.Context, t Topic, shard int) (Placement, error)
}

// Placement is where a shard lives, in node names.
type Placement struct {
	Leader    string
	Followers []string
}

// Identifier is a Session of a broker that calls its nodes by names of its own. The engine asks each node of a cluster that ordeal did not
// start, over a session with the one server, so that it knows whom Locate means.
type Identifier interface {
	// Identify says what the broker calls the node at the first of Config.Servers, in the words of Locate.
	Identify(ctx context.Context) (string, error)
}

// Depther is a Session that can count what a group has still to do.
type Depther interface {
	// Depth returns how many messages of t are owed to group and neither delivered nor acknowledged, by the broker's own count.
	Depth(ctx context.Context, t Topic, group string) (int64, error)
}

// Ender is a Session that knows where its shards end.
type Ender interface {
	// End returns the position of the last message of every shard, by shard. A shard without messages has no known position.
	End(ctx context.Context, t Topic) ([]Position, error)
}

// ErrNoEnd is in the error of End where the broker has answered and its answer does not say where the last messages are, as where its
// shards end with marks that are delivered to nobody. Depth, and the Fence of a replay, tell then whether everything was read.
var ErrNoEnd = errors.New("the broker does not say where its last messages are")

// Fencer is a Consumer that can tell when it has seen everything where positions cannot say so.
type Fencer interface {
	// Fence returns once everything that the broker held for this consumer when Fence was called has been returned by Receive. It
	// is called from another goroutine than Receive, which must go on meanwhile.
	Fence(ctx context.Context) error
}

// Replayer is a Session that can read what a shard of a log still holds, apart from every group. The engine uses it to tell a message that
// the broker has lost from one that it holds and did not deliver.
type Replayer interface {
	// Replay opens a Consumer that gets each message of shard from position from on, in order, once; an unknown from is the oldest that
	// the broker still has. It moves no group, its Ack does nothing, and it does not mark deliveries as redelivered. The error of a from
	// that the broker no longer has says which is the oldest.
	Replay(ctx context.Context, t Topic, shard int, from Position) (Consumer, error)
}

// ErrNoReplay is in the error of Replay where t keeps nothing that could be read again, such as a queue, whatever else the driver can
// replay.
var ErrNoReplay = errors.New("nothing is kept that could be replayed")

// Rebalancer is a Consumer whose broker, or whose client, divides a topic's shards among the members of a group.
type Rebalancer interface {
	// OnRebalance has f told the shards of this member, in ascending order: at once those it has now, then all of them after every change,
	// none when it lost them. f is called by one goroutine at a time, may be called within Receive, must not block, and is not called
	// after Close has returned. It is called once, by the goroutine that calls Receive.
	OnRebalance(f func(shards []int32))
}
