package drivers

// Model of a topic.
type Model uint8

const (
	// Log keeps its messages, and every group reads all of them. It is the zero value.
	Log Model = iota
	// Queue has one copy of each message, and its consumers compete.
	Queue
	// Broadcast reaches whoever listens at the moment, and keeps nothing.
	Broadcast
)

// String gives the model's word in scenarios.
func (m Model) String() string {
	switch m {
	case Queue:
		return "queue"
	case Broadcast:
		return "broadcast"
	default:
		return "log"
	}
}

// Topic is a destination as a scenario describes it, with its name on the broker.
type Topic struct {
	// Name on the broker; letters, digits, '-' and '_' only.
	Name  string
	Model Model
	// Shards and Replicas are at least 1.
	Shards, Replicas int
	// Groups that will read it; some brokers must know them before the first message.
	Groups []Group
	// Least is the weakest guarantee that any of its producers asks for; 0 means that of the Config.
	Least Guarantee
}

// Owed is what every message of the topic is sent with, where g is what the Config asks for: other topics may need more. Drivers call it in
// Promise, and in Audit for settings of the client.
func (t Topic) Owed(g Guarantee) Guarantee {
	if t.Least > 0 {
		return min(t.Least, g)
	}
	return g
}

// Group is a set of consumers that share one copy of a topic.
type Group struct {
	Name string
	// Members is the number of consumers, at least 1.
	Members int
	Ack     AckMode
	// Prefetch is how many deliveries may be unacknowledged for one member.
	Prefetch int
}

// AckMode is when a consumer acknowledges.
type AckMode uint8

const (
	// AckAfter acknowledges when the work is done: at least once. It is the zero value.
	AckAfter AckMode = iota
	// AckBefore acknowledges on arrival: at most once.
	AckBefore
)

// String gives the mode's word in scenarios.
func (m AckMode) String() string {
	if m == AckBefore {
		return "before"
	}
	return "after"
}

// ProducerSpec describes a producer.
type ProducerSpec struct {
	Topic     Topic
	Guarantee Guarantee
	// Window is how many messages may be unsettled, at least 1; the engine never exceeds it.
	Window int
	// ClientRetry lets the client library retry in its own way; otherwise it must not.
	ClientRetry bool
}

// ConsumerSpec describes one member of a group.
type ConsumerSpec struct {
	Topic Topic
	// Group is one of Topic.Groups.
	Group Group
	// Member is this consumer's number within the group, from 0.
	Member int
}
