package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ordeal/drivers"
)

// Names of the options.
const (
	optMaxLen        = "max_len"
	optClaimIdle     = "claim_idle"
	optWaitTimeout   = "wait_timeout"
	optAnswerTimeout = "answer_timeout"
	optQueue         = "queue"
)

// Driver is the way to Redis servers. The zero value is ready; it holds nothing.
type Driver struct{}

var (
	_ drivers.Driver     = Driver{}
	_ drivers.Optioner   = Driver{}
	_ drivers.Guaranteer = Driver{}
)

// New returns the driver.
func New() Driver { return Driver{} }

// Name is "redis".
func (Driver) Name() string { return "redis" }

// Options declares what only Redis has.
func (Driver) Options() []drivers.Option {
	return []drivers.Option{
		{
			Name: optQueue, Kind: drivers.KindEnum, Default: "stream", Values: []string{"stream", "list"},
			About: "What a topic of model queue is kept in: a stream with a consumer group, or a list from which each consumer moves messages to " +
				"a list of its own (LMOVE), as simple job queues do. A list has no positions, keys or counts of deliveries.",
		},
		{
			Name: optMaxLen, Kind: drivers.KindInt, Default: "0",
			About: "About how many entries a stream keeps (MAXLEN ~); 0 for all. What is trimmed is gone, also when no group has read it.",
		},
		{
			Name: optClaimIdle, Kind: drivers.KindDuration, Default: "2s",
			About: "After how long without a sign of life the others of its group claim what a consumer has not acknowledged.",
		},
		{
			Name: optWaitTimeout, Kind: drivers.KindDuration, Default: "2s",
			About: "How long WAIT and WAITAOF wait for the replicas; a message that too few of them confirm until then is unknown.",
		},
		{
			Name: optAnswerTimeout, Kind: drivers.KindDuration, Default: "5s",
			About: "After how long without an answer a connection is given up, and what was sent on it is unknown.",
		},
	}
}

// Reach says whether the guarantee can be kept for t, and what stands in the way.
func (Driver) Reach(cfg drivers.Config, t drivers.Topic) error {
	guarantee := wanted(cfg)
	refuse := func(why string) error { return fmt.Errorf("topic %q cannot be %s: %s", t.Name, guarantee, why) }
	switch {
	case t.Model == drivers.Queue && len(t.Groups) > 1:
		return refuse("a queue has one group: set the model to log")
	case guarantee <= drivers.Sent:
		return nil
	case t.Model == drivers.Broadcast:
		return refuse("pub/sub keeps nothing: set the producers' guarantee to sent, or the topic's model to log")
	case guarantee == drivers.Replicated && t.Replicas < 2:
		return refuse(fmt.Sprintf("replicas is %d: set it to 2 or 3, on a cluster such as redis:2 or redis:3", t.Replicas))
	case guarantee >= drivers.Replicated && cfg.Options.Int(optMaxLen) > 0:
		return refuse("options.redis.max_len drops messages that were acked: set it to 0")
	default:
		return nil
	}
}

// Promise says what the configuration claims. The order of a group with several members is not promised, because they compete; what
// was delivered and not acknowledged comes again later, out of order.
func (Driver) Promise(cfg drivers.Config, t drivers.Topic) drivers.Promise {
	if t.Model == drivers.Broadcast {
		return drivers.Promise{
			Delivery: drivers.AtMostOnce, Order: drivers.PerShard, Survives: drivers.Nothing,
			Why: "pub/sub: a message goes to who listens at the moment, and nothing is kept",
		}
	}
	p := drivers.Promise{Delivery: drivers.AtLeastOnce, Order: order(t), Survives: drivers.Nothing}
	why := []string{"a stream for each shard, consumer groups, explicit acks"}
	list := t.Model == drivers.Queue && cfg.Options.Text(optQueue) == "list"
	if list {
		why[0] = "a list for each shard; a member moves messages to a list of its own and removes them when they are acknowledged; " +
			"the server marks no redeliveries"
	}
	switch t.Owed(wanted(cfg)) {
	case drivers.Durable:
		p.Survives = drivers.PowerLoss
		why = append(why, "appendfsync always: a write is answered after its fsync")
		if quorum(t) > 0 {
			why = append(why, fmt.Sprintf("WAITAOF: %d replica has synced it too", quorum(t)))
		} else {
			why = append(why, "one copy only, gone with its disk")
		}
	case drivers.Replicated:
		p.Survives = drivers.NodeLoss
		why = append(why, fmt.Sprintf("WAIT %d: with the primary a majority of %d has it in memory", quorum(t), t.Replicas),
			"a failover must promote a replica that has it, as Sentinel does where it can see one")
	default:
		why = append(why, "the primary has it in memory, and writes it to disk and to its replicas later")
	}
	if cfg.Options.Int(optMaxLen) > 0 && !list {
		p.Delivery = drivers.AtMostOnce
		why = append(why, "max_len drops the oldest, read or not")
	}
	if p.Order == drivers.Unordered {
		why = append(why, "members of a group compete, which keeps no order")
	}
	p.Why = strings.Join(why, "; ")
	return p
}

func order(t drivers.Topic) drivers.Scope {
	for _, g := range t.Groups {
		if g.Members > 1 {
			return drivers.Unordered
		}
	}
	return drivers.PerShard
}

func wanted(cfg drivers.Config) drivers.Guarantee {
	if cfg.Guarantee == 0 {
		return drivers.Accepted
	}
	return cfg.Guarantee
}

// quorum is how many replicas make a majority of the topic's copies together with the primary.
func quorum(t drivers.Topic) int { return t.Replicas / 2 }

// settings are the options in typed form.
type settings struct {
	maxLen                     string // "" for none
	claimIdle                  time.Duration
	waitTimeout, answerTimeout time.Duration
	list                       bool // of queues
}

func (d Driver) settings(cfg drivers.Config) (settings, error) {
	o, err := drivers.Resolve(d.Options(), cfg.Options)
	if err != nil {
		return settings{}, err
	}
	s := settings{
		claimIdle: o.Duration(optClaimIdle), waitTimeout: o.Duration(optWaitTimeout), answerTimeout: o.Duration(optAnswerTimeout),
		list: o.Text(optQueue) == "list",
	}
	if n := o.Int(optMaxLen); n > 0 {
		s.maxLen = strconv.Itoa(n)
	}
	switch {
	case s.claimIdle < 100*time.Millisecond:
		return s, fmt.Errorf("%s: %v is too short for a consumer to show that it lives: set at least 100ms", optClaimIdle, s.claimIdle)
	case s.waitTimeout < time.Millisecond:
		return s, errors.New(optWaitTimeout + ": WAIT takes milliseconds, and 0 would wait for ever: set at least 1ms")
	case s.answerTimeout < time.Millisecond:
		return s, errors.New(optAnswerTimeout + ": no answer comes that fast: set a time longer than an answer takes, such as 5s")
	}
	return s, nil
}

// Open connects to the primary among the servers.
func (d Driver) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	set, err := d.settings(cfg)
	if err != nil {
		return nil, fmt.Errorf("open redis session: %w", err)
	}
	if len(cfg.Servers) == 0 {
		return nil, errors.New("open redis session: no server was given")
	}
	a := &access{cfg: cfg, env: env, set: set}
	found, err := a.primary(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to redis at %s: %w", strings.Join(cfg.Servers, ", "), err)
	}
	return &session{access: a, control: found.line, version: found.info["redis_version"]}, nil
}
