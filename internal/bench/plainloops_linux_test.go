package bench

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	amqp "github.com/rabbitmq/amqp091-go"
	goredis "github.com/redis/go-redis/v9"

	"ordeal/drivers"
)

// The loops below are written as the documentation of each client library shows it, and check nothing but errors.

// pipeline is how many commands go at once, as with redis-benchmark -P 64; trim is about how long a stream may get.
const (
	pipeline = 64
	trim     = 100_000
)

// redisLoop adds to one stream by pipelines of go-redis.
func redisLoop(ctx context.Context, w *work, count *atomic.Int64) error {
	client := goredis.NewClient(&goredis.Options{Addr: w.Server, MaxRetries: -1, PoolSize: 1})
	defer client.Close()
	key, body := topicOf(w), make([]byte, w.Size)
	defer client.Del(context.Background(), key)
	for ctx.Err() == nil {
		pipe := client.Pipeline()
		for range pipeline {
			pipe.XAdd(ctx, &goredis.XAddArgs{Stream: key, MaxLen: trim, Approx: true, Values: []any{"b", body}})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		count.Add(pipeline)
	}
	return nil
}

// declared makes the topic as ordeal would, so that both sides have the same stream or queue. undo removes it.
func declared(ctx context.Context, w *work) (topic drivers.Topic, undo func() error, err error) {
	d, cfg, err := w.config()
	if err != nil {
		return topic, nil, err
	}
	s, err := new(network).session(ctx, d, cfg)
	if err != nil {
		return topic, nil, err
	}
	topic = w.topic(topicOf(w))
	return topic, func() error {
		leave, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		return errors.Join(s.Delete(leave, topic), s.Close(leave))
	}, s.Declare(ctx, topic)
}

// natsPublishLoop publishes asynchronously with w.Window messages in flight, as nats.go bounds them itself.
func natsPublishLoop(ctx context.Context, w *work, count *atomic.Int64) error {
	topic, undo, err := declared(ctx, w)
	if err != nil {
		return err
	}
	nc, err := natsgo.Connect("nats://" + w.Server)
	if err != nil {
		return err
	}
	defer nc.Close()
	var failed atomic.Pointer[error]
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(w.Window),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *natsgo.Msg, err error) { failed.CompareAndSwap(nil, &err) }))
	if err != nil {
		return err
	}
	subject, body := topic.Name+".0", make([]byte, w.Size)
	sent := int64(0)
	for ctx.Err() == nil {
		if _, err := js.PublishAsync(subject, body); err != nil {
			return err
		}
		if sent++; sent%100 == 0 {
			count.Store(sent - int64(js.PublishAsyncPending()))
		}
		if e := failed.Load(); e != nil {
			return *e
		}
	}
	<-js.PublishAsyncComplete()
	return undo()
}

// natsCoreLoop publishes and subscribes by core NATS.
func natsCoreLoop(ctx context.Context, w *work, count *atomic.Int64) error {
	in, err := natsgo.Connect("nats://" + w.Server)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := natsgo.Connect("nats://" + w.Server)
	if err != nil {
		return err
	}
	defer out.Close()
	subject := topicOf(w)
	sub, err := in.Subscribe(subject, func(*natsgo.Msg) { count.Add(1) })
	if err != nil {
		return err
	}
	if err := errors.Join(sub.SetPendingLimits(-1, -1), in.Flush()); err != nil {
		return err
	}
	body := make([]byte, w.Size)
	for ctx.Err() == nil {
		for range 1000 {
			if err := out.Publish(subject, body); err != nil {
				return err
			}
		}
	}
	return nil
}

// acksAtOnce is how many deliveries the plain consumer of RabbitMQ acknowledges by one frame.
const acksAtOnce = 100

// amqpLoop publishes persistent messages to a queue within a window of confirms, and acknowledges what it receives a hundred at once.
func amqpLoop(ctx context.Context, w *work, count *atomic.Int64) error {
	topic, undo, err := declared(ctx, w)
	if err != nil {
		return err
	}
	queue := topic.Name + ".0"
	sending, out, err := amqpChannel(w)
	if err != nil {
		return err
	}
	defer sending.Close()
	receiving, in, err := amqpChannel(w)
	if err != nil {
		return err
	}
	defer receiving.Close()
	if err := errors.Join(in.Qos(w.Prefetch, 0, false), out.Confirm(false)); err != nil {
		return err
	}
	deliveries, err := in.Consume(queue, "plain", false, false, false, false, nil)
	if err != nil {
		return err
	}
	confirms, room := out.NotifyPublish(make(chan amqp.Confirmation, w.Window)), make(chan struct{}, w.Window)
	go func() {
		for range confirms {
			<-room
		}
	}()
	go func() {
		for d := range deliveries {
			if count.Add(1)%acksAtOnce == 0 {
				d.Ack(true)
			}
		}
	}()
	message := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: make([]byte, w.Size)}
	for ctx.Err() == nil {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return undo()
		}
		if err := out.PublishWithContext(ctx, "", queue, true, false, message); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return undo()
}

func amqpChannel(w *work) (*amqp.Connection, *amqp.Channel, error) {
	conn, err := amqp.Dial("amqp://guest:guest@" + w.Server)
	if err != nil {
		return nil, nil, err
	}
	ch, err := conn.Channel()
	return conn, ch, err
}
