package message

// Outcome of a send, as drivers.Outcome. The zero value is Unknown.
type Outcome uint8

// The outcomes, in the order of drivers.Outcome.
const (
	Unknown Outcome = iota
	Acked
	Rejected
)

// String gives the outcome's word.
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

// Position in a shard, laid out as drivers.Position so that one converts to the other. The zero value is unknown.
type Position struct {
	Major, Minor uint64
	Known        bool
}

// Next tells whether p comes after q and nothing can lie between the two. Unknown positions are next to nothing.
func (p Position) Next(q Position) bool {
	return p.Known && q.Known && p.Major == q.Major && p.Minor == q.Minor+1 && p.Minor > 0
}

// Before tells whether p comes before q; unknown positions are before nothing.
func (p Position) Before(q Position) bool {
	if !p.Known || !q.Known {
		return false
	}
	return p.Major < q.Major || p.Major == q.Major && p.Minor < q.Minor
}
