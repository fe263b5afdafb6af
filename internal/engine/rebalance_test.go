package engine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/memory"
	"ordeal/reports"
)

// stumbling is a broker of which one consumer breaks once in the middle of the load.
type stumbling struct {
	*memory.Driver
	after  int64
	came   atomic.Int64
	broken atomic.Bool
}

func (d *stumbling) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	s, err := d.Driver.Open(ctx, cfg, env)
	if err != nil {
		return nil, err
	}
	return &stumblingSession{Session: s, driver: d}, nil
}

type stumblingSession struct {
	drivers.Session
	driver *stumbling
}

func (s *stumblingSession) End(ctx context.Context, t drivers.Topic) ([]drivers.Position, error) {
	return s.Session.(drivers.Ender).End(ctx, t)
}

func (s *stumblingSession) Consumer(ctx context.Context, spec drivers.ConsumerSpec) (drivers.Consumer, error) {
	c, err := s.Session.Consumer(ctx, spec)
	if err != nil || spec.Member != 0 {
		return c, err
	}
	return &stumblingConsumer{Consumer: c, driver: s.driver}, nil
}

type stumblingConsumer struct {
	drivers.Consumer
	driver *stumbling
}

func (c *stumblingConsumer) OnRebalance(f func([]int32)) {
	c.Consumer.(drivers.Rebalancer).OnRebalance(f)
}

func (c *stumblingConsumer) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := c.Consumer.Receive(ctx, dst)
	if c.driver.came.Add(int64(n)) > c.driver.after && c.driver.broken.CompareAndSwap(false, true) {
		err = errors.New("stumbled")
	}
	return n, err
}

func TestRebalancesAreEvents(t *testing.T) {
	two := append(short(), "consumers.payment.count=2", "topics.orders.shards=4")
	t.Run("a consumer breaks", func(t *testing.T) {
		r := run(t, options(t, &stumbling{Driver: memory.New(), after: 500}, "memory", "steady", two...))
		// The broken one comes back as the second member, so that both get other shards.
		if r.Counts.Rebalances < 2 || r.Counts.Reconnects != 1 {
			t.Errorf("counts %+v", r.Counts)
		}
		for _, who := range []string{"payment-1 reads the shards 1, 3", "payment-2 reads the shards 0, 2"} {
			if during := said(r, who); len(during) == 0 || during[len(during)-1].At <= 0 {
				t.Errorf("the events do not say that %s: %+v", who, r.Events)
			}
		}
		sameWhenJudgedAgain(t, r)
	})
	t.Run("nothing happens", func(t *testing.T) {
		r := run(t, options(t, memory.New(), "memory", "steady", two...))
		if r.Counts.Rebalances != 0 {
			t.Errorf("counts %+v", r.Counts)
		}
		for _, e := range r.Events {
			if e.Kind == "rebalance" && e.At != 0 {
				t.Errorf("a rebalance in a quiet run: %+v", e)
			}
		}
	})
}

func said(r *reports.Run, text string) (out []reports.Event) {
	for _, e := range r.Events {
		if e.Kind == "rebalance" && strings.Contains(e.Text, text) {
			out = append(out, e)
		}
	}
	return out
}

func TestRebalancesCounted(t *testing.T) {
	f, err := NewFolder(t.TempDir(), "x", time.Now(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var now atomic.Int64
	e, err := newEvents(f, now.Load, func(reports.Event) {})
	if err != nil {
		t.Fatal(err)
	}
	r := newRebalances(e)
	r.told("a", nil)
	r.told("a", []int32{0, 1, 2, 5})
	now.Store(1)
	r.told("a", []int32{0, 1, 2, 5})
	r.told("a", []int32{3})
	r.told("a", nil)
	r.told("b", []int32{3}) // its first
	if n := r.end(); n != 2 {
		t.Errorf("%d changes, expected 2", n)
	}
	r.told("a", []int32{1})
	if n := r.end(); n != 2 {
		t.Errorf("%d changes after the end", n)
	}
	if err := e.close(); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, ev := range e.all() {
		texts = append(texts, ev.Text)
	}
	want := "a reads the shards 0-2, 5|a reads shard 3|a reads no shard|b reads shard 3"
	if got := strings.Join(texts, "|"); got != want {
		t.Errorf("events %q, expected %q", got, want)
	}
}
