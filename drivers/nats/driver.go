package nats

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
	optStorage        = "storage"
	optDedupWindow    = "dedup_window"
	optMaxAckPending  = "max_ack_pending"
	optAckWait        = "ack_wait"
	optPublishTimeout = "publish_timeout"
	optMonitor        = "monitor"
	optTLSFirst       = "tls_first"
)

// Driver is the way to NATS servers. The zero value is ready; it holds nothing.
type Driver struct{}

var (
	_ drivers.Driver     = Driver{}
	_ drivers.Optioner   = Driver{}
	_ drivers.Guaranteer = Driver{}
)

// New returns the driver.
func New() Driver { return Driver{} }

// Name is "nats".
func (Driver) Name() string { return "nats" }

// Options declares what only NATS has.
func (Driver) Options() []drivers.Option {
	return []drivers.Option{
		{Name: optStorage, Kind: drivers.KindEnum, Default: "file", Values: []string{"file", "memory"}, About: "Where streams are kept."},
		{
			Name: optDedupWindow, Kind: drivers.KindDuration, Default: "0s",
			About: "How long a stream remembers message ids; with it every message carries one made from its body, so that a message " +
				"sent twice is stored once. 0 sends no ids.",
		},
		{
			Name: optMaxAckPending, Kind: drivers.KindInt, Default: "0",
			About: "How many deliveries a group may leave unacknowledged; 0 for prefetch times members.",
		},
		{Name: optAckWait, Kind: drivers.KindDuration, Default: "30s", About: "After how long an unacknowledged message is delivered again."},
		{Name: optPublishTimeout, Kind: drivers.KindDuration, Default: "5s", About: "After how long a send without an answer is unknown."},
		{
			Name: optTLSFirst, Kind: drivers.KindBool, Default: "false",
			About: "Begin with TLS before the server says anything, as servers with handshake_first want it.",
		},
		{
			Name: optMonitor, Kind: drivers.KindText,
			About: "host:port of the monitoring port of each node, separated by commas: there the audit reads how often disks are synced.",
		},
	}
}

// Reach says whether the guarantee can be kept for t, and what stands in the way.
func (Driver) Reach(cfg drivers.Config, t drivers.Topic) error {
	refuse := func(why string) error { return fmt.Errorf("topic %q cannot be %s: %s", t.Name, wanted(cfg), why) }
	guarantee := wanted(cfg)
	switch {
	case t.Model == drivers.Broadcast && guarantee > drivers.Sent:
		return refuse("core NATS keeps nothing: set the producers' guarantee to sent, or the topic's model to log")
	case guarantee <= drivers.Sent:
		return nil
	case t.Model == drivers.Queue && len(t.Groups) > 1:
		return refuse("a work queue has one group: set the model to log")
	case t.Replicas > 5:
		return refuse(fmt.Sprintf("replicas is %d, and JetStream takes at most 5", t.Replicas))
	case guarantee == drivers.Replicated && t.Replicas < 3:
		return refuse(fmt.Sprintf("replicas is %d: set it to 3, on a cluster such as nats:3", t.Replicas))
	case guarantee == drivers.Durable && storage(cfg) != "file":
		return refuse("options.nats.storage is memory: set it to file")
	default:
		return nil
	}
}

// Promise says what the configuration claims. The order of a group with several members is not promised, because they compete; what
// was delivered and not acknowledged comes again later, out of order.
func (Driver) Promise(cfg drivers.Config, t drivers.Topic) drivers.Promise {
	guarantee := t.Owed(wanted(cfg))
	if t.Model == drivers.Broadcast || guarantee <= drivers.Sent {
		return drivers.Promise{
			Delivery: drivers.AtMostOnce, Order: order(t), Survives: drivers.Nothing,
			Why: "core NATS: a message goes to who listens at the moment, and a publish is not confirmed",
		}
	}
	p := drivers.Promise{Delivery: drivers.AtLeastOnce, Order: order(t), Survives: drivers.Nothing}
	why := []string{fmt.Sprintf("JetStream R%d, %s storage, explicit acks", t.Replicas, storage(cfg))}
	if storage(cfg) == "file" {
		p.Survives = drivers.Crash
	}
	switch {
	case guarantee == drivers.Durable:
		p.Survives = drivers.PowerLoss
		why = append(why, "with the server's sync_interval set to always")
		if t.Replicas < 3 {
			why = append(why, "one copy only, gone with its disk")
		}
	case t.Replicas >= 3:
		p.Survives = drivers.NodeLoss
		why = append(why, "a majority confirms; files are synced every two minutes unless sync_interval says otherwise")
	default:
		why = append(why, "one node confirms")
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

func storage(cfg drivers.Config) string {
	if s := cfg.Options.Text(optStorage); s != "" {
		return s
	}
	return "file"
}

// settings are the options in typed form.
type settings struct {
	storage        string
	dedupWindow    time.Duration
	maxAckPending  int
	ackWait        time.Duration
	publishTimeout time.Duration
	monitors       []string
	tlsFirst       bool
}

func (d Driver) settings(cfg drivers.Config) (settings, error) {
	o, err := drivers.Resolve(d.Options(), cfg.Options)
	if err != nil {
		return settings{}, err
	}
	s := settings{
		storage: o.Text(optStorage), dedupWindow: o.Duration(optDedupWindow), maxAckPending: o.Int(optMaxAckPending),
		ackWait: o.Duration(optAckWait), publishTimeout: o.Duration(optPublishTimeout),
		tlsFirst: o.Bool(optTLSFirst),
	}
	if m := o.Text(optMonitor); m != "" {
		s.monitors = strings.Split(m, ",")
	}
	switch {
	case s.tlsFirst && cfg.TLS == nil:
		return s, errors.New(optTLSFirst + ": the target has no TLS: use a tls:// address, or leave the option out")
	case s.dedupWindow > 0 && s.dedupWindow < minDedup:
		return s, fmt.Errorf("%s: %v is less than the %v that JetStream takes", optDedupWindow, s.dedupWindow, minDedup)
	case s.ackWait == 0:
		return s, errors.New(optAckWait + ": 0s would deliver everything again and again: set a time longer than the work takes")
	case s.publishTimeout == 0:
		return s, errors.New(optPublishTimeout + ": 0s would make every send unknown: set a time longer than an answer takes")
	}
	return s, nil
}

// Open connects to the first server that answers.
func (d Driver) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	set, err := d.settings(cfg)
	if err != nil {
		return nil, fmt.Errorf("open nats session: %w", err)
	}
	if len(cfg.Servers) == 0 {
		return nil, errors.New("open nats session: no server was given")
	}
	who, err := identify(cfg.Auth)
	if err != nil {
		return nil, fmt.Errorf("open nats session: %w", err)
	}
	s := &session{cfg: cfg, env: env, set: set, who: who}
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("connect to nats at %s: %w", strings.Join(cfg.Servers, ", "), err)
	}
	return s, nil
}
