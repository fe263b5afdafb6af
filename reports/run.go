package reports

import "time"

// Schema is the value of Run.Schema that this package writes.
const Schema = "ordeal.run/1"

// Verdict is the answer of a check, a gate or a run, from best to worst.
type Verdict string

// The verdicts. They merge by the worst (see Worst).
const (
	Pass         Verdict = "pass"
	Inconclusive Verdict = "inconclusive"
	Fail         Verdict = "fail"
)

// Worst merges verdicts: fail beats inconclusive beats pass. With none given it is Inconclusive, for nothing was shown.
func Worst(vs ...Verdict) Verdict {
	worst := Verdict("")
	for _, v := range vs {
		switch {
		case v == Fail || worst == Fail:
			worst = Fail
		case v == Pass && (worst == "" || worst == Pass):
			worst = Pass
		default:
			worst = Inconclusive
		}
	}
	if worst == "" {
		return Inconclusive
	}
	return worst
}

// Run is everything one execution of a scenario found out: the content of run.json. Field names are a contract with other people's
// scripts. Durations are nanoseconds, rates are messages per second. Offsets (…At, Start, End) are nanoseconds since Started.
type Run struct {
	Schema   string    `json:"schema"`
	ID       string    `json:"id"`
	Seed     uint64    `json:"seed"`
	Verdict  Verdict   `json:"verdict"`
	Exit     int       `json:"exit"`
	Headline string    `json:"headline"` // the verdict in one sentence
	Reasons  []string  `json:"reasons"`  // why it is not a pass, one sentence each; empty for a pass
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Command  string    `json:"command"` // reproduces the run
	Folder   string    `json:"folder"`
	// Interrupted runs were cut short by the user; what they know is still true.
	Interrupted bool `json:"interrupted"`

	Scenario Scenario `json:"scenario"`
	Target   Target   `json:"target"`
	Counts   Counts   `json:"counts"`
	Checks   []Check  `json:"checks"`
	Phases   []Phase  `json:"phases"`
	Faults   []Fault  `json:"faults"`
	Gates    []Gate   `json:"gates"`
	Drains   []Drain  `json:"drains"`
	Replays  []Replay `json:"replays,omitempty"`
	// LeftBehind says what could not be undone or taken away when the run was over; empty in all other runs.
	LeftBehind  string      `json:"left_behind,omitempty"`
	Harness     Harness     `json:"harness"`
	Environment Environment `json:"environment"`
	Series      []Second    `json:"series"`
	Curves      []Curve     `json:"curves"`
	Heat        Heat        `json:"heat"`
	Events      []Event     `json:"events"`
}

// Scenario names what was run. SHA256 is of the resolved scenario.yaml in the run folder.
type Scenario struct {
	Name   string `json:"name"`
	About  string `json:"about"`
	SHA256 string `json:"sha256"`
}

// Target says what it was run on, and what an ack was worth there.
type Target struct {
	Name      string   `json:"name"`
	Driver    string   `json:"driver"`
	Version   string   `json:"version"` // of the broker, as it says itself
	Nodes     []string `json:"nodes"`   // name and address
	Guarantee string   `json:"guarantee"`
	// GuaranteeVerdict is pass where the audit confirmed every fact, inconclusive where some could not be verified.
	GuaranteeVerdict Verdict `json:"guarantee_verdict"`
	Promise          string  `json:"promise"` // in one sentence
	Audit            []Fact  `json:"audit"`
	// CPUSeconds is the CPU time that the processes of all nodes used during the load and the drain, and RSSMax the largest memory that they
	// had, in bytes, added up. Both are 0 where they are not known: the nodes are not ordeal's own, or the system does not tell.
	CPUSeconds float64 `json:"cpu_seconds"`
	RSSMax     int64   `json:"rss_max"`
}

// Fact is one audited setting; Status is confirmed, contradicted or unverified.
type Fact struct {
	Topic   string `json:"topic"`
	Setting string `json:"setting"`
	Want    string `json:"want"`
	Have    string `json:"have"`
	Status  string `json:"status"`
	Note    string `json:"note,omitempty"`
}

// Counts are of the whole run, warm-up included. Unique counts distinct messages delivered, per group and added up.
type Counts struct {
	Attempted int64 `json:"attempted"`
	Acked     int64 `json:"acked"`
	Rejected  int64 `json:"rejected"`
	Unknown   int64 `json:"unknown"`
	Delivered int64 `json:"delivered"`
	Unique    int64 `json:"unique"`
	// Owed is how many of the acked are of topics that a group reads.
	Owed int64 `json:"owed"`
	// Unsent messages were due and never handed to a driver.
	Unsent int64 `json:"unsent"`
	// Resent counts sends repeated by the scenario's retry.
	Resent     int64 `json:"resent"`
	Reconnects int64 `json:"reconnects"`
	// Rebalances is how often a consumer was given other shards than it read before, while the load or the drain went on.
	Rebalances int64 `json:"rebalances,omitempty"`
}

