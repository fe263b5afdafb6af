package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/memory"
	"ordeal/internal/message"
)

// endless is a broker that does not say where its shards end, as Kafka with transactions. A replay of it tells when everything came.
type endless struct{ *memory.Driver }

func (e endless) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	s, err := e.Driver.Open(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	return endlessSession{s}, nil
}

type endlessSession struct{ drivers.Session }

func (endlessSession) End(context.Context, drivers.Topic) ([]drivers.Position, error) {
	return nil, drivers.ErrNoEnd
}

func (s endlessSession) Depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	return s.Session.(drivers.Depther).Depth(ctx, t, group)
}

func (s endlessSession) Replay(ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
	ends, err := s.Session.(drivers.Ender).End(ctx, t)
	if err != nil {
		return nil, err
	}
	c, err := s.Session.(drivers.Replayer).Replay(ctx, t, shard, from)
	if err != nil {
		return nil, err
	}
	f := &fencedReplay{Consumer: c, end: ends[shard], passed: make(chan struct{})}
	f.pass(drivers.Position{})
	return f, nil
}

// fencedReplay has brought everything once it has brought the message at end.
type fencedReplay struct {
	drivers.Consumer
	end    drivers.Position
	passed chan struct{}
	once   sync.Once
}

func (f *fencedReplay) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := f.Consumer.Receive(ctx, dst)
	if n > 0 {
		f.pass(dst[n-1].Position)
	}
	return n, err
}

func (f *fencedReplay) pass(at drivers.Position) {
	if at == f.end {
		f.once.Do(func() { close(f.passed) })
	}
}

func (f *fencedReplay) Fence(ctx context.Context) error {
	select {
	case <-f.passed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Where no end is known, what the broker counts ends the drain, and a replay that reads on until everything came tells held from gone.
func TestHeldIsToldFromGoneWithoutEnds(t *testing.T) {
	d := endless{memory.New()}
	sets := append(short(), "producers.checkout.keys=none", "checks=[no-loss]")
	r := run(t, options(t, d, "memory?lose=3&withhold=2&spread=200", "steady", sets...))
	c := checkNamed(t, r, "no-loss")
	if r.Exit != ExitFail || c.Counts["held"] != 2 || c.Counts["gone"] != 3 || c.Counts["unclear"] != 0 {
		t.Errorf("exit %d, %v: %s %+v", r.Exit, c.Counts, c.Why, r.Replays)
	}
	if len(r.Replays) != 1 || !r.Replays[0].Complete || r.Replays[0].Messages == 0 {
		t.Errorf("%+v", r.Replays)
	}
	for _, drain := range r.Drains {
		if !drain.Complete || drain.Why != "the broker does not say where its shards end, nothing left by the broker's own count" {
			t.Errorf("%+v", drain)
		}
	}
	sameWhenJudgedAgain(t, r)
}

// shelf is a session whose shards have no known end.
type shelf struct {
	drivers.Session
	replay drivers.Consumer
}

func (shelf) End(context.Context, drivers.Topic) ([]drivers.Position, error) {
	return nil, drivers.ErrNoEnd
}

func (s shelf) Replay(context.Context, drivers.Topic, int, drivers.Position) (drivers.Consumer, error) {
	return s.replay, nil
}

// shelfReader gives the messages of a shelf one by one, and waits when it has none.
type shelfReader struct {
	drivers.Consumer
	held []drivers.Position
}

func (*shelfReader) Close(context.Context) error { return nil }

func (r *shelfReader) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if len(r.held) == 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	dst[0].Position, r.held = r.held[0], r.held[1:]
	return 1, nil
}

// fencedReader has a fence, which answers once all is taken.
type fencedReader struct {
	*shelfReader
	answer func(ctx context.Context) error
}

func (r fencedReader) Fence(ctx context.Context) error {
	synctest.Wait() // until the replay waits, too
	return r.answer(ctx)
}

// A replay of a shard without a known end is complete when its fence says so, or when it has come to where every lost message was acked,
// and never else.
func TestReplayWithoutEnds(t *testing.T) {
	passed := func(context.Context) error { return nil }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	fails := func(context.Context) error { return errGone }
	for _, test := range []struct {
		name   string
		fence  func(context.Context) error
		held   []drivers.Position
		acked  drivers.Position
		trying string // why it is not complete
	}{
		{"everything came", passed, []drivers.Position{drivers.At(1), drivers.At(2)}, drivers.Position{}, ""},
		{"nothing is there", passed, nil, drivers.Position{}, ""},
		{"what was acked last is gone", passed, []drivers.Position{drivers.At(1)}, drivers.At(2), ""},
		{"at the place of the only one", hangs, []drivers.Position{drivers.At(2)}, drivers.At(2), ""},
		{"more is there and does not come", hangs, []drivers.Position{drivers.At(1)}, drivers.At(2), "nothing came for 5s, and the broker has more"},
		{"a fence that fails", fails, []drivers.Position{drivers.At(1)}, drivers.Position{}, "whether everything came is not known: " + errGone.Error()},
		{"no fence", nil, []drivers.Position{drivers.At(1)}, drivers.Position{}, "the driver can tell neither where it ends nor when everything came"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				id := message.ID{Seq: 1}
				s := &search{topic: drivers.Topic{Shards: 1}, wanted: map[message.ID]bool{id: true}, places: map[message.ID]place{}}
				if test.acked.Known {
					s.places[id] = place{position: message.Position(test.acked)}
				}
				reader := &shelfReader{held: test.held}
				broker := shelf{replay: reader}
				if test.fence != nil {
					broker.replay = fencedReader{reader, test.fence}
				}
				err := s.all(t.Context(), broker)
				if s.complete != (test.trying == "") || s.complete != (err == nil) {
					t.Fatalf("complete %v, %v", s.complete, err)
				}
				if err == nil {
					if s.messages != int64(len(test.held)) {
						t.Errorf("replayed %d messages of %d", s.messages, len(test.held))
					}
					return
				}
				says(t, err.Error(), test.trying)
				if errors.Is(err, errPassed) {
					t.Error("an end is passed on as an error")
				}
			})
		})
	}
}

// A broker that says that it knows no end has answered: it serves.
func TestServingWithoutEnds(t *testing.T) {
	if err := newArena(t, &oracle{noEnd: true}, trio{}).Serving(within(t, 10*time.Second), node{name: "n1"}); err != nil {
		t.Error(err)
	}
}
