package rabbitmq

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
	optQueueType      = "queue_type"
	optClassicVersion = "classic_version"
	optConfirmTimeout = "confirm_timeout"
	optHeartbeat      = "heartbeat"
	optVhost          = "vhost"
	optManagement     = "management"
)

// Types of queues.
const (
	typeAuto    = "auto"
	typeClassic = "classic"
	typeQuorum  = "quorum"
	typeStream  = "stream"
)

// majority is the least number of replicas that survives one of them.
const majority = 3

// Driver is the way to RabbitMQ brokers. It holds no connection, but where the groups of its streams are: the broker keeps no places for
// readers by AMQP 0-9-1. The zero value is ready; each of its sessions knows only its own places.
type Driver struct{ places *places }

var (
	_ drivers.Driver     = Driver{}
	_ drivers.Optioner   = Driver{}
	_ drivers.Guaranteer = Driver{}
)

// New returns a driver whose sessions share the places of groups.
func New() Driver { return Driver{places: newPlaces()} }

// Name is "rabbitmq".
func (Driver) Name() string { return "rabbitmq" }

// Options declares what only RabbitMQ has.
func (Driver) Options() []drivers.Option {
	return []drivers.Option{
		{
			Name: optQueueType, Kind: drivers.KindEnum, Default: typeAuto, Values: []string{typeAuto, typeClassic, typeQuorum, typeStream},
			About: "The type of queues; auto is quorum for three replicas and more or guarantee durable, else classic. With stream a topic of " +
				"model log is one stream for each shard, which all groups read.",
		},
		{
			Name: optClassicVersion, Kind: drivers.KindInt,
			About: "Version of classic queues, 1 or 2; the broker's own choice where it is not given. RabbitMQ 4 has version 2 only. It is " +
				"refused where queues are of another type.",
		},
		{
			Name: optConfirmTimeout, Kind: drivers.KindDuration, Default: "10s",
			About: "After how long without a confirm a send is unknown and its producer reconnects.",
		},
		{
			Name: optHeartbeat, Kind: drivers.KindDuration, Default: "10s",
			About: "Both sides say that they are alive at half this interval; after two without a sign the connection is lost. At least 1s.",
		},
		{Name: optVhost, Kind: drivers.KindText, Default: "/", About: "The virtual host."},
		{
			Name: optManagement, Kind: drivers.KindText,
			About: "host:port of the management plugin of each node, separated by commas, or none. Where it is not given, it is looked for " +
				"10,000 above the AMQP port. It tells leaders, unacknowledged messages and queue settings, which AMQP does not.",
		},
	}
}

// queueType is the type of the queues of t.
func queueType(cfg drivers.Config, t drivers.Topic) string {
	if kind := cfg.Options.Text(optQueueType); kind != "" && kind != typeAuto {
		return kind
	}
	if t.Replicas >= majority || cfg.Guarantee == drivers.Durable {
		return typeQuorum
	}
	return typeClassic
}

// streams tells that t is kept in streams.
func streams(cfg drivers.Config, t drivers.Topic) bool {
	return t.Model == drivers.Log && queueType(cfg, t) == typeStream
}

func wanted(cfg drivers.Config) drivers.Guarantee {
	if cfg.Guarantee == 0 {
		return drivers.Accepted
	}
	return cfg.Guarantee
}

// Reach says whether the guarantee can be kept for t, and what stands in the way.
func (Driver) Reach(cfg drivers.Config, t drivers.Topic) error {
	refuse := func(why string) error { return fmt.Errorf("topic %q cannot be %s: %s", t.Name, wanted(cfg), why) }
	guarantee, kind := wanted(cfg), queueType(cfg, t)
	switch {
	case t.Model == drivers.Broadcast && guarantee > drivers.Sent:
		return refuse("a broadcast keeps nothing: set the producers' guarantee to sent, or the topic's model to log")
	case t.Model == drivers.Broadcast:
		return nil
	case kind != typeClassic && cfg.Options.Int(optClassicVersion) > 0:
		return fmt.Errorf("topic %q cannot have options.rabbitmq.classic_version: its queues are of type %s, by queue_type, by three replicas "+
			"and more, or by the guarantee durable: leave classic_version out, or set queue_type to classic", t.Name, kind)
	case t.Model == drivers.Queue && len(t.Groups) > 1:
		return refuse("a queue has one group: set the model to log")
	case kind == typeStream && t.Model == drivers.Queue:
		return refuse("options.rabbitmq.queue_type is stream, which every reader reads as a whole: set the topic's model to log, " +
			"or the type to quorum")
	case kind == typeStream && guarantee == drivers.Durable:
		return refuse("options.rabbitmq.queue_type is stream, whose messages are confirmed when a majority has them in memory, before they are " +
			"synced: set it to quorum")
	case kind == typeClassic && guarantee == drivers.Durable:
		return refuse("options.rabbitmq.queue_type is classic, whose messages are confirmed before they are synced: set it to quorum")
	case kind == typeClassic && t.Replicas > 1:
		return refuse(fmt.Sprintf("replicas is %d, and a classic queue lives on one node: set options.rabbitmq.queue_type to quorum, "+
			"with replicas 3, or replicas to 1", t.Replicas))
	case guarantee == drivers.Replicated && t.Replicas < majority:
		return refuse(fmt.Sprintf("replicas is %d: set it to 3, on a cluster such as rabbitmq:3", t.Replicas))
	default:
		return nil
	}
}

