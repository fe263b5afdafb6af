package kafka

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// throttle counts how often a broker said that a quota slows this client down. That is no error: nothing is lost by it, and what it costs
// is seen in latency. The first time is told, so that nobody takes it for the broker's own slowness.
type throttle struct {
	logger *slog.Logger
	times  atomic.Int64
	// held is for how long in all, in nanoseconds.
	held atomic.Int64
}

var _ kgo.HookBrokerThrottle = (*throttle)(nil)

// OnBrokerThrottle is the library's callback.
func (t *throttle) OnBrokerThrottle(broker kgo.BrokerMetadata, interval time.Duration, _ bool) {
	t.held.Add(int64(interval))
	if t.times.Add(1) == 1 {
		t.logger.Warn("a quota of the broker slows this client down", "broker", broker.NodeID, "for", interval,
			"remedy", "raise producer_byte_rate, consumer_byte_rate or request_percentage for the client or the user (kafka-configs --alter)")
	}
}

// tell sums up; it says nothing where nothing was slowed down.
func (t *throttle) tell() {
	if n := t.times.Load(); n > 0 {
		t.logger.Warn("a quota of the broker has slowed this client down", "times", n, "in all", time.Duration(t.held.Load()))
	}
}
