package measure

// Metric is a kind of latency. Every one is recorded in ns, of a clock that the caller reads.
type Metric uint8

const (
	// Ack latency: from the intended send to the receipt.
	Ack Metric = iota
	// EndToEnd latency: from the intended send to the delivery.
	EndToEnd
	// Service time: from the actual send to the receipt.
	Service
	// Lag is from the intended send to the actual send, whatever the reason.
	Lag
	// Own lag is the part of the lag that is ordeal's doing, not that of a full window or of a broker that is away. It judges the generator.
	Own
)

// metricCount is how many there are.
const metricCount = 5

// String gives the metric's word, as run.json and the tags of latency.hlog have it.
func (m Metric) String() string {
	switch m {
	case Ack:
		return "ack"
	case EndToEnd:
		return "end_to_end"
	case Service:
		return "service"
	case Lag:
		return "lag"
	default:
		return "own_lag"
	}
}

// Metrics lists all kinds.
func Metrics() []Metric { return []Metric{Ack, EndToEnd, Service, Lag, Own} }
