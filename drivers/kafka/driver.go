package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ordeal/drivers"
)

// Names of the options.
const (
	optIdempotent     = "idempotent"
	optTransactions   = "transactions"
	optLinger         = "linger"
	optCompression    = "compression"
	optMaxMessage     = "max_message_bytes"
	optRequestTimeout = "request_timeout"
	optSession        = "session_timeout"
	optBalancer       = "balancer"
	optStatic         = "static_members"
)

// balancerBroker is the balancer that is the broker itself.
const balancerBroker = "broker"

// Driver is the way to Kafka brokers. The zero value is ready; it holds nothing.
type Driver struct{}

var (
	_ drivers.Driver     = Driver{}
	_ drivers.Optioner   = Driver{}
	_ drivers.Guaranteer = Driver{}
)

// New returns the driver.
func New() Driver { return Driver{} }

// Name is "kafka".
func (Driver) Name() string { return "kafka" }

// Options declares what only Kafka has.
func (Driver) Options() []drivers.Option {
	return []drivers.Option{
		{
			Name: optIdempotent, Kind: drivers.KindBool, Default: "true",
			About: "Number the messages of a producer, so that the broker drops one that comes twice. It needs acks from all replicas: " +
				"with the guarantees sent and accepted nothing is numbered.",
		},
		{
			Name: optTransactions, Kind: drivers.KindBool, Default: "false",
			About: "Send every batch as one transaction, and read only what was committed.",
		},
		{
			Name: optLinger, Kind: drivers.KindDuration, Default: "5ms",
			About: "How long the client waits for more messages before it sends a batch, unless its window is full: linger.ms, whose default " +
				"is 5 since Kafka 4.0. It adds to ack latency at a low rate, and 0s costs a request for every few messages.",
		},
		{
			Name: optCompression, Kind: drivers.KindEnum, Default: "none", Values: []string{"none", "gzip", "snappy", "lz4", "zstd"},
			About: "How the client compresses batches.",
		},
		{
			Name: optMaxMessage, Kind: drivers.KindInt, Default: "2097152",
			About: "The largest batch, and with it the largest message, in bytes: max.message.bytes of the topic.",
		},
		{
			Name: optRequestTimeout, Kind: drivers.KindDuration, Default: "5s",
			About: "After how long without an answer a connection is given up, and what was sent on it is unknown; a message that waits in " +
				"the client for a leader is given up after twice that.",
		},
		{
			Name: optSession, Kind: drivers.KindDuration, // without a default, so that it is seen where it was given in vain
			About: "After how long without a sign of life a member's shards go to the others: session.timeout.ms of the group, 10s where it " +
				"is not given. With balancer broker the broker alone decides, by group.consumer.session.timeout.ms, and it must not be given.",
		},
		{
			Name: optBalancer, Kind: drivers.KindEnum, Default: "cooperative-sticky",
			Values: []string{"cooperative-sticky", "sticky", "range", "round-robin", balancerBroker},
			About:  "How shards are shared out in a group; broker is the protocol of Kafka 4 (KIP-848), in which the broker does so.",
		},
		{
			Name: optStatic, Kind: drivers.KindBool, Default: "true",
			About: "Members have names (group.instance.id): one that comes back takes its shards over at once, without a rebalance. With " +
				"balancer broker that takes until the broker could be told that it was gone, or its session there has timed out.",
		},
	}
}

// Reach says whether the guarantee can be kept for t, and what stands in the way.
func (Driver) Reach(cfg drivers.Config, t drivers.Topic) error {
	refuse := func(why string) error { return fmt.Errorf("topic %q cannot be %s: %s", t.Name, wanted(cfg), why) }
	guarantee := wanted(cfg)
	switch {
	case t.Model == drivers.Queue && len(t.Groups) > 1:
		return refuse("a queue has one group: set the model to log")
	case guarantee == drivers.Replicated && t.Replicas < 3:
		return refuse(fmt.Sprintf("replicas is %d: set it to 3, on a cluster such as kafka:3", t.Replicas))
	case cfg.Options.Bool(optTransactions) && guarantee <= drivers.Accepted:
		return refuse("options.kafka.transactions needs acks from all replicas: set the guarantee to replicated or durable")
	case cfg.Options.Bool(optTransactions) && cfg.Options.Text(optIdempotent) == "false":
		return refuse("options.kafka.transactions needs options.kafka.idempotent: true")
	default:
		return inVain(cfg.Options)
	}
}

