package drivers

import "fmt"

// Guarantee is what an ack must mean, from weak to strong. The zero value is unset.
type Guarantee uint8

const (
	// Sent means that the message was handed to the network.
	Sent Guarantee = iota + 1
	// Accepted means that one node has it.
	Accepted
	// Replicated means that a majority of nodes has it.
	Replicated
	// Durable means that a majority has it on disk, fsynced.
	Durable
)

// Guarantees lists all, from weak to strong.
func Guarantees() []Guarantee { return []Guarantee{Sent, Accepted, Replicated, Durable} }

// String gives the guarantee's word in scenarios.
func (g Guarantee) String() string {
	switch g {
	case Sent:
		return "sent"
	case Accepted:
		return "accepted"
	case Replicated:
		return "replicated"
	case Durable:
		return "durable"
	default:
		return "unset"
	}
}

// ParseGuarantee is the inverse of String.
func ParseGuarantee(s string) (Guarantee, error) {
	for _, g := range Guarantees() {
		if g.String() == s {
			return g, nil
		}
	}
	return 0, fmt.Errorf("guarantee %q is none of sent, accepted, replicated, durable", s)
}

// Promise is what a broker, so configured, claims. Judging a demand that was never promised still fails, but says so.
type Promise struct {
	// Delivery of acked messages to a group that acknowledges after its work.
	Delivery Semantics
	// Order is the scope in which first deliveries come in the order of sending.
	Order Scope
	// Survives is what an ack outlives.
	Survives Survival
	// Why names the settings that the claim rests on, such as "R3, file storage, explicit acks", and its limits.
	Why string
}

// Semantics of delivery.
type Semantics uint8

const (
	// AtMostOnce may lose. It is the zero value: no claim.
	AtMostOnce Semantics = iota
	// AtLeastOnce may duplicate but not lose.
	AtLeastOnce
	// ExactlyOnce does neither.
	ExactlyOnce
)

// String gives the semantics in words.
func (s Semantics) String() string {
	switch s {
	case AtLeastOnce:
		return "at least once"
	case ExactlyOnce:
		return "exactly once"
	default:
		return "at most once"
	}
}

// Scope of order.
type Scope uint8

const (
	// Unordered claims nothing. It is the zero value.
	Unordered Scope = iota
	// PerKey keeps the messages of one producer and key in order.
	PerKey
	// PerShard keeps the messages of one producer and shard in order, and with them those of a key.
	PerShard
)

// String gives the scope's word in scenarios.
func (s Scope) String() string {
	switch s {
	case PerKey:
		return "per-key"
	case PerShard:
		return "per-shard"
	default:
		return "none"
	}
}

// Survival is what an acked message outlives.
type Survival uint8

const (
	// Nothing is outlived: an ack promises nothing. It is the zero value.
	Nothing Survival = iota
	// Crash of the node's process is outlived.
	Crash
	// NodeLoss is outlived: one node may vanish with its disk.
	NodeLoss
	// PowerLoss of all nodes at once is outlived.
	PowerLoss
)

// String gives the survival in words.
func (s Survival) String() string {
	switch s {
	case Crash:
		return "a crash of the process"
	case NodeLoss:
		return "the loss of a node"
	case PowerLoss:
		return "power loss"
	default:
		return "nothing"
	}
}

// VersionSetting is the Setting of the fact by which a driver tells the broker's own version.
const VersionSetting = "server version"

// Fact is one setting that a guarantee rests on, as the broker itself reports it.
type Fact struct {
	// Setting as the broker names it, with node or topic where it is theirs: "stream orders num_replicas".
	Setting string
	// Want is what the guarantee needs; Have what the broker says, empty where it could not be asked.
	Want, Have string
	Status     FactStatus
	// Note says what follows from it, or why it could not be verified.
	Note string
}

// FactStatus tells whether the broker's word agrees.
type FactStatus uint8

const (
	// Unverified facts could not be read. It is the zero value.
	Unverified FactStatus = iota
	// Confirmed facts agree.
	Confirmed
	// Contradicted facts do not: the guarantee is not given.
	Contradicted
)

// String gives the status in words.
func (s FactStatus) String() string {
	switch s {
	case Confirmed:
		return "confirmed"
	case Contradicted:
		return "contradicted"
	default:
		return "unverified"
	}
}
