package drivers

import "strconv"

// Message is one send. The driver reads it until it has settled it.
type Message struct {
	// Token is the engine's handle, unique among unsettled messages of a producer. It comes back in the Receipt.
	Token uint64
	// Shard is the unit of order to send to, from 0; AnyShard leaves it to the client or the broker.
	Shard int32
	Key   []byte
	// Body is what is sent. Its first Retried bytes may differ from one try of a message to the next; the rest names it.
	Body []byte
	// Headers are sent as the broker's own headers, in order. Usually nil.
	Headers []Header
}

// Retried is how many bytes at the beginning of a body another try of the same message may change.
const Retried = 8

// AnyShard in Message.Shard leaves the choice of the shard to the client library or the broker.
const AnyShard int32 = -1

// Header is one name and value that travels beside a body.
type Header struct {
	Name  string
	Value []byte
}

// Receipt is the broker's answer to one send, or what is known where no answer came.
type Receipt struct {
	Token    uint64
	Outcome  Outcome
	Position Position
	// Err is nil for Acked, and says why otherwise.
	Err error
	// More promises that another receipt, for which the broker's answer is there as well, follows at once: one clock reading serves them
	// all, and the messages' places in the window are free again with the last of them, which must not promise. The zero value is always
	// right.
	More bool
}

// Outcome of a send. The zero value is Unknown, so that a careless driver cannot accuse a broker.
type Outcome uint8

const (
	// Unknown sends may have happened or not, or may still happen.
	Unknown Outcome = iota
	// Acked sends were confirmed as the guarantee asks.
	Acked
	// Rejected sends definitely did not happen and will not.
	Rejected
)

// String gives the outcome's word in reports.
func (o Outcome) String() string {
	switch o {
	case Acked:
		return "acked"
	case Rejected:
		return "rejected"
	default:
		return "unknown"
	}
}

// Position is a place in a shard as the broker numbers it. Positions of one shard are ordered by Major, then Minor. The zero value means
// that no position is known. Kafka, JetStream and streams of RabbitMQ use Minor alone; Redis has milliseconds in Major.
type Position struct {
	Major, Minor uint64
	Known        bool
}

// At is the known position n of a broker that counts with one number.
func At(n uint64) Position { return Position{Minor: n, Known: true} }

// Before tells whether p comes before q. Unknown positions are before nothing and after nothing.
func (p Position) Before(q Position) bool {
	if !p.Known || !q.Known {
		return false
	}
	return p.Major < q.Major || p.Major == q.Major && p.Minor < q.Minor
}

// String gives the position as the broker's own tools show it; "?" where it is unknown.
func (p Position) String() string {
	switch {
	case !p.Known:
		return "?"
	case p.Major == 0:
		return strconv.FormatUint(p.Minor, 10)
	default:
		return strconv.FormatUint(p.Major, 10) + "-" + strconv.FormatUint(p.Minor, 10)
	}
}

// Delivery is one arrival of a message at one consumer.
type Delivery struct {
	// Shard it came from, from 0, or AnyShard where the broker does not say.
	Shard    int32
	Position Position
	Key      []byte
	Body     []byte
	// Redelivered tells that the broker marked it as delivered before.
	Redelivered bool
	// Attempt is the broker's count of deliveries of this message, from 1; 0 where it keeps none.
	Attempt int
	// Tag and Ref are the driver's own, for Ack and Nack.
	Tag uint64
	Ref any
}
