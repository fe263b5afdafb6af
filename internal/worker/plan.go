package worker

import (
	"time"

	"ordeal/drivers"
	"ordeal/internal/schedule"
)

// Plan is what one worker has to do. It is read-only once the worker exists.
type Plan struct {
	// Run is stamped into every message.
	Run  uint32
	Seed uint64
	// Until is when sending ends, in ns since the beginning.
	Until     int64
	Producers []Producer
	Probes    []Probe
	Consumers []Consumer
	// Groups that the consumers belong to; Consumer.Group is an index into it.
	Groups []Group
}

// Producer is one producer of an entry of the scenario.
type Producer struct {
	// ID is the producer's number in the judge's plan.
	ID        uint32
	Name      string
	Topic     drivers.Topic
	Guarantee drivers.Guarantee
	// Schedule is nil for a closed loop, which sends whenever the window has room.
	Schedule *schedule.Schedule
	// Rate is a hint for the pacer: messages per second of all producers together, for it is their wake-ups that add up; 0 for a closed loop.
	Rate float64
	// Tick is how often at most the producer wakes up; 0 leaves it to the pacer.
	Tick time.Duration
	// Offset and Stride say which of the schedule's messages are this producer's: Offset, Offset+Stride, …
	Offset, Stride uint64
	// Window is how many messages may be unsettled.
	Window int
	// MinSize and MaxSize of a body in bytes, both at least message.HeaderSize.
	MinSize, MaxSize int
	// Keys is nil for messages without keys.
	Keys *Keys
	// Attempts is how often a message is sent until it is acked; 1 is no retry.
	Attempts int
	// ClientRetry leaves retries to the client library.
	ClientRetry bool
}

// Probe is a message sent before the load, to prove that the whole way works.
type Probe struct {
	// ID is the probing producer's number in the judge's plan.
	ID        uint32
	Topic     drivers.Topic
	Guarantee drivers.Guarantee
	// Groups that must see it, as indices into Plan.Groups.
	Groups []int
}

// Group is the consumers that share one copy of a topic.
type Group struct {
	// ID is the group's number in the judge's plan.
	ID    uint32
	Name  string
	Topic drivers.Topic
	Spec  drivers.Group
}

// Consumer is one member of a group.
type Consumer struct {
	Name string
	// Group is an index into Plan.Groups.
	Group  int
	Member int
	// AckBatch is how many deliveries are acknowledged together; 0 acknowledges what was received together.
	AckBatch int
	// Work is how long one message keeps the consumer busy.
	Work time.Duration
}
