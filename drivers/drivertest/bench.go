package drivertest

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordeal/drivers"
)

// window is how many messages a producer of the suite leaves unsettled.
const window = 1024

// bench is what a subtest works with: one driver, one way to its broker, links that can be cut, one topic.
type bench struct {
	*testing.T
	harness Harness
	combination
	driver drivers.Driver
	config drivers.Config
	links  *links
	topic  drivers.Topic
	// session is the one that declared the topic.
	session drivers.Session
}

func newBench(t *testing.T, h Harness, c combination) *bench {
	t.Helper()
	b := &bench{T: t, harness: h, combination: c, links: newLinks()}
	b.driver, b.config = h.New(t)
	b.config.Guarantee = c.guarantee
	if o, ok := b.driver.(drivers.Optioner); ok {
		options, err := drivers.Resolve(o.Options(), b.config.Options)
		if err != nil {
			t.Fatal(err)
		}
		b.config.Options = options
	}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		if err := goleak.Find(before); err != nil {
			t.Errorf("goroutines are left: %v", err)
		}
	})
	name := strings.NewReplacer("/", "-", " ", "-", "#", "-").Replace(t.Name())
	b.topic = drivers.Topic{Name: fmt.Sprintf("%s-%d", name, time.Now().UnixNano()), Model: c.model, Shards: 3, Replicas: h.Replicas}
	b.topic.Groups = []drivers.Group{b.group("a")}
	if g, ok := b.driver.(drivers.Guaranteer); ok {
		if err := g.Reach(b.config, b.topic); err != nil {
			t.Fatalf("%s is not to be had, says the driver: %v", c.guarantee, err)
		}
	}
	return b
}

func (b *bench) group(name string) drivers.Group {
	return drivers.Group{Name: name, Members: 1, Ack: b.ack, Prefetch: 500}
}

// ctx ends with the subtest's patience.
func (b *bench) ctx() context.Context {
	ctx, cancel := context.WithTimeout(b.Context(), b.harness.Patience)
	b.Cleanup(cancel)
	return ctx
}

// leaving is for clean-ups, when the subtest's own context is over.
func (b *bench) leaving() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), b.harness.Patience)
}

// open makes a session that is closed with the subtest.
func (b *bench) open() drivers.Session {
	b.Helper()
	s, err := b.driver.Open(b.ctx(), b.config, b.env())
	if err != nil {
		b.Fatalf("open: %v", err)
	}
	b.Cleanup(func() {
		ctx, cancel := b.leaving()
		defer cancel()
		if err := s.Close(ctx); err != nil {
			b.Errorf("close session: %v", err)
		}
	})
	return s
}

func (b *bench) env() drivers.Env {
	return drivers.Env{Dial: b.links.dial, Logger: slog.New(slog.DiscardHandler), Name: "drivertest"}
}

// declare makes the topic with the groups named, and sees to its end.
func (b *bench) declare(groups ...drivers.Group) {
	b.Helper()
	if len(groups) > 0 {
		b.topic.Groups = groups
	}
	b.session = b.open()
	if err := b.session.Declare(b.ctx(), b.topic); err != nil {
		b.Fatalf("declare: %v", err)
	}
	b.Cleanup(func() {
		ctx, cancel := b.leaving()
		defer cancel()
		if err := b.session.Delete(ctx, b.topic); err != nil {
			b.Errorf("delete: %v", err)
		}
	})
}

// producer makes one on a session of its own.
func (b *bench) producer() *producer {
	b.Helper()
	p := &producer{bench: b, Session: b.open(), ledger: newLedger()}
	var err error
	spec := drivers.ProducerSpec{Topic: b.topic, Guarantee: b.guarantee, Window: window}
	if p.Producer, err = p.Session.Producer(b.ctx(), spec, p.ledger.settle); err != nil {
		b.Fatalf("producer: %v", err)
	}
	b.Cleanup(func() {
		ctx, cancel := b.leaving()
		defer cancel()
		if err := p.Producer.Close(ctx); err != nil {
			b.Errorf("close producer: %v", err)
		}
		p.ledger.check(b.T)
	})
	return p
}

// consumer makes a member of topic.Groups[group] on a session of its own.
func (b *bench) consumer(group, member int) *consumer {
	b.Helper()
	c := &consumer{bench: b, Session: b.open(), group: b.topic.Groups[group]}
	spec := drivers.ConsumerSpec{Topic: b.topic, Group: c.group, Member: member}
	var err error
	if c.Consumer, err = c.Session.Consumer(b.ctx(), spec); err != nil {
		b.Fatalf("consumer: %v", err)
	}
	b.Cleanup(func() {
		ctx, cancel := b.leaving()
		defer cancel()
		if err := c.Consumer.Close(ctx); err != nil {
			b.Errorf("close consumer: %v", err)
		}
	})
	return c
}

// promise is the driver's own.
func (b *bench) promise() drivers.Promise { return b.driver.Promise(b.config, b.topic) }

// headSize is the least a body of body is long: its number and a checksum of all but itself.
const headSize = 12

// body is the whole of message i, at least headSize bytes.
func body(i, size int) []byte {
	out := make([]byte, max(size, headSize))
	binary.LittleEndian.PutUint64(out[4:], uint64(i))
	for k := headSize; k < len(out); k++ {
		out[k] = byte(i + k)
	}
	binary.LittleEndian.PutUint32(out, crc32.ChecksumIEEE(out[4:]))
	return out
}

// number reads a body of body; false when it is damaged or a stranger's.
func number(body []byte) (int, bool) {
	if len(body) < headSize || binary.LittleEndian.Uint32(body) != crc32.ChecksumIEEE(body[4:]) {
		return 0, false
	}
	return int(binary.LittleEndian.Uint64(body[4:])), true
}
