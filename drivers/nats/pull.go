package nats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// pull is a request that may still bring some messages.
type pull struct {
	number uint64
	left   int
}

// atMost holds a prefetch to what the consumer gives for one request: a larger one is refused as a whole. A server that limits it
// (jetstream limits max_request_batch) writes its limit into every consumer.
func atMost(prefetch int, have jetstream.ConsumerConfig) int {
	if most := have.MaxRequestBatch; most > 0 {
		return min(prefetch, most)
	}
	return prefetch
}

// ask opens another request when there is room for at least half of the prefetch.
func (c *puller) ask(ctx context.Context) error {
	room := c.limit - c.open - c.held.count
	if room < max(1, c.limit/2) {
		return nil
	}
	if err := c.fuse.Arm(ctx); err != nil {
		return err
	}
	defer c.fuse.Disarm()
	c.intake.wire.begin()
	err := c.request(room)
	c.pending = 0
	return errors.Join(err, c.intake.wire.end())
}

// request adds a pull request. The wire is in a batch.
func (c *puller) request(room int) error {
	c.last++
	c.reply = strconv.AppendUint(append(c.reply[:0], c.prefix...), c.last, 10)
	body := fmt.Appendf(nil, `{"batch":%d,"expires":%d,"idle_heartbeat":%d}`, room, pullExpires, pullHeartbeat)
	if err := c.intake.wire.publish(c.api, c.reply, nil, body); err != nil {
		return err
	}
	if len(c.pulls) == 0 {
		c.heard = time.Now()
	}
	c.pulls = append(c.pulls, pull{number: c.last, left: room})
	c.open += room
	return nil
}

// status notes the end of a request. Heartbeats only show that it is alive; all else ends it, after an error with a pause.
func (c *puller) status(f *frame) {
	code, about := f.status()
	if code == 100 || len(f.subject) <= len(c.prefix) {
		return
	}
	number, ok := number(f.subject, len(c.prefix))
	if !ok {
		return
	}
	if permanent(code, about) {
		c.barred = fmt.Errorf("%w: %d %s: take that limit from consumer %q of stream %q, or delete the topic", errBarred, code, about,
			c.name, c.spec.Topic.Name)
	}
	if code != 408 && code != 404 { // expired, and empty, are ends in good order
		c.refused = true
		c.missing = c.missing || strings.EqualFold(about, "Consumer Deleted") || code == 503
	}
	for i, p := range c.pulls {
		if p.number == number {
			c.open -= p.left
			c.pulls = append(c.pulls[:i], c.pulls[i+1:]...)
			return
		}
	}
}

// permanent tells whether a request was refused because of what it asks, or of what the consumer is (processNextMsgRequest in the server's
// consumer.go): the next one would be, too. "Exceeded MaxWaiting" is not of these, because other requests end.
func permanent(code int, about string) bool {
	return code == 400 || code == 409 && (strings.HasPrefix(about, "Exceeded MaxRequest") || about == "Consumer is push based")
}

// exists tells, after a refusal, whether there is a consumer to ask at all. Whoever cannot answer is asked again later.
func (c *puller) exists(ctx context.Context) error {
	if _, err := c.session.consumerInfo(ctx, c.spec.Topic, c.name); absent(err) {
		return err
	}
	return nil
}