// inVain refuses what was given and would change nothing.
func inVain(given drivers.Options) error {
	if given.Text(optBalancer) == balancerBroker && given.Text(optSession) != "" {
		return fmt.Errorf("options.kafka.%s has no effect with options.kafka.%s: %s, where the broker decides: leave it out, and set the "+
			"broker's group.consumer.session.timeout.ms instead", optSession, optBalancer, balancerBroker)
	}
	return nil
}

// Promise says what the configuration claims.
func (Driver) Promise(cfg drivers.Config, t drivers.Topic) drivers.Promise {
	guarantee := t.Owed(wanted(cfg))
	p := drivers.Promise{Delivery: drivers.AtLeastOnce, Order: drivers.PerShard, Survives: drivers.Crash}
	var why []string
	switch {
	case guarantee <= drivers.Sent:
		p.Delivery, p.Survives = drivers.AtMostOnce, drivers.Nothing
		why = append(why, "acks=0: no broker says that it has a message")
	case guarantee == drivers.Accepted:
		why = append(why, "acks=1: the leader has it; what followers have not copied is gone with the leader's disk or leadership")
		if t.Replicas > 1 {
			p.Survives = drivers.Nothing // not even a crash of the leader: a follower that has not copied it takes over
		}
	default:
		why = append(why, fmt.Sprintf("acks=all, %d replicas, min.insync.replicas %d, unclean elections off", t.Replicas, insync(guarantee, t)))
		if insync(guarantee, t) > 1 {
			p.Survives = drivers.NodeLoss
		}
		if guarantee == drivers.Durable {
			p.Survives = drivers.PowerLoss
			why = append(why, "every message is synced to disk (flush.messages=1)")
		} else {
			why = append(why, "disks are synced when the kernel likes")
		}
	}
	if t.Model == drivers.Broadcast {
		p.Delivery = drivers.AtMostOnce
		why = append(why, "broadcast: a listener has no group and begins at the end of the log")
	}
	for _, g := range t.Groups {
		if g.Ack == drivers.AckBefore {
			why = append(why, "group "+g.Name+" commits before it works")
		}
	}
	p.Why = strings.Join(why, "; ")
	return p
}

// insync is min.insync.replicas: a majority where an ack must mean one.
func insync(g drivers.Guarantee, t drivers.Topic) int {
	if g < drivers.Replicated {
		return 1
	}
	return t.Replicas/2 + 1
}

func wanted(cfg drivers.Config) drivers.Guarantee {
	if cfg.Guarantee == 0 {
		return drivers.Accepted
	}
	return cfg.Guarantee
}

// settings are the options in typed form.
type settings struct {
	idempotent, transactions bool
	linger                   time.Duration
	compression              string
	maxMessage               int
	requestTimeout           time.Duration
	session                  time.Duration
	balancer                 string
	static                   bool
}

func (d Driver) settings(cfg drivers.Config) (settings, error) {
	o, err := drivers.Resolve(d.Options(), cfg.Options)
	if err != nil {
		return settings{}, err
	}
	s := settings{
		idempotent: o.Bool(optIdempotent), transactions: o.Bool(optTransactions), linger: o.Duration(optLinger),
		compression: o.Text(optCompression), maxMessage: o.Int(optMaxMessage), requestTimeout: o.Duration(optRequestTimeout),
		session: 10 * time.Second, balancer: o.Text(optBalancer), static: o.Bool(optStatic),
	}
	if o.Text(optSession) != "" {
		s.session = o.Duration(optSession)
	}
	if err := inVain(o); err != nil {
		return s, err
	}
	const least, most = 512, 64 << 20 // the library writes no request of more than 100 MiB
	switch {
	case s.requestTimeout < 200*time.Millisecond:
		return s, fmt.Errorf("%s: %v is too short: set at least 200ms", optRequestTimeout, s.requestTimeout)
	case s.session < 100*time.Millisecond:
		return s, fmt.Errorf("%s: %v is too short: set at least 100ms", optSession, s.session)
	case s.linger > time.Minute:
		return s, fmt.Errorf("%s: %v is too long: set at most 1m", optLinger, s.linger)
	case s.maxMessage < least || s.maxMessage > most:
		return s, fmt.Errorf("%s: %d is not between %d and %d", optMaxMessage, s.maxMessage, least, most)
	}
	return s, nil
}

// Open connects to the first server that answers.
func (d Driver) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	set, err := d.settings(cfg)
	if err != nil {
		return nil, fmt.Errorf("open kafka session: %w", err)
	}
	if len(cfg.Servers) == 0 {
		return nil, errors.New("open kafka session: no server was given")
	}
	s := &session{cfg: cfg, env: env, set: set}
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("connect to kafka at %s: %w", strings.Join(cfg.Servers, ", "), err)
	}
	return s, nil
}
