package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"ordeal/drivers"
	"ordeal/drivers/memory"
	"ordeal/internal/message"
	"ordeal/reports"
)

// A message that the broker acked, keeps and does not deliver is told from one that it acked and does not have. Both are lost.
func TestHeldIsToldFromGone(t *testing.T) {
	tests := []struct {
		name, options string
		sets          []string
		held, gone    int64
		why           string
	}{
		{"held", "withhold=4", nil, 4, 0, "The broker still holds them, as a replay shows, and did not deliver them."},
		{"gone", "lose=4", nil, 0, 4, "The broker does not hold them any more, as a replay shows."},
		{"both", "lose=3&withhold=2", nil, 2, 3, "the broker still holds 2 of them and 3 are gone."},
		{"without keys", "lose=3&withhold=2", []string{"producers.checkout.keys=none", "checks=[no-loss]"}, 2, 3, "the broker still holds 2 of them and 3 are gone."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := memory.New()
			r := run(t, options(t, d, "memory?"+test.options+"&spread=200", "steady", append(short(), test.sets...)...))
			c := checkNamed(t, r, "no-loss")
			if r.Exit != ExitFail || c.Counts["held"] != test.held || c.Counts["gone"] != test.gone || c.Counts["unclear"] != 0 {
				t.Fatalf("exit %d, %v: %s %+v", r.Exit, c.Counts, c.Why, r.Replays)
			}
			says(t, c.Why, test.why)
			places := map[string]string{}
			var withheld, lost []memory.Lie
			for _, l := range d.Lies() {
				if l.Kind == memory.Withhold {
					withheld = append(withheld, l)
					places[liesNamed(t, r.Folder, []memory.Lie{l})[0]] = fmt.Sprintf("position %s of shard %d", positionText(positionOf(l)), l.Shard)
				} else {
					lost = append(lost, l)
				}
			}
			var held, gone []string
			for _, e := range c.Examples {
				last := e.Life[len(e.Life)-1]
				explained, err := Explain(r.Folder, e.Message)
				if err != nil {
					t.Fatal(err)
				}
				says(t, explained, "drained to the end", "never delivered to group", last.Note)
				switch e.Broker {
				case "held":
					held = append(held, e.Message)
					says(t, e.Detail, "the broker still holds it")
					says(t, last.Note, "the broker still holds it, "+places[e.Message])
				case "gone":
					gone = append(gone, e.Message)
					says(t, e.Detail, "the broker does not hold it any more")
					says(t, last.Note, "does not hold it any more")
				default:
					t.Errorf("%s: %q", e.Message, e.Broker)
				}
			}
			if !sameSet(held, liesNamed(t, r.Folder, withheld)) || !sameSet(gone, liesNamed(t, r.Folder, lost)) {
				t.Errorf("held %q, gone %q; the broker withheld %d and lost %d", held, gone, len(withheld), len(lost))
			}
			if !r.Replays[0].Complete || r.Replays[0].Messages == 0 {
				t.Errorf("%+v", r.Replays[0])
			}
			sameWhenJudgedAgain(t, r)
		})
	}
}

// Where everything arrived, or nobody asks about loss, or nothing is kept, nothing is replayed.
func TestNoNeedlessReplay(t *testing.T) {
	for name, o := range map[string]Options{
		"nothing lost": options(t, memory.New(), "memory", "steady", short()...),
		"not asked":    options(t, memory.New(), "memory?lose=2&spread=100", "steady", append(short(), "checks=[no-phantom]")...),
		"a queue":      options(t, memory.New(), "memory?lose=2&spread=100", "steady", append(short(), "topics.orders.model=queue")...),
		"damaged only": options(t, memory.New(), "memory?corrupt=2&spread=100", "steady", short()...),
	} {
		t.Run(name, func(t *testing.T) {
			r := run(t, o)
			if len(r.Replays) > 0 {
				t.Errorf("%+v", r.Replays)
			}
			for i := range r.Checks {
				if _, told := r.Checks[i].Counts["held"]; told {
					t.Errorf("%s counts %v without a replay", r.Checks[i].Name, r.Checks[i].Counts)
				}
			}
		})
	}
}

