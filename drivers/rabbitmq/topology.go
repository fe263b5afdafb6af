package rabbitmq

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"ordeal/drivers"
)

// destination is where a shard is published to. Messages of a queue go by the default exchange, which knows every queue by its name.
func destination(t drivers.Topic, shard int) (exchange, key string) {
	if t.Model == drivers.Queue {
		return "", t.Name + "." + strconv.Itoa(shard)
	}
	return t.Name, strconv.Itoa(shard)
}

// groupQueues are the queues that a group reads, by shard; a broadcast's group has one for all shards.
func groupQueues(t drivers.Topic, group string) []string {
	prefix := t.Name + "."
	switch t.Model {
	case drivers.Broadcast:
		return []string{prefix + group}
	case drivers.Log:
		prefix += group + "."
	}
	out := make([]string, t.Shards)
	for i := range out {
		out[i] = prefix + strconv.Itoa(i)
	}
	return out
}

// streamQueues are the streams of t, by shard, which all groups read.
func streamQueues(t drivers.Topic) []string {
	t.Model = drivers.Queue // whose queues belong to no group, either
	return groupQueues(t, "")
}

// allQueues are the queues that hold messages of t.
func (s *session) allQueues(t drivers.Topic) []string {
	switch {
	case t.Model == drivers.Broadcast:
		return nil
	case t.Model == drivers.Queue, streams(s.cfg, t):
		return streamQueues(t)
	}
	var out []string
	for _, g := range t.Groups {
		out = append(out, groupQueues(t, g.Name)...)
	}
	return out
}

// shape is a queue that never holds a message. Its limits say what something was declared as: RabbitMQ compares them when a queue is
// declared again (precondition-failed, https://www.rabbitmq.com/docs/queues#property-equivalence), as it does with no exchange's.
type shape struct {
	name          string
	first, second int64
}

func (s *session) shapes(t drivers.Topic) []shape {
	out := []shape{{name: t.Name + ".shape", first: int64(t.Shards), second: int64(t.Model)}}
	if streams(s.cfg, t) {
		out[0].second = streamShape
	}
	if t.Model == drivers.Log {
		for _, g := range t.Groups {
			out = append(out, shape{name: t.Name + "." + g.Name + ".shape", first: int64(g.Ack)})
		}
	}
	return out
}

// streamShape stands for the model log when it is kept in streams, whose names no queue of another log has.
const streamShape = 16

func (s shape) declare(ch *amqp.Channel) error {
	_, err := ch.QueueDeclare(s.name, true, false, false, false, amqp.Table{"x-max-length": s.first, "x-max-length-bytes": s.second})
	return err
}

// Declare makes exchange and queues. Queues of groups that t does not name are left alone.
func (s *session) Declare(ctx context.Context, t drivers.Topic) error {
	err := checkTopic(t)
	if err == nil {
		err = s.ask(ctx, func(ch *amqp.Channel) error { return s.declare(ch, t) })
	}
	if err != nil {
		return fmt.Errorf("declare topic %q: %w", t.Name, err)
	}
	return nil
}