// Check is one rule about messages and its verdict.
type Check struct {
	Name      string `json:"name"`
	Guarantee string `json:"guarantee"` // the rule in one sentence
	// Max is how many oddities the scenario tolerates; only duplicates has it.
	Max     int64   `json:"max,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Promised tells whether the broker, so configured, claims it; Promise says on which grounds.
	Promised    bool             `json:"promised"`
	Promise     string           `json:"promise"`
	Comparisons int64            `json:"comparisons"`
	Counts      map[string]int64 `json:"counts"`
	// Why is one sentence: what was found, or why nothing can be said.
	Why      string    `json:"why"`
	Examples []Example `json:"examples"`
}

// Example is one message that a check has something to say about.
type Example struct {
	// Message is its name, such as "checkout-2/1/81402": producer, lane, sequence number.
	Message string `json:"message"`
	Kind    string `json:"kind"` // lost, duplicated, reordered, phantom, corrupted, unseen
	Group   string `json:"group,omitempty"`
	Detail  string `json:"detail"`
	// Broker tells of a lost message whether the broker still holds it: held, gone or unclear; empty where no replay was made.
	Broker string `json:"broker,omitempty"`
	Life   []Step `json:"life"` // its steps in order of time, as far as the history has them
}

// Step in the life of a message; At is negative where the time is not known.
type Step struct {
	At   int64  `json:"at"`
	What string `json:"what"` // sent, acked, delivered, fault …
	Note string `json:"note,omitempty"`
	// Tone colours it: "", good or bad.
	Tone string `json:"tone,omitempty"`
}

// Phase is one measured stretch. Messages belong to the phase in which they were intended to be sent; rates count what happened in it.
type Phase struct {
	Name     string  `json:"name"`
	Recorded bool    `json:"recorded"`
	Start    int64   `json:"start"`
	End      int64   `json:"end"`
	Seconds  float64 `json:"seconds"`
	// OfferedRate is what the schedule asked for; -1 for a closed loop, which asks for as much as goes.
	OfferedRate  float64 `json:"offered_rate"`
	SentRate     float64 `json:"sent_rate"`
	AckedRate    float64 `json:"acked_rate"`
	ReceivedRate float64 `json:"received_rate"`
	// GapMax is the longest time in which a group received nothing, cut at the phase's ends; GapWhole the longest that began in the phase,
	// wherever it ended.
	GapWhole int64       `json:"gap_whole"`
	GapMax   int64       `json:"gap_max"`
	Ack      Percentiles `json:"ack"`
	EndToEnd Percentiles `json:"end_to_end"`
	Service  Percentiles `json:"service"`
	Lag      Percentiles `json:"lag"`
	Rejected int64       `json:"rejected"`
	Unknown  int64       `json:"unknown"`
}

// Percentiles of one kind of latency, in ns. With Count 0 the others mean nothing.
type Percentiles struct {
	P50   int64   `json:"p50"`
	P90   int64   `json:"p90"`
	P99   int64   `json:"p99"`
	P999  int64   `json:"p999"`
	Max   int64   `json:"max"`
	Mean  float64 `json:"mean"`
	Count int64   `json:"count"`
}

// Fault is one thing done to broker, network or client. Times are offsets in ns; 0 means that it never came to that.
type Fault struct {
	Kind      string `json:"kind"`
	Target    string `json:"target"`   // as the scenario says
	Resolved  string `json:"resolved"` // what it turned out to be
	Phase     string `json:"phase"`
	Requested int64  `json:"requested"`
	Effective int64  `json:"effective"`
	Recovered int64  `json:"recovered"`
	Settled   int64  `json:"settled"`
	// Verdict is pass where the evidence shows that it bit and was undone.
	Verdict  Verdict           `json:"verdict"`
	Why      string            `json:"why"` // one sentence
	Evidence map[string]string `json:"evidence"`
	// NotUndone tells that something of it may still be in effect: people have to look, and `ordeal faults undo` may help.
	NotUndone bool `json:"not_undone,omitempty"`
}

// Gate is a threshold on a measured figure. Value and Limit are as they would be written in a gate.
type Gate struct {
	Expr    string  `json:"expr"`
	Value   string  `json:"value"`
	Limit   string  `json:"limit"`
	Met     bool    `json:"met"`
	Verdict Verdict `json:"verdict"` // inconclusive where there was nothing to measure
	Why     string  `json:"why,omitempty"`
}

// Drain says how the reading at the end of a run went, per group.
type Drain struct {
	Topic    string  `json:"topic"`
	Group    string  `json:"group"`
	Complete bool    `json:"complete"`
	Seconds  float64 `json:"seconds"`
	Why      string  `json:"why"` // the broker's own end, or what kept the drain from it
}

// Replay is a second look at a topic of which messages were lost, apart from every group: what of them the broker still holds. There is one
// only for a topic that keeps its messages, on a broker that can replay them.
type Replay struct {
	Topic string `json:"topic"`
	// Complete replays read everything that the broker holds where the lost messages could be: what they did not find is gone.
	Complete bool `json:"complete"`
	// Why is what kept it from being complete, or from telling of the messages in Open.
	Why     string  `json:"why,omitempty"`
	Seconds float64 `json:"seconds"`
	// Messages is how many were read.
	Messages int64 `json:"messages"`
	// Held are the lost messages that were found, Open those whose place is older than what the broker keeps; both in order.
	Held []Span `json:"held"`
	Open []Span `json:"open,omitempty"`
	// Places are where the first of Held were found.
	Places []Place `json:"places,omitempty"`
}

// Span is a stretch of messages of one lane, from From to before To.
type Span struct {
	Producer uint32 `json:"producer"`
	Lane     uint32 `json:"lane"`
	From     uint64 `json:"from"`
	To       uint64 `json:"to"`
}

// Place is where the broker holds a message. Position is as the broker's own tools show it.
type Place struct {
	Message  string `json:"message"`
	Shard    int32  `json:"shard"`
	Position string `json:"position"`
}

// Harness is the generator's own health. Verdict is pass, or inconclusive where ordeal was the bottleneck.
type Harness struct {
	Verdict    Verdict `json:"verdict"`
	Why        string  `json:"why"`
	LagP99     int64   `json:"lag_p99"` // lateness that was ordeal's own, not the window's
	CPUSeconds float64 `json:"cpu_seconds"`
	CPUShare   float64 `json:"cpu_share"` // of all cores
	CPUPerMsg  int64   `json:"cpu_per_message"`
	// Processors is how many of the cores ordeal had for most of the time: a run that one carries with ease gets one. 0 where it is not known.
	Processors int `json:"processors,omitempty"`
	// Coalesced is for how long, in ns and at most, what arrived for closed loops waited to wake ordeal together: a 32nd of the time that a
	// message was under way, or less. 0 for not at all.
	Coalesced int64 `json:"coalesced,omitempty"`
	GCCycles  int64 `json:"gc_cycles"`
	GCPause   int64 `json:"gc_pause"`
	HiccupP99 int64 `json:"hiccup_p99"`
	HiccupMax int64 `json:"hiccup_max"`
	RSSMax    int64 `json:"rss_max"` // bytes
	// ClockStep is how far the wall clock moved against the monotonic one. Figures rest on the latter.
	ClockStep int64 `json:"clock_step"`
	// Overflow counts samples above what the histograms hold; they are recorded as the largest value.
	Overflow int64 `json:"overflow"`
	// HistoryBytes and HistoryEvents are what history.bin holds; HistoryCut says why it is not whole.
	HistoryBytes  int64  `json:"history_bytes"`
	HistoryEvents int64  `json:"history_events"`
	HistoryCut    string `json:"history_cut,omitempty"`
}

// Environment is where the run took place.
type Environment struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Go     string `json:"go"`
	Ordeal string `json:"ordeal"`
	Broker string `json:"broker"`
}

// Second is one second of the run, by the time at which things happened. Latencies are ns, 0 without samples.
type Second struct {
	At       int64   `json:"at"` // its start
	Offered  float64 `json:"offered"`
	Sent     float64 `json:"sent"`
	Acked    float64 `json:"acked"`
	Received float64 `json:"received"`
	Rejected float64 `json:"rejected"`
	Unknown  float64 `json:"unknown"`
	// Backlog is how many acked messages had not yet reached the slowest group at the second's end.
	Backlog int64 `json:"backlog"`
	P50     int64 `json:"p50"` // end to end
	P99     int64 `json:"p99"`
	Max     int64 `json:"max"`
	AckP50  int64 `json:"ack_p50"`
	AckP99  int64 `json:"ack_p99"`
}

// Curve is the percentile curve of one kind of latency in one phase.
type Curve struct {
	Phase  string  `json:"phase"`
	Metric string  `json:"metric"` // ack, end_to_end, service or lag
	Points []Point `json:"points"`
}

// Point of a curve: Quantile is from 0 to 1, Value in ns.
type Point struct {
	Quantile float64 `json:"q"`
	Value    int64   `json:"v"`
}

// Heat is the end-to-end latency heat map: Cells[i][j] is the number of samples of second i that fall below Bounds[j] and not below
// the bound before. Bounds are ns, rising.
type Heat struct {
	Bounds []int64   `json:"bounds"`
	Cells  [][]int64 `json:"cells"`
}

// Event is one line of events.ndjson.
type Event struct {
	At   int64  `json:"at"`
	Kind string `json:"kind"` // phase, fault, connect, rebalance, drain, replay, warning, verdict
	Text string `json:"text"`
}
