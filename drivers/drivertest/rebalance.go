package drivertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ordeal/drivers"
)

// sharer is a member of a group that is told its shards while it receives.
type sharer struct {
	*consumer
	leave context.CancelFunc
	left  chan struct{}

	telling atomic.Bool
	overlap atomic.Bool

	mu     sync.Mutex
	told   [][]int32
	from   map[int32]bool // shards of deliveries since the last call of afresh
	closed int            // how often it had been told when Close returned; -1 before
	err    error
}

// afterClose is how long a member that has closed is listened to for what it must not be told any more.
const afterClose = 50 * time.Millisecond

// meanwhile is how long a member takes to hear its shards, for another goroutine to come and tell it as well.
const meanwhile = 5 * time.Millisecond

// share makes a member that receives and acknowledges in a goroutine of its own until it leaves.
func (b *bench) share(member int) *sharer {
	b.Helper()
	s := &sharer{consumer: b.consumer(0, member), left: make(chan struct{}), from: map[int32]bool{}, closed: -1}
	r, ok := s.Consumer.(drivers.Rebalancer)
	if !ok {
		b.Fatal("the consumer is no Rebalancer")
	}
	r.OnRebalance(s.hear)
	if len(s.heard()) == 0 {
		b.Errorf("member %d is not told its shards at once", member)
	}
	var ctx context.Context
	ctx, s.leave = context.WithCancel(b.Context())
	go s.loop(ctx)
	b.Cleanup(func() {
		s.goodbye()
		time.Sleep(afterClose)
		if s.overlap.Load() {
			b.Error("two goroutines tell a member its shards at the same time")
		}
		for _, shards := range s.heard() {
			if !slices.IsSorted(shards) {
				b.Errorf("shards are not told in order: %v", shards)
				break
			}
		}
		if n := len(s.heard()); n > s.closed {
			b.Errorf("member %d was told its shards %d times after Close: %v", member, n-s.closed, s.heard()[s.closed:])
		}
	})
	return s
}

func (s *sharer) hear(shards []int32) {
	if !s.telling.CompareAndSwap(false, true) {
		s.overlap.Store(true)
	}
	s.mu.Lock()
	s.told = append(s.told, slices.Clone(shards))
	s.mu.Unlock()
	time.Sleep(meanwhile) // so that a second goroutine is seen
	s.telling.Store(false)
}

func (s *sharer) heard() [][]int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told)
}

// shards are those told last.
func (s *sharer) shards() []int32 {
	if told := s.heard(); len(told) > 0 {
		return told[len(told)-1]
	}
	return nil
}

func (s *sharer) loop(ctx context.Context) {
	defer close(s.left)
	dst := make([]drivers.Delivery, 64)
	var err error
	for err == nil {
		var n int
		if n, err = s.Consumer.Receive(ctx, dst); n > 0 {
			s.mu.Lock()
			for _, d := range dst[:n] {
				s.from[d.Shard] = true
			}
			s.mu.Unlock()
			if s.group.Ack == drivers.AckAfter {
				err = errors.Join(err, s.Consumer.Ack(context.WithoutCancel(ctx), dst[:n]))
			}
		}
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	leaving, cancel := s.leaving()
	defer cancel()
	err = errors.Join(err, s.Consumer.Close(leaving))
	s.mu.Lock()
	s.closed, s.err = len(s.told), err
	s.mu.Unlock()
}

// goodbye lets the member close.
func (s *sharer) goodbye() {
	s.Helper()
	s.leave()
	select {
	case <-s.left:
	case <-time.After(2 * s.harness.Patience):
		s.Error("a member does not leave")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		s.Errorf("a member that shares: %v", s.err)
		s.err = nil
	}
}

// divided waits until each shard belongs to exactly one of the members, and every member has one.
func (b *bench) divided(members ...*sharer) {
	b.Helper()
	deadline := time.After(b.harness.Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		owners := make([]int, b.topic.Shards)
		even := true
		var have [][]int32
		for _, m := range members {
			mine := m.shards()
			have = append(have, mine)
			even = even && len(mine) > 0
			for _, shard := range mine {
				if shard < 0 || int(shard) >= len(owners) {
					b.Fatalf("a member is told of shard %d of %d", shard, len(owners))
				}
				owners[shard]++
			}
		}
		if even && !slices.ContainsFunc(owners, func(n int) bool { return n != 1 }) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.Fatalf("%d shards are divided as %v among %d members", b.topic.Shards, have, len(members))
		}
	}
}

// truthful sends to every shard and checks that each message comes to the member that was told its shard.
func (b *bench) truthful(p *producer, members ...*sharer) {
	b.Helper()
	for _, m := range members {
		m.mu.Lock()
		clear(m.from)
		m.mu.Unlock()
	}
	p.numbered(int(p.next), b.topic.Shards)
	b.owed(b.topic.Groups[0].Name, 0)
	deadline := time.After(b.harness.Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		came := 0
		for _, m := range members {
			m.mu.Lock()
			for shard := range m.from {
				if shard != drivers.AnyShard && !slices.Contains(m.told[len(m.told)-1], shard) {
					b.Errorf("a member gets messages of shard %d and was told %v", shard, m.told[len(m.told)-1])
				}
			}
			came += len(m.from)
			m.mu.Unlock()
		}
		if came >= b.topic.Shards {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.Fatalf("messages of %d of %d shards came", came, b.topic.Shards)
		}
	}
}

// rebalance lets a member have all shards, share them with another that comes, and have them again when it goes. It is told each time.
func rebalance(b *bench) {
	b.declare(b.pair(100))
	p := b.producer()
	first := b.share(0)
	b.divided(first)
	b.truthful(p, first)
	second := b.share(1)
	b.divided(first, second)
	b.truthful(p, first, second)
	second.goodbye()
	b.divided(first)
	b.truthful(p, first)
}

// rebalanceReplaced lets a member go before another comes, and the group be without anybody between.
func rebalanceReplaced(b *bench) {
	b.declare(b.pair(100))
	p := b.producer()
	first := b.share(0)
	b.divided(first)
	first.goodbye()
	second := b.share(1)
	b.divided(second)
	b.truthful(p, second)
}