// forgetful changes how a broker replays.
type forgetful struct {
	*memory.Driver
	replay func(r drivers.Replayer, ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error)
}

func (f *forgetful) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	s, err := f.Driver.Open(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	return &forgetfulSession{Session: s, replay: f.replay}, nil
}

type forgetfulSession struct {
	drivers.Session
	replay func(r drivers.Replayer, ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error)
}

func (s *forgetfulSession) End(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	return s.Session.(drivers.Ender).End(ctx, t)
}

func (s *forgetfulSession) Depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	return s.Session.(drivers.Depther).Depth(ctx, t, group)
}

func (s *forgetfulSession) Replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
	return s.replay(s.Session.(drivers.Replayer), ctx, t, shard, from)
}

// A replay that fails, hangs or meets a broker that has forgotten tells of no message that it is gone.
func TestReplayThatIsCutShort(t *testing.T) {
	unkeyed := append(short(), "producers.checkout.keys=none", "checks=[no-loss]", "topics.orders.shards=1", "producers.checkout.count=1")
	d := &forgetful{}
	o := func(t *testing.T) Options {
		t.Helper()
		d.Driver = memory.New()
		return options(t, d, "memory?lose=3&withhold=2&spread=100", "steady", append(unkeyed, "drain.timeout=2s")...)
	}
	t.Run("fails", func(t *testing.T) {
		d.replay = func(drivers.Replayer, context.Context, drivers.Topic, int, drivers.Position) (drivers.Consumer, error) {
			return nil, errors.New("no such command")
		}
		r := run(t, o(t))
		unclear(t, r, 0, 5, "Whether the broker still holds them is not known: the replay failed: shard 0: no such command.")
	})
	t.Run("hangs", func(t *testing.T) {
		d.replay = func(_ drivers.Replayer, ctx context.Context, _ drivers.Topic, _ int, _ drivers.Position) (drivers.Consumer, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		r := run(t, o(t))
		unclear(t, r, 0, 5, "the replay was not done within 2s")
	})
	t.Run("cannot", func(t *testing.T) {
		d.replay = func(drivers.Replayer, context.Context, drivers.Topic, int, drivers.Position) (drivers.Consumer, error) {
			return nil, fmt.Errorf("a list: %w", drivers.ErrNoReplay)
		}
		if r := run(t, o(t)); len(r.Replays) > 0 || strings.Contains(checkNamed(t, r, "no-loss").Why, "replay") {
			t.Errorf("%+v: %s", r.Replays, checkNamed(t, r, "no-loss").Why)
		}
	})
	t.Run("forgotten", func(t *testing.T) {
		d.replay = func(r drivers.Replayer, ctx context.Context, topic drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
			if err := d.Trim(topic.Name, shard, drivers.At(from.Minor+1)); from.Known && err != nil {
				return nil, err
			}
			return r.Replay(ctx, topic, shard, from)
		}
		r := run(t, o(t))
		c := checkNamed(t, r, "no-loss")
		if c.Counts["unclear"] != 1 || c.Counts["held"]+c.Counts["gone"] != 4 || !r.Replays[0].Complete {
			t.Errorf("%v: %s %+v", c.Counts, c.Why, r.Replays)
		}
		says(t, c.Why, "of 1 it is not known: ", "the oldest is")
		sameWhenJudgedAgain(t, r)
	})
}

func unclear(t *testing.T, r *reports.Run, held, unclear int64, why string) {
	t.Helper()
	c := checkNamed(t, r, "no-loss")
	if r.Exit != ExitFail || c.Counts["held"] != held || c.Counts["gone"] != 0 || c.Counts["unclear"] != unclear {
		t.Errorf("exit %d, %v: %s", r.Exit, c.Counts, c.Why)
	}
	says(t, c.Why, why)
	for _, e := range c.Examples {
		if e.Broker != "unclear" {
			t.Errorf("%s is %s", e.Message, e.Broker)
		}
	}
	sameWhenJudgedAgain(t, r)
}

func positionOf(l memory.Lie) message.Position { return message.Position(l.Position) }
