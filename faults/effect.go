package faults

import (
	"sync/atomic"
	"time"
)

// Direction of bytes, as the client sees it. The zero value is both.
type Direction uint8

// The directions.
const (
	BothWays Direction = iota
	Sending
	Receiving
)

// Hole is what becomes of bytes that must not pass. The zero value lets them pass.
type Hole uint8

const (
	// NoHole lets bytes pass.
	NoHole Hole = iota
	// Stall keeps bytes back and lets them go on when it is lifted: what a network does that comes back before anybody gives up. Up to a
	// socket's worth is taken, then writers wait.
	Stall
	// Drop makes bytes vanish, and because no byte stream may go on after a gap, resets the connections that lost some when it is
	// lifted: what is seen of a network that comes back too late.
	Drop
)

// Effect is something done to connections for a time. Several may be in force at once: delays add up, Drop beats Stall.
type Effect struct {
	Direction Direction
	// Delay is how much later every byte arrives; Jitter moves that by up to as much in either direction, evenly. Order is kept. It
	// takes away no bandwidth.
	Delay, Jitter time.Duration
	Hole          Hole
}

func (e Effect) acts(d Direction) bool { return e.Direction == BothWays || e.Direction == d }

// LinkStats is what an effect did so far: its evidence.
type LinkStats struct {
	// Connections that came under it.
	Connections int64
	// Calls and Delayed are writes or arrivals that were delayed, and their bytes.
	Calls, Delayed int64
	// Held are bytes that were kept back, Dropped bytes that vanished.
	Held, Dropped int64
	// Dials that had to wait.
	Dials int64
	// Resets are connections that were reset when it was lifted, because they had lost bytes.
	Resets int64
}

// Applied is an effect in force, until Lift.
type Applied struct {
	effect   Effect
	selector Selector
	links    *Links
	lifted   chan struct{}
	cut      []string // the clients whose connections were reset by Lift; guarded by links.mu

	connections, calls, delayed, held, dropped, dials, resets atomic.Int64
}

// Stats may be asked at any time, also after Lift.
func (a *Applied) Stats() LinkStats {
	return LinkStats{
		Connections: a.connections.Load(), Calls: a.calls.Load(), Delayed: a.delayed.Load(), Held: a.held.Load(),
		Dropped: a.dropped.Load(), Dials: a.dials.Load(), Resets: a.resets.Load(),
	}
}
