package history

import "ordeal/internal/message"

// Attempt is one message handed to a producer for the first time. Within one producer and lane, attempts have dense sequence numbers.
type Attempt struct {
	message.ID
	Index       uint64
	Shard       int32
	Incarnation uint16
	// Intended and Sent are in ns since the run's epoch.
	Intended, Sent int64
	// Following is how many more attempts the event stands for (see Extend): 0 for one by itself.
	Following uint32
}

// Receipt is the final outcome of one message. Where its first try was rejected and it is tried again, a receipt that says so comes before.
type Receipt struct {
	message.ID
	Outcome  message.Outcome
	Position message.Position
	// At is in ns since the run's epoch.
	At int64
	// Following is how many more receipts the event stands for (see Extend): 0 for one by itself.
	Following uint32
}

// Delivery is one arrival at one member of a group.
type Delivery struct {
	message.ID
	// Status other than Whole makes the ID a claim only.
	Status      message.Status
	Group       uint32
	Member      uint32
	Index       uint64
	Incarnation uint16
	Shard       int32
	Position    message.Position
	Redelivered bool
	// Session counts the member's connections, from 0.
	Session uint32
	// At is in ns since the run's epoch.
	At int64
	// Following is how many more deliveries the event stands for (see Extend), 0 for one by itself, and Stride by how much their indices
	// rise.
	Following, Stride uint32
}
