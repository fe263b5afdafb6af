package judge

// Plan is what a run is about to do, as far as judging it needs to know. It is saved in the history, so that a saved run is judged by the
// same facts. A Book does not change it.
type Plan struct {
	// Run is stamped into every message of the run.
	Run uint32 `json:"run"`
	// Producers by their ID, which is dense from 1.
	Producers []Producer `json:"producers"`
	// Groups by their ID, which is dense from 0.
	Groups []Group `json:"groups"`
}

// Producer is one sender of messages, over all its incarnations.
type Producer struct {
	ID uint32 `json:"id"`
	// Name is the first part of the names of its messages, such as "checkout-2".
	Name  string `json:"name"`
	Topic string `json:"topic"`
	// Lanes is the number of lanes it may send in, from 0 on.
	Lanes uint32 `json:"lanes"`
	// KeyLanes tells that a lane is a key; otherwise a lane is a shard.
	KeyLanes bool `json:"key_lanes"`
	// Counted producers make up the run's totals, and their acked messages are owed to every group of the topic.
	Counted bool `json:"counted"`
	// Owed tells the same of the acked messages of a producer that is not counted, such as one of probes: a lost one is lost. Of a producer
	// that is neither, whose messages may have been sent before anybody listened, only what comes is judged.
	Owed bool `json:"owed,omitempty"`
}

// Group is the consumers that share one copy of a topic, with what the broker promises them.
type Group struct {
	ID    uint32 `json:"id"`
	Name  string `json:"name"`
	Topic string `json:"topic"`
	// Members is the number of consumers; their numbers are dense from 0.
	Members uint32 `json:"members"`
	// Shards is the topic's number of shards; 0 stands for 1.
	Shards uint32 `json:"shards"`
	// AckBefore tells that the members acknowledge before their work, which makes any promise one of at most once.
	AckBefore bool `json:"ack_before"`
	// Delivery and Order are what the broker promises; Why says on which grounds.
	Delivery Semantics `json:"delivery"`
	Order    Scope     `json:"order"`
	Why      string    `json:"why"`
}

// Semantics of delivery, with the values of drivers.Semantics.
type Semantics uint8

const (
	// AtMostOnce may lose. It is the zero value: no promise.
	AtMostOnce Semantics = iota
	// AtLeastOnce may duplicate but not lose.
	AtLeastOnce
	// ExactlyOnce does neither.
	ExactlyOnce
)

// Scope of order, with the values of drivers.Scope.
type Scope uint8

const (
	// Unordered promises or asks for nothing. It is the zero value.
	Unordered Scope = iota
	// PerKey is about the messages of one producer and key.
	PerKey
	// PerShard is about the messages of one producer and shard, and with them those of a key.
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

// keepsAll tells whether the group was promised every acked message.
func (g *Group) keepsAll() bool { return g.Delivery >= AtLeastOnce && !g.AckBefore }

// keepsOnce tells whether the group was promised no message twice.
func (g *Group) keepsOnce() bool { return g.Delivery == ExactlyOnce && !g.AckBefore }

// keepsOrder tells whether the group was promised order in scope s: order per shard implies order per key.
func (g *Group) keepsOrder(s Scope) bool { return g.Order != Unordered && g.Order >= s }
