package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
)

// waiting is what AMQP tells of queues.
type waiting struct {
	messages int64
	// consumers is the largest number that any queue has, idle the first queue that has none.
	consumers int
	idle      string
}

// ready asks each queue how many messages wait in it and how many consumers it has. It is the queue's own answer of this moment.
func (s *session) ready(ctx context.Context, queues []string) (w waiting, err error) {
	err = s.ask(ctx, func(ch *amqp.Channel) error {
		for _, queue := range queues {
			q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
			if err != nil {
				return fmt.Errorf("queue %q: %w", queue, err)
			}
			w.messages += int64(q.Messages)
			w.consumers = max(w.consumers, q.Consumers)
			if q.Consumers == 0 && w.idle == "" {
				w.idle = queue
			}
		}
		return nil
	})
	return w, err
}

// Depth is what waits for the group and what it has not acknowledged. See the package's description for where each comes from, and for
// what it is without the management plugin. A broadcast keeps nothing.
func (s *session) Depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	n, err := s.depth(ctx, t, group)
	if err != nil {
		return 0, fmt.Errorf("depth of topic %q for %q: %w", t.Name, group, err)
	}
	return n, nil
}

func (s *session) depth(ctx context.Context, t drivers.Topic, group string) (int64, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	if t.Model == drivers.Broadcast {
		return 0, nil
	}
	if streams(s.cfg, t) {
		return s.streamDepth(ctx, t, group)
	}
	queues := groupQueues(t, group)
	w, err := s.ready(ctx, queues)
	if err != nil {
		return 0, err
	}
	unacked, err := s.unacked(ctx, t, queues)
	if err == nil && w.idle != "" && queueType(s.cfg, t) == typeQuorum {
		w, err = s.surely(ctx, queues, w)
	}
	switch {
	case errors.Is(err, errNoManagement):
		if err := w.alive(t, group); err != nil {
			return 0, err
		}
		return w.messages, nil
	case err != nil:
		return 0, err
	default:
		return w.messages + unacked, nil
	}
}

// surely asks again where a replicated queue was said to have no consumer, which is also how one answers that has no leader, or whose
// leader takes longer than a quarter of a second (rabbit_quorum_queue:stat): as if it were empty. The statistics have just told that it has
// a leader. Where it says the same again it is believed only if they do not know of messages in it.
func (s *session) surely(ctx context.Context, queues []string, before waiting) (waiting, error) {
	w, err := s.ready(ctx, queues)
	if err != nil || w.idle == "" {
		return w, err
	}
	known, err := s.management.queues(ctx, s.set.vhost, queues[0][:strings.LastIndex(queues[0], ".")+1])
	if err != nil {
		return w, err
	}
	told := int64(0)
	for _, queue := range queues {
		told += known[queue].Ready
	}
	if told > max(before.messages, w.messages) {
		return w, fmt.Errorf("queue %q answers as if it were empty and had no consumers, and had %d messages by the broker's statistics: "+
			"its leader is slow or gone", w.idle, told)
	}
	return w, nil
}

// alive tells whether what is not acknowledged can only be with living members of the group. A replicated queue without a leader answers
// as if it were empty and had no consumers.
func (w waiting) alive(t drivers.Topic, group string) error {
	for _, g := range t.Groups {
		switch {
		case g.Name != group:
		case w.consumers > g.Members:
			return fmt.Errorf("a queue has %d consumers and the group %d members: the lost ones may hold messages", w.consumers, g.Members)
		case w.idle != "" && w.messages == 0:
			return fmt.Errorf("queue %q has no consumer: what it holds cannot be known without the management plugin", w.idle)
		}
	}
	return nil
}

// unacked counts what the broker's statistics say is delivered and not acknowledged.
func (s *session) unacked(ctx context.Context, t drivers.Topic, queues []string) (int64, error) {
	known, err := s.management.queues(ctx, s.set.vhost, t.Name+".")
	if err != nil {
		return 0, err
	}
	n := int64(0)
	for _, queue := range queues {
		switch q := known[queue]; {
		case q.Unacked == nil:
			return 0, fmt.Errorf("queue %q: the broker has no statistics of it (state %q)", queue, q.State)
		case q.Type == typeQuorum && q.Leader == "":
			return 0, fmt.Errorf("queue %q has no leader now", queue)
		default:
			n += *q.Unacked
		}
	}
	return n, nil
}
