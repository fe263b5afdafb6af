package scenarios

import (
	"time"

	"ordeal/drivers"
	"ordeal/internal/message"
)

// MinSize and MaxSize bound the body of a message, in bytes. Every message carries its own identity in its first MinSize bytes.
const (
	MinSize = message.HeaderSize
	MaxSize = 64 << 20
)

// Producer is an entry of producers that are alike.
type Producer struct {
	Name      string            `key:"-"`
	To        string            `key:"to" about:"The topic."`
	Count     int               `key:"count" default:"1" min:"1" max:"10000" about:"Producers that share the rate, each with a connection and a window of its own."`
	Rate      Rate              `key:"rate" about:"Messages of the whole entry."`
	Arrival   Arrival           `key:"arrival" default:"uniform" about:"How messages are spread in time: evenly, or as many independent clients would send them."`
	Size      Size              `key:"size" default:"256B" about:"Bytes of a body: one size, or a range to draw from evenly."`
	Keys      Keys              `key:"keys" default:"none" about:"Keys of messages; without them messages have none and go round the shards."`
	Guarantee drivers.Guarantee `key:"guarantee" default:"accepted" about:"What an ack must mean: sent to the network, accepted by one node, replicated on a majority, durable on the disks of a majority."`
	Window    int               `key:"window" default:"1000" min:"1" max:"1000000" about:"How many messages of one producer may be without a receipt."`
	Retry     Retry             `key:"retry" default:"none" about:"What happens to a send that was not acked: nothing, the client library's own retries, or this many attempts in all."`
}

// Rate is how fast an entry sends. The zero value is not valid.
type Rate struct {
	// Max is a closed loop: as fast as the window allows. There are no segments then.
	Max bool
	// Segments follow one another from the start of the first phase; the last one's To holds on.
	Segments []Segment
}

// Segment is a stretch in which the rate goes in a straight line from From to To, in messages per second. For is 0 for a constant rate.
type Segment struct {
	From, To float64
	For      time.Duration
}

// Arrival is how messages are spread over the time that a rate gives them.
type Arrival uint8

const (
	// Uniform spreads them evenly. It is the zero value.
	Uniform Arrival = iota
	// Poisson sends as many independent clients would: with exponential gaps.
	Poisson
)

// String gives the arrival's word in scenarios.
func (a Arrival) String() string {
	if a == Poisson {
		return "poisson"
	}
	return "uniform"
}

// Size of a body in bytes, drawn evenly from Min to Max, both included; a fixed size where they are equal.
type Size struct{ Min, Max int }

// Keys of messages. The zero value is no keys.
type Keys struct {
	Count int  `key:"count" min:"1" max:"10000000" about:"How many different keys there are."`
	Pick  Pick `key:"pick" default:"uniform" about:"How a message gets its key: each as likely as the others, or few of them often as real traffic has it."`
}

// Pick is how keys are chosen.
type Pick uint8

const (
	// PickUniform makes every key as likely as the others. It is the zero value.
	PickUniform Pick = iota
	// PickZipf makes few keys frequent and many rare.
	PickZipf
)

// String gives the choice's word in scenarios.
func (p Pick) String() string {
	if p == PickZipf {
		return "zipf"
	}
	return "uniform"
}

// Retry is what happens to a send that was not acked. The zero value is not valid; without retries Attempts is 1.
type Retry struct {
	// Client leaves it to the client library; Attempts is 1 then.
	Client bool
	// Attempts is how often ordeal sends a message in all, until it is acked.
	Attempts int
}