func (s *session) declare(ch *amqp.Channel, t drivers.Topic) error {
	for _, shape := range s.shapes(t) {
		if err := shape.declare(ch); err != nil {
			if inequivalent(err) {
				return fmt.Errorf("it exists with another model, number of shards, type of queues (stream or not) or ack mode of a group: "+
					"delete it, or give it another name: %w", err)
			}
			return err
		}
	}
	if t.Model != drivers.Queue {
		if err := ch.ExchangeDeclare(t.Name, amqp.ExchangeDirect, true, false, false, false, nil); err != nil {
			return err
		}
	}
	args := s.arguments(t)
	for i, queue := range s.allQueues(t) {
		if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
			if inequivalent(err) {
				return fmt.Errorf("a queue of it exists with other settings: delete it, or see options.rabbitmq.queue_type: %w", err)
			}
			return err
		}
		if t.Model == drivers.Log {
			if err := ch.QueueBind(queue, strconv.Itoa(i%t.Shards), t.Name, false, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// arguments of the queues that hold messages.
func (s *session) arguments(t drivers.Topic) amqp.Table {
	kind := queueType(s.cfg, t)
	args := amqp.Table{"x-queue-type": kind}
	if kind == typeQuorum {
		args["x-quorum-initial-group-size"] = int64(t.Replicas)
		if s.major() >= 4 {
			args["x-delivery-limit"] = int64(-1) // otherwise what comes back 20 times is dropped
		}
	}
	if kind == typeStream {
		args["x-initial-cluster-size"] = int64(t.Replicas)
	}
	if v := s.set.classicVersion; kind == typeClassic && v > 0 {
		args["x-queue-version"] = int64(v)
	}
	return args
}

// declareListeners makes the queue of a broadcast's group, which goes with its last consumer. It is durable only because brokers from 4.3
// on refuse others: what is in it is not.
func (s *session) declareListeners(ch *amqp.Channel, t drivers.Topic, group string) error {
	queue := groupQueues(t, group)[0]
	if _, err := ch.QueueDeclare(queue, true, true, false, false, nil); err != nil {
		return err
	}
	for shard := range t.Shards {
		if err := ch.QueueBind(queue, strconv.Itoa(shard), t.Name, false, nil); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes queues and exchange.
func (s *session) Delete(ctx context.Context, t drivers.Topic) error {
	err := s.ask(ctx, func(ch *amqp.Channel) error {
		queues := s.allQueues(t)
		if t.Model == drivers.Broadcast {
			for _, g := range t.Groups {
				queues = append(queues, groupQueues(t, g.Name)...)
			}
		}
		for _, shape := range s.shapes(t) {
			queues = append(queues, shape.name)
		}
		for _, queue := range queues {
			if _, err := ch.QueueDelete(queue, false, false, false); err != nil { // none such is no error
				return err
			}
		}
		if t.Model == drivers.Queue {
			return nil
		}
		return ch.ExchangeDelete(t.Name, false, false)
	})
	if err == nil {
		s.places.forget(s.where(t))
	}
	if err != nil {
		return fmt.Errorf("delete topic %q: %w", t.Name, err)
	}
	return nil
}

// checkTopic refuses what cannot be made of exchanges and queues.
func checkTopic(t drivers.Topic) error {
	if t.Shards < 1 {
		return fmt.Errorf("it has %d shards: give it at least 1", t.Shards)
	}
	longest := len(t.Name)
	for _, g := range t.Groups {
		if g.Name == "" || strings.ContainsAny(g.Name, ". ") || g.Name == "shape" {
			return fmt.Errorf("the group name %q: use letters, digits, '-' and '_' only, and not \"shape\"", g.Name)
		}
		longest = max(longest, len(t.Name)+len(g.Name)+1)
	}
	if t.Name == "" || strings.HasPrefix(t.Name, "amq.") || longest+len(".2147483647") > shortMax {
		return fmt.Errorf("the names of its queues would be empty, begin with \"amq.\" or be longer than %d bytes: shorten the names", shortMax)
	}
	return nil
}

// major is the first number of the broker's version; 0 where it does not say.
func (s *session) major() int {
	first, _, _ := strings.Cut(s.version(), ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return n
}

// version is the broker's own word, from its greeting.
func (s *session) version() string {
	v, _ := s.conn.Properties["version"].(string)
	return v
}

// doubtsNacks tells whether a message of t may be somewhere although the broker said no. A message that goes to several queues is refused
// when one of them refuses it, whatever the others do (rabbit_confirms:reject). A classic queue's process that ends has everything refused
// that was not confirmed, whether stored or not (rabbit_classic_queue:handle_event of down); and one that is mirrored, as they can be
// before RabbitMQ 4 by a policy, had 87 of 661 messages that it had refused after a partition (3.10.8, cluster_partition_handling
// autoheal).
func (s *session) doubtsNacks(t drivers.Topic) bool {
	return queueType(s.cfg, t) == typeClassic || t.Model == drivers.Broadcast ||
		t.Model == drivers.Log && !streams(s.cfg, t) && len(t.Groups) > 1
}
