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
	To        string            `key:"to" takes:"the name of a topic"`
	Count     int               `key:"count" default:"1" min:"1" max:"10000"`
	Rate      Rate              `key:"rate"`
	Arrival   Arrival           `key:"arrival" default:"uniform"`
	Size      Size              `key:"size" default:"256B"`
	Keys      Keys              `key:"keys" default:"none"`
	Guarantee drivers.Guarantee `key:"guarantee" default:"accepted"`
	Window    int               `key:"window" default:"1000" min:"1" max:"1000000"`
	Retry     Retry             `key:"retry" default:"none"`
	// Tick is how often at most each producer wakes up; 0 leaves it to the pacer.
	Tick time.Duration `key:"tick" default:"0s"`
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
	Count int  `key:"count" min:"1" max:"10000000"`
	Pick  Pick `key:"pick" default:"uniform"`
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
