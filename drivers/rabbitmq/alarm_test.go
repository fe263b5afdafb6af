package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ordeal/drivers"
)

// alarm raises one while messages are on their way, and takes it back: what is in flight is acked then, and all of it arrives. One that
// outlasts confirm_timeout ends the producer, with the broker's reason.
func alarm(t *testing.T, a admin, cfg drivers.Config, reason, setting, high, low string) {
	topic := queueTopic("alarm-" + strings.Fields(reason)[2])
	s := connect(t, cfg)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	patient, hasty := cfg, cfg
	patient.Options = drivers.Options{optConfirmTimeout: "60s"}
	hasty.Options = drivers.Options{optConfirmTimeout: "300ms"}
	x, y := newTry(t, patient, topic), newTry(t, hasty, topic)
	x.expect(drivers.Message{Body: []byte("before")}, drivers.Acked, nil)
	a.eval(fmt.Sprintf(setting, high))
	defer func() { a.eval(fmt.Sprintf(setting, low)) }()
	eventually(t, "the broker says that it blocks", func() bool {
		if err := x.send(drivers.Message{Body: []byte("meanwhile")}); err != nil {
			t.Fatal(err)
		}
		return x.session.blocked() != ""
	})
	if err := y.until(); !errors.Is(err, errSilent) || !strings.Contains(err.Error(), "blocks publishers: "+reason) {
		t.Errorf("a producer that was blocked for longer than it waits: %v", err)
	}
	y.mustHave(drivers.Unknown, errSilent)
	if err := x.send(drivers.Message{Body: []byte("last")}); err != nil {
		t.Fatal(err)
	}
	brief, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := x.Flush(brief); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a blocked producer flushes: %v", err)
	}
	a.eval(fmt.Sprintf(setting, low))
	if err := x.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range int(x.next) - 1 {
		x.receipt(drivers.Acked, nil)
	}
	eventually(t, "the broker says that it blocks no more", func() bool { return x.session.blocked() == "" })
	n, err := s.Depth(t.Context(), topic, "g")
	if err != nil || n < int64(x.next) { // and some of y's
		t.Errorf("%d messages were acked and %d are there, %v", x.next, n, err)
	}
}

// maintenance drains the node: it closes its connections and takes no more until it is revived. Nothing that was acked is lost.
func maintenance(t *testing.T, a admin, cfg drivers.Config) {
	topic := queueTopic("maintained")
	s := connect(t, cfg)
	if err := s.Declare(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	x := newTry(t, cfg, topic)
	x.expect(drivers.Message{Body: []byte("kept")}, drivers.Acked, nil)
	consumer, err := connect(t, cfg).Consumer(t.Context(), drivers.ConsumerSpec{Topic: queueTopic("maintained"), Group: topic.Groups[0]})
	if err != nil {
		t.Fatal(err)
	}
	a.eval("rabbit_maintenance:drain()")
	if err := x.until(); !errors.Is(err, errLost) || !strings.Contains(err.Error(), "maintenance") {
		t.Errorf("the producer: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for err = nil; err == nil; {
		_, err = consumer.Receive(ctx, make([]drivers.Delivery, 1)) // first what came before
	}
	if !errors.Is(err, errLost) {
		t.Errorf("the consumer: %v", err)
	}
	openError(t, cfg)
	a.eval("rabbit_maintenance:revive()")
	if n, err := connect(t, cfg).Depth(t.Context(), topic, "g"); err != nil || n < 1 {
		t.Errorf("after the maintenance %d messages are there, %v", n, err)
	}
}
