package kafka

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/drivertest"
)

// watched is a member of a group with everything that it was told of its shards.
type watched struct {
	*testing.T
	*session
	consumer drivers.Consumer
	lines    *severed
	over     chan struct{}
	stop     context.CancelFunc

	mu   sync.Mutex
	told [][]int32
}

// severed dials and cuts.
type severed struct {
	mu    sync.Mutex
	conns []net.Conn
	cut   bool
}

func (s *severed) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut {
		return nil, net.ErrClosed
	}
	c, err := drivertest.Dial(ctx, network, addr)
	s.conns = append(s.conns, c)
	return c, err
}

func (s *severed) sever() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = true
	for _, c := range s.conns {
		c.Close() //nolint:errcheck // it is what the test is about
	}
}

// watch makes a member that receives and acknowledges until it ends.
func watch(t *testing.T, cfg drivers.Config, topic drivers.Topic, number int) *watched {
	t.Helper()
	w := &watched{T: t, lines: &severed{}, over: make(chan struct{})}
	s, err := New().Open(t.Context(), cfg, drivers.Env{Dial: w.lines.dial, Logger: quiet(), Name: fmt.Sprintf("member-%d", number)})
	must(t, err)
	w.session = s.(*session)
	w.consumer, err = s.Consumer(t.Context(), drivers.ConsumerSpec{Topic: topic, Group: topic.Groups[0], Member: number})
	must(t, err)
	w.consumer.(drivers.Rebalancer).OnRebalance(func(shards []int32) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, slices.Clone(shards))
	})
	if len(w.all()) != 1 {
		t.Errorf("member %d was not told at once: %v", number, w.all())
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(w.over)
		dst := make([]drivers.Delivery, 10)
		for {
			n, err := w.consumer.Receive(ctx, dst)
			if err != nil || w.consumer.Ack(ctx, dst[:n]) != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		w.leave()
	})
	w.stop = cancel
	return w
}

func (w *watched) all() [][]int32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.told)
}

// has are the shards that the member was told last.
func (w *watched) has() []int32 {
	all := w.all()
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// leave ends the member politely; a second time it does nothing.
func (w *watched) leave() {
	w.Helper()
	w.stop()
	<-w.over
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	w.consumer.Close(ctx) //nolint:errcheck // a member that was cut off cannot say goodbye
	before := len(w.all())
	w.session.Close(ctx) //nolint:errcheck // likewise
	if after := len(w.all()); after != before {
		w.Errorf("the member was told something after it was closed: %v", w.all())
	}
}

// TestRebalance follows every change of shards: two members, a third comes, one leaves, one is cut off. In the end every shard belongs to
// exactly one of those that are left, and those that are not have none.
func TestRebalance(t *testing.T) {
	server := startKafka(t, 1, nil).Servers()
	ways := []drivers.Options{
		{optBalancer: "cooperative-sticky"},
		{optBalancer: "cooperative-sticky", optStatic: "false"},
		{optBalancer: "range", optStatic: "false"},
		{optBalancer: "broker"},
	}
	if testing.Short() {
		ways = ways[:1]
	}
	for i, options := range ways {
		t.Run(options[optBalancer]+options[optStatic], func(t *testing.T) {
			if options[optRequestTimeout] = "5s"; options[optBalancer] != balancerBroker {
				options[optSession] = "2s"
			}
			rebalance(t, drivers.Config{Servers: server, Options: options}, fmt.Sprintf("rebalance-%d", i))
		})
	}
}

func rebalance(t *testing.T, cfg drivers.Config, name string) {
	const shards = 6
	s := connect(t, cfg)
	topic := drivers.Topic{Name: name, Shards: shards, Replicas: 1, Groups: []drivers.Group{{Name: "a", Members: 3, Prefetch: 100}}}
	must(t, s.Declare(t.Context(), topic))
	first, second := watch(t, cfg, topic, 0), watch(t, cfg, topic, 1)
	shared(t, shards, first, second)
	third := watch(t, cfg, topic, 2)
	shared(t, shards, first, second, third)
	second.leave()
	if has := second.has(); len(has) > 0 {
		t.Errorf("the member that left still has %v", has)
	}
	shared(t, shards, first, third)
	third.lines.sever()
	shared(t, shards, first)
	<-third.over
	eventually(t, func() bool { return len(third.has()) == 0 })
	for i, w := range []*watched{first, second, third} {
		for j, told := range w.all() {
			if !slices.IsSorted(told) || j > 0 && slices.Equal(told, w.all()[j-1]) {
				t.Errorf("member %d was told %v: not in order, or nothing new", i, w.all())
			}
		}
	}
}

// shared waits until every shard belongs to exactly one of the members, and each of them has some.
func shared(t *testing.T, shards int, members ...*watched) {
	t.Helper()
	eventually(t, func() bool {
		var all []int32
		for _, m := range members {
			has := m.has()
			if len(has) == 0 {
				return false
			}
			all = append(all, has...)
		}
		slices.Sort(all)
		return len(all) == shards && len(slices.Compact(all)) == shards
	})
}
