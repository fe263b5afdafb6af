package memory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"ordeal/drivers"
)

// ErrClosed says that the producer, consumer or session was closed before.
var ErrClosed = errors.New("closed")

// ErrTopic says that a topic does not exist, or was deleted under its users.
var ErrTopic = errors.New("no such topic: declare it first")

// ErrShard is the reason of a Rejected receipt: the message names a shard that its topic does not have.
var ErrShard = errors.New("no such shard")

// ErrTooLarge is the reason of a Rejected receipt: the body is larger than MaxBody.
var ErrTooLarge = errors.New("body larger than the 64 MiB that the memory broker takes")

// MaxBody is the largest body that is taken, in bytes; larger ones are Rejected.
const MaxBody = 64 << 20

// Names of the options that are no lies.
const (
	optDelay   = "delay"
	optSpread  = "spread"
	optSeed    = "seed"
	optBacklog = "backlog"
	optRetain  = "retain"
)

// Driver is a broker and the way to it. Make it with New; it may be used from any goroutine.
type Driver struct{ broker *broker }

var (
	_ drivers.Driver     = (*Driver)(nil)
	_ drivers.Optioner   = (*Driver)(nil)
	_ drivers.Guaranteer = (*Driver)(nil)
)

// New makes an empty broker.
func New() *Driver { return &Driver{broker: newBroker()} }

// Name is "memory".
func (d *Driver) Name() string { return "memory" }

// Options declares the lies and what goes with them.
func (d *Driver) Options() []drivers.Option {
	count := func(k Kind, about string) drivers.Option {
		return drivers.Option{Name: k.String(), Kind: drivers.KindInt, Default: "0", About: about}
	}
	return []drivers.Option{
		count(Lose, "How many acked messages are never delivered."),
		count(Duplicate, "How many messages are stored twice."),
		count(Reorder, "How many messages are stored behind their successor."),
		count(Corrupt, "How many messages have a bit flipped."),
		count(Phantom, "How many messages are delivered that nobody sent."),
		count(Resurrect, "How many messages are rejected and delivered all the same."),
		count(Withhold, "How many acked messages are stored and delivered to nobody."),
		{Name: optDelay, Kind: drivers.KindDuration, Default: "0s", About: "How long every delivery is held back."},
		{
			Name: optSpread, Kind: drivers.KindInt, Default: "1000",
			About: "The gap between two lies of a kind is drawn evenly from 1 to this many messages.",
		},
		{Name: optSeed, Kind: drivers.KindInt, Default: "1", About: "Decides which messages are lied about."},
		{
			Name: optBacklog, Kind: drivers.KindInt, Default: "256",
			About: "How many MiB of a topic may be unread by a group before Send waits; 0 for any number.",
		},
		{
			Name: optRetain, Kind: drivers.KindInt, Default: "64",
			About: "How many MiB of a log are kept for a replay after every group has read them.",
		},
	}
}

// Promise claims at-least-once delivery in order per shard; a queue or a broadcast with competing members of a group is Unordered.
// An ack survives nothing, because the broker is gone with the process. What the broker was told to lie about is not in the promise:
// that is what makes it a lie.
func (d *Driver) Promise(_ drivers.Config, t drivers.Topic) drivers.Promise {
	p := drivers.Promise{
		Delivery: drivers.AtLeastOnce,
		Order:    drivers.PerShard,
		Survives: drivers.Nothing,
		Why:      "kept in the memory of this process until every group acknowledged",
	}
	if t.Model == drivers.Broadcast {
		p.Delivery = drivers.AtMostOnce
		p.Why = "only members that listen at the moment are served"
	}
	if t.Model != drivers.Log {
		for _, g := range t.Groups {
			if g.Members > 1 {
				p.Order = drivers.Unordered
				p.Why += "; members of a group compete, which keeps no order"
				break
			}
		}
	}
	return p
}

// Reach refuses Replicated and Durable: there is one node and no disk.
func (d *Driver) Reach(cfg drivers.Config, t drivers.Topic) error {
	if cfg.Guarantee > drivers.Accepted {
		return fmt.Errorf("topic %q: guarantee %s needs other nodes or a disk, which the memory broker has not: ask for accepted",
			t.Name, cfg.Guarantee)
	}
	return nil
}

// Open starts a session. It connects to nothing: cfg.Servers and env.Dial are ignored. The first Open settles the options of the
// broker for good; one with others is an error.
func (d *Driver) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open memory session: %w", err)
	}
	options, err := drivers.Resolve(d.Options(), cfg.Options)
	if err != nil {
		return nil, fmt.Errorf("open memory session: %w", err)
	}
	if err := d.broker.start(newSettings(options), env.Logger); err != nil {
		return nil, fmt.Errorf("open memory session: %w", err)
	}
	return &session{broker: d.broker}, nil
}

// Lies returns all lies told so far, in the order of telling. The bodies are copies.
func (d *Driver) Lies() []Lie { return d.broker.lies() }

// Untold returns how many lies of each kind were asked for and not yet told; kinds without any are left out.
func (d *Driver) Untold() map[Kind]int { return d.broker.untold() }

// settings are the options of a broker in typed form; comparable, so that a second Open can be held against the first.
type settings struct {
	counts  [kinds]int
	delay   time.Duration
	spread  int
	seed    uint64
	backlog int64
	retain  int64
}

func newSettings(o drivers.Options) settings {
	s := settings{
		delay: o.Duration(optDelay), spread: max(1, o.Int(optSpread)),
		backlog: int64(o.Int(optBacklog)) << 20, retain: int64(o.Int(optRetain)) << 20,
	}
	s.seed, _ = strconv.ParseUint(o.Text(optSeed), 10, 64) // checked by Resolve
	for k := range kinds {
		s.counts[k] = o.Int(k.String())
	}
	return s
}
