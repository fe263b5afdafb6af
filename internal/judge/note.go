package judge

import (
	"ordeal/internal/history"
	"ordeal/internal/message"
)

// Kind of an oddity.
type Kind uint8

const (
	// Lost messages were acked, the group's drain was complete, and they never came.
	Lost Kind = iota
	// Unseen messages were acked and had not come when the drain ended before its time.
	Unseen
	// Foreign deliveries were not stamped by this run.
	Foreign
	// Stranger deliveries name a producer, a lane or a topic that the group does not read.
	Stranger
	// Beyond deliveries have a sequence number that was never attempted.
	Beyond
	// Resurrected messages were rejected, at last or when they were first sent, and what was rejected was delivered all the same.
	Resurrected
	// Corrupted deliveries do not match their checksum.
	Corrupted
	// Redelivered deliveries repeat a message: the broker flagged it, or gave it from the same place again.
	Redelivered
	// InLog deliveries repeat a message from another place in the log.
	InLog
	// Unexplained deliveries repeat a message without a flag or a position that would explain it.
	Unexplained
	// Reordered messages came after a younger one.
	Reordered

	kinds
)

// String gives the kind's word in reports.
func (k Kind) String() string {
	switch k {
	case Lost:
		return "lost"
	case Unseen:
		return "unseen"
	case Foreign, Stranger, Beyond, Resurrected:
		return "phantom"
	case Corrupted:
		return "corrupted"
	case Redelivered, InLog, Unexplained:
		return "duplicated"
	case Reordered:
		return "reordered"
	default:
		return "odd"
	}
}

// Note is one oddity, exactly.
type Note struct {
	Kind Kind
	// ID of the message; what a corrupt, foreign or stranger body claims to be.
	ID message.ID
	// Group is the number of the group that noticed.
	Group uint32
	// Shard and Position are where the delivery came from; Shard is -1 and Position unknown for a message that never came.
	Shard    int32
	Position message.Position
	// At is when it came, in ns since the run's epoch.
	At int64
	// Distance of a reordered message: how far the youngest before it was ahead, in messages of its lane or of its producer.
	Distance uint64
	// Holding of a lost message.
	Holding Holding
	// scope in which a message is reordered.
	scope Scope
}

// maxNotes bounds how many notes of a kind a group keeps. Counts are exact beyond it.
const maxNotes = 1 << 14

// notes are the first oddities of each kind that a group noticed.
type notes [kinds][]Note

func (n *notes) add(kind Kind, d *history.Delivery) *Note {
	if len(n[kind]) >= maxNotes {
		return &Note{}
	}
	n[kind] = append(n[kind], Note{Kind: kind, ID: d.ID, Group: d.Group, Shard: d.Shard, Position: d.Position, At: d.At})
	return &n[kind][len(n[kind])-1]
}

func (n *notes) merge(other *notes) {
	for kind := range other {
		room := max(0, min(maxNotes-len(n[kind]), len(other[kind])))
		n[kind] = append(n[kind], other[kind][:room]...)
	}
}
