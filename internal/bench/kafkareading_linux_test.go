package bench

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// readingMessages is how many messages a topic is filled with: enough for some seconds of measuring after some more of warming up.
const readingMessages = 30_000_000

// kafkaReading holds ordeal's receiving side alone against Kafka's tool for that. Both read the same topic of one partition from its beginning,
// with fetches of 1 MiB at most, and what they read last is measured.
func (p *peers) kafkaReading(b *testing.B, tools kafkaTools, w work) {
	b.Helper()
	r := &row{what: "kafka:1 consume 100 B", against: "kafka-consumer-perf-test " + tools.version, least: 1}
	w.Size, w.Messages = 100, readingMessages
	ours := func(b *testing.B) (f figure) {
		b.Helper()
		answer(b, &f, os.Args[0], standInWord, readingWord, w.argument())
		return f
	}
	p.compareTool(b, r, ours, func(b *testing.B) side {
		b.Helper()
		w.Topic = peerTopic(b, &w)
		if err := fill(context.Background(), &w); err != nil {
			b.Fatal(err)
		}
		return func(b *testing.B) figure {
			b.Helper()
			f, falling := tools.read(b, &w)
			if falling {
				r.note = "the tool's CPU for a message still fell by over a tenth while it was measured"
			}
			return f
		}
	})
}

// read lets ConsumerPerformance read a topic to its end. falling tells that it had not yet come to its speed: its CPU for a message was less by
// over a tenth than that of as many messages before.
func (k kafkaTools) read(b *testing.B, w *work) (f figure, falling bool) {
	b.Helper()
	c := k.consuming(b, w, w.Topic, 100*time.Millisecond)
	// It reports no more once it waits for messages that do not come, so its last report is of somewhat less than all.
	last := int64(w.Messages) - int64(w.Messages)/20
	ms := c.reach(b, func(ms []moment) bool { return len(ms) > 0 && ms[len(ms)-1].messages >= last })
	c.child.kill()
	return measuredPart(ms, unmeasured(w), int64(w.Messages)/2)
}

// measuredPart is the figure of the moments from one on, and whether it is far from that of the part that begins at before.
func measuredPart(ms []moment, from, before int64) (f figure, falling bool) {
	first := func(least int64) moment {
		for _, m := range ms {
			if m.messages >= least {
				return m
			}
		}
		return moment{}
	}
	start := first(from)
	f = ms[len(ms)-1].since(start)
	return f, f.CPU < stillFalling*start.since(first(before)).CPU
}

func TestMeasuredPart(t *testing.T) {
	began := time.Now()
	var ms []moment
	var cpu time.Duration
	for i, cost := range []int{90, 50, 30, 20, 20, 20, 20, 10} {
		cpu += time.Duration(cost) * time.Second
		ms = append(ms, moment{at: began.Add(time.Duration(i) * time.Second), messages: int64(i+1) * 10, cpu: cpu})
	}
	if f, falling := measuredPart(ms[:7], 60, 40); fmt.Sprintf("%.0f %.0f", f.Rate, f.CPU/1e6) != "10 2" || falling {
		t.Errorf("%+v, %v", f, falling)
	}
	if f, falling := measuredPart(ms, 70, 40); fmt.Sprintf("%.0f %.0f", f.Rate, f.CPU/1e6) != "10 1" || !falling {
		t.Errorf("%+v, %v", f, falling)
	}
}
