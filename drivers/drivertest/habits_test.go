package drivertest_test

import (
	"context"
	"errors"
	"slices"
	"time"

	"ordeal/drivers"
)

// replayed changes the deliveries of a replay; n is how many were replayed before.
func replayed(change func(n int, ds []drivers.Delivery) []drivers.Delivery) broken {
	return broken{
		replay: func(s drivers.Session, ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
			c, err := s.(drivers.Replayer).Replay(ctx, t, shard, from)
			if err != nil {
				return nil, err
			}
			return &changed{Consumer: c, change: change}, nil
		},
	}
}

type changed struct {
	drivers.Consumer
	n      int
	change func(n int, ds []drivers.Delivery) []drivers.Delivery
}

func (c *changed) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	for {
		n, err := c.Consumer.Receive(ctx, dst[:max(1, len(dst)/2)]) // so that there is room to give more
		kept := copy(dst, c.change(c.n, slices.Clone(dst[:n])))
		c.n += n
		if kept > 0 || err != nil {
			return kept, err
		}
	}
}

func replayHabits() []habit {
	open := func(change func(s drivers.Session, t drivers.Topic, shard *int, from *drivers.Position)) broken {
		return broken{
			replay: func(s drivers.Session, ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
				change(s, t, &shard, &from)
				return s.(drivers.Replayer).Replay(ctx, t, shard, from)
			},
		}
	}
	return []habit{
		{name: "replays what keeps nothing", found: []string{"NoReplay"}, empty: true},
		{name: "says it cannot replay", found: []string{"Replay", "ReplayFrom", "ReplayLive"}, driver: broken{
			replay: func(drivers.Session, context.Context, drivers.Topic, int, drivers.Position) (drivers.Consumer, error) {
				return nil, drivers.ErrNoReplay
			},
		}},
		{name: "replay skips the first", found: []string{"Replay", "ReplayFrom", "ReplayLive", "ReplayEmpty", "ReplayTrimmed"}, driver: replayed(
			func(n int, ds []drivers.Delivery) []drivers.Delivery { return ds[min(len(ds), max(0, 1-n)):] },
		)},
		{name: "replays twice", found: []string{"Replay", "ReplayFrom", "ReplayLive"}, driver: replayed(
			func(n int, ds []drivers.Delivery) []drivers.Delivery {
				if n == 0 && len(ds) > 0 {
					return append(ds, ds[len(ds)-1])
				}
				return ds
			},
		)},
		{name: "marks replays", found: []string{"Replay"}, driver: replayed(
			func(_ int, ds []drivers.Delivery) []drivers.Delivery {
				for i := range ds {
					ds[i].Redelivered = true
				}
				return ds
			},
		)},
		{name: "replays without positions", found: []string{"ReplayFrom"}, driver: replayed(
			func(_ int, ds []drivers.Delivery) []drivers.Delivery {
				for i := range ds {
					ds[i].Position = drivers.Position{}
				}
				return ds
			},
		)},
		{name: "replays another shard", found: []string{"Replay", "ReplayFrom", "ReplayEmpty"}, driver: open(
			func(_ drivers.Session, t drivers.Topic, shard *int, _ *drivers.Position) {
				if *shard < t.Shards {
					*shard = (*shard + 1) % t.Shards
				}
			},
		)},
		{name: "replays from the start", found: []string{"ReplayFrom", "ReplayTrimmed"}, driver: open(
			func(_ drivers.Session, _ drivers.Topic, _ *int, from *drivers.Position) { *from = drivers.Position{} },
		)},
		{name: "replays any shard", found: []string{"ReplayEnds"}, driver: open(
			func(_ drivers.Session, t drivers.Topic, shard *int, _ *drivers.Position) { *shard %= t.Shards },
		)},
		{name: "replay moves the group", found: []string{"Replay"}, driver: open(
			func(s drivers.Session, t drivers.Topic, _ *int, _ *drivers.Position) { readAll(s, t) },
		)},
		{name: "keeps the oldest to itself", found: []string{"ReplayTrimmed"}, driver: broken{
			replay: func(s drivers.Session, ctx context.Context, t drivers.Topic, shard int, from drivers.Position) (drivers.Consumer, error) {
				c, err := s.(drivers.Replayer).Replay(ctx, t, shard, from)
				if err != nil && ctx.Err() == nil && shard < t.Shards {
					err = errors.New("out of range")
				}
				return c, err
			},
		}},
	}
}

// readAll takes the place of the group's members for a moment and acknowledges what it gets.
func readAll(s drivers.Session, t drivers.Topic) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	c, err := s.Consumer(ctx, drivers.ConsumerSpec{Topic: t, Group: t.Groups[0]})
	if err != nil {
		return
	}
	defer c.Close(context.Background()) //nolint:errcheck // it is meant to do harm
	dst := make([]drivers.Delivery, 64)
	for {
		n, err := c.Receive(ctx, dst)
		if err != nil {
			return
		}
		ackAll(ctx, c, dst[:n]) //nolint:errcheck // likewise
	}
}

func rebalanceHabits() []habit {
	both := []string{"Rebalance", "RebalanceReplaced"}
	tell := func(change func(member, n int, shards []int32, f func([]int32))) broken {
		return broken{assign: func(member int, f func([]int32), _ <-chan struct{}) func([]int32) {
			n := 0
			return func(shards []int32) {
				change(member, n, shards, f)
				n++
			}
		}}
	}
	return []habit{
		{name: "tells nothing at once", found: both, driver: tell(func(_, n int, shards []int32, f func([]int32)) {
			if n > 0 {
				f(shards)
			}
		})},
		{name: "never tells a change", found: []string{"Rebalance"}, driver: tell(func(_, n int, shards []int32, f func([]int32)) {
			if n == 0 {
				f(shards)
			}
		})},
		{name: "tells only the gain", found: []string{"Rebalance"}, driver: broken{
			assign: func(_ int, f func([]int32), _ <-chan struct{}) func([]int32) {
				var before []int32
				return func(shards []int32) {
					gained := slices.DeleteFunc(slices.Clone(shards), func(s int32) bool { return slices.Contains(before, s) })
					before = shards
					f(gained)
				}
			},
		}},
		{name: "tells the shards of another", found: []string{"Rebalance"}, driver: tell(func(_, _ int, shards []int32, f func([]int32)) {
			if len(shards) == 3 {
				f(shards)
				return
			}
			var others []int32
			for s := range int32(3) {
				if !slices.Contains(shards, s) {
					others = append(others, s)
				}
			}
			f(others)
		})},
		{name: "tells in any order", found: both, driver: tell(func(_, _ int, shards []int32, f func([]int32)) {
			slices.Reverse(shards)
			f(shards)
		})},
		{name: "tells after close", found: both, driver: broken{
			assign: func(_ int, f func([]int32), closed <-chan struct{}) func([]int32) {
				go func() {
					<-closed
					for range 1000 { // one of them surely comes after Close has returned and before the suite stops listening
						f(nil)
						time.Sleep(time.Millisecond)
					}
				}()
				return f
			},
		}},
		{name: "tells from everywhere", found: both, driver: tell(func(_, _ int, shards []int32, f func([]int32)) {
			var both [2]chan struct{}
			for i := range both {
				both[i] = make(chan struct{})
				go func() {
					defer close(both[i])
					f(shards)
				}()
			}
			for _, done := range both {
				<-done
			}
		})},
	}
}
