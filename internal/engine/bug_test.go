package engine

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ordeal/drivers"
	"ordeal/drivers/memory"
	"ordeal/reports"
)

// buggy panics at one place, after some calls.
type buggy struct {
	drivers.Driver
	place string
	after int64
	calls atomic.Int64
}

func (b *buggy) at(place string) {
	if place == b.place && b.calls.Add(1) == b.after {
		panic("nobody thought of this")
	}
}

func (b *buggy) Open(ctx context.Context, cfg drivers.Config, env drivers.Env) (drivers.Session, error) {
	b.at("open")
	s, err := b.Driver.Open(ctx, cfg, env)
	return &buggySession{Session: s, buggy: b}, err
}

type buggySession struct {
	drivers.Session
	buggy *buggy
}

func (s *buggySession) Producer(ctx context.Context, spec drivers.ProducerSpec, settle func(drivers.Receipt)) (drivers.Producer, error) {
	p, err := s.Session.Producer(ctx, spec, settle)
	return &buggyProducer{Producer: p, buggy: s.buggy}, err
}

func (s *buggySession) Consumer(ctx context.Context, spec drivers.ConsumerSpec) (drivers.Consumer, error) {
	c, err := s.Session.Consumer(ctx, spec)
	return &buggyConsumer{Consumer: c, buggy: s.buggy}, err
}

type buggyProducer struct {
	drivers.Producer
	buggy *buggy
}

func (p *buggyProducer) Send(ctx context.Context, batch []drivers.Message) error {
	p.buggy.at("send")
	return p.Producer.Send(ctx, batch)
}

type buggyConsumer struct {
	drivers.Consumer
	buggy *buggy
}

func (c *buggyConsumer) Receive(ctx context.Context, dst []drivers.Delivery) (int, error) {
	n, err := c.Consumer.Receive(ctx, dst)
	if n > 0 {
		c.buggy.at("receive")
	}
	return n, err
}

func (c *buggyConsumer) Close(ctx context.Context) error {
	c.buggy.at("close")
	return c.Consumer.Close(ctx)
}

// Whatever panics, the run ends with a report, and says that it is a bug of ordeal's.
func TestPanics(t *testing.T) {
	for place, after := range map[string]int64{"open": 3, "send": 3, "receive": 3, "close": 1} { // the last when all has been read
		t.Run(place, func(t *testing.T) {
			d := &buggy{Driver: memory.New(), place: place, after: after}
			r, err := Run(within(t, 30*time.Second), options(t, d, "memory", "steady", short()...))
			if err != nil {
				t.Fatal(err)
			}
			if r.Exit != ExitBug || r.Verdict == reports.Pass {
				t.Errorf("exit %d, %s", r.Exit, r.Verdict)
			}
			says(t, r.Headline, "a bug in ordeal", "nobody thought of this")
			text, err := os.ReadFile(r.Folder + "/events.ndjson")
			if err != nil || !strings.Contains(string(text), "bug_test.go") {
				t.Errorf("the events do not have the stack: %v", err)
			}
			if _, err := reports.Read(r.Folder + "/run.json"); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(r.Folder + "/" + reserveName); err == nil {
				t.Error("the reserve is left")
			}
		})
	}
}
