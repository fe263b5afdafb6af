package kafka

import (
	"slices"
	"sync"
)

// noLeader is the leader of a shard while it is being looked for.
const noLeader = -1

// position is how far a shard was asked for. It has one owner at a time, who alone touches its fields: the goroutine that looks for leaders
// while leader is noLeader, else the one that asks this leader. The table's lock guards leader itself.
type position struct {
	of *progress
	// at is the offset to ask for, epoch the leader's when the record before it was written, -1 where that is unknown.
	at    int64
	epoch int32
	// leader is a broker's number, leaderEpoch its epoch as leader, -1 where the broker does not number them.
	leader, leaderEpoch int32
	// checked tells that the leader has what was read before at.
	checked bool
	// unknown counts answers in a row that the leader does not know the topic, rewound those that an earlier epoch is the present one.
	unknown, rewound int
}

// positions are all shards that an intake reads.
type positions struct {
	mu  sync.Mutex
	all []*position
	// turn moves the shards of a request on by one each time: the first gets the most room in the answer (KIP-74).
	turn int
	// seeking wakes whoever looks for leaders, calls whoever asks a broker.
	seeking chan struct{}
	calls   map[int32]chan struct{}
}

func newPositions() *positions {
	return &positions{seeking: make(chan struct{}, 1), calls: make(map[int32]chan struct{})}
}

// add begins to read a shard; one that is being read already goes on where it is.
func (ps *positions) add(p *progress, at int64, epoch int32) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if !slices.ContainsFunc(ps.all, func(have *position) bool { return have.of == p }) {
		ps.all = append(ps.all, &position{of: p, at: at, epoch: epoch, leader: noLeader, leaderEpoch: -1})
		wake(ps.seeking)
	}
}

// remove ends the reading of a shard.
func (ps *positions) remove(p *progress) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.all = slices.DeleteFunc(ps.all, func(have *position) bool { return have.of == p })
}

// of are the shards that a broker leads, each time in another order.
func (ps *positions) of(broker int32) []*position {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.turn++
	var led []*position
	for i := range ps.all {
		if p := ps.all[(i+ps.turn)%len(ps.all)]; p.leader == broker {
			led = append(led, p)
		}
	}
	return led
}

// settle gives a shard to its leader. call wakes whoever asks that broker; fresh tells that nobody does yet.
func (ps *positions) settle(p *position, leader int32) (call chan struct{}, fresh bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.leader = leader
	call, ok := ps.calls[leader]
	if !ok {
		call = make(chan struct{}, 1)
		ps.calls[leader] = call
	}
	wake(call)
	return call, !ok
}

// lose says that a shard's leader is not known any more.
func (ps *positions) lose(lost ...*position) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range lost {
		p.leader = noLeader
	}
	wake(ps.seeking)
}

// wake wakes a goroutine, now or when it next looks.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