// Promise says what the configuration claims. The order of a group with several members is not promised, because they compete; what
// was delivered and not acknowledged comes again later, out of order.
func (Driver) Promise(cfg drivers.Config, t drivers.Topic) drivers.Promise {
	p := drivers.Promise{Delivery: drivers.AtMostOnce, Order: order(t), Survives: drivers.Nothing}
	guarantee, kind := t.Owed(wanted(cfg)), queueType(cfg, t)
	if streams(cfg, t) {
		p.Order = drivers.PerShard // a shard has one reader in a group
	}
	if t.Model == drivers.Broadcast || guarantee <= drivers.Sent {
		p.Why = "publishes are not confirmed, and messages are transient"
		return p
	}
	p.Delivery = drivers.AtLeastOnce
	why := []string{"persistent messages, publisher confirms, mandatory routing, explicit acks"}
	switch {
	case kind == typeStream:
		p.Survives = drivers.Crash
		why = append(why, "stream on one node, confirmed when it is handed to the operating system")
		if t.Replicas >= majority {
			p.Survives = drivers.NodeLoss
			why[len(why)-1] = fmt.Sprintf("stream of %d, confirmed when a majority has it in memory; nobody syncs it", t.Replicas)
		}
		why = append(why, "the broker keeps no place for readers by AMQP 0-9-1: this process remembers what a group has acknowledged, and "+
			"another process would begin with the oldest message")
	case kind == typeClassic:
		p.Survives = drivers.Crash
		why = append(why, "classic queue on one node, confirmed when it is handed to the operating system")
	case t.Replicas >= majority:
		p.Survives = drivers.PowerLoss
		why = append(why, fmt.Sprintf("quorum queue of %d, confirmed when a majority has synced it", t.Replicas))
	default:
		p.Survives = drivers.PowerLoss
		why = append(why, fmt.Sprintf("quorum queue of %d, confirmed when it is synced; gone with its disk", t.Replicas))
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

// settings are the options in typed form.
type settings struct {
	classicVersion int
	confirmTimeout time.Duration
	heartbeat      time.Duration
	vhost          string
	// management is nil where its ports are to be guessed, and empty where it is not to be asked.
	management []string
}

func (d Driver) settings(cfg drivers.Config) (settings, error) {
	o, err := drivers.Resolve(d.Options(), cfg.Options)
	if err != nil {
		return settings{}, err
	}
	s := settings{
		classicVersion: o.Int(optClassicVersion), confirmTimeout: o.Duration(optConfirmTimeout), heartbeat: o.Duration(optHeartbeat),
		vhost: o.Text(optVhost),
	}
	switch m := o.Text(optManagement); m {
	case "":
	case "none":
		s.management = []string{}
	default:
		s.management = strings.Split(m, ",")
	}
	switch {
	case s.heartbeat < time.Second:
		return s, fmt.Errorf("%s: %v is less than the 1s that AMQP can say", optHeartbeat, s.heartbeat)
	case s.confirmTimeout == 0:
		return s, errors.New(optConfirmTimeout + ": 0s would make every send unknown: set a time longer than a confirm takes")
	case s.classicVersion > 2:
		return s, fmt.Errorf("%s: %d is neither 1 nor 2", optClassicVersion, s.classicVersion)
	}
	return s, nil
}

// Open connects to the first server that answers.
func (d Driver) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	set, err := d.settings(cfg)
	if err != nil {
		return nil, fmt.Errorf("open rabbitmq session: %w", err)
	}
	if err := checkAuth(cfg); err != nil {
		return nil, fmt.Errorf("open rabbitmq session: %w", err)
	}
	if len(cfg.Servers) == 0 {
		return nil, errors.New("open rabbitmq session: no server was given")
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open rabbitmq session: %w", err)
	}
	s := &session{cfg: cfg, env: env, set: set, places: d.places}
	if s.places == nil {
		s.places = newPlaces()
	}
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("connect to rabbitmq: %w", err)
	}
	s.management = newManagement(s)
	if cfg.Options.Text(optQueueType) == typeStream {
		return streamSession{s}, nil
	}
	return s, nil
}
