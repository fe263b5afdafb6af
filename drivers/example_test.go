package drivers_test

import (
	"context"
	"fmt"
	"log/slog"

	"ordeal/drivers"
	"ordeal/drivers/memory"
)

// A message goes to a broker and comes back.
func Example() {
	ctx := context.Background()
	driver := memory.New()
	session, err := driver.Open(ctx, drivers.Config{}, drivers.Env{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close(ctx)

	billing := drivers.Group{Name: "billing", Members: 1, Prefetch: 100}
	orders := drivers.Topic{Name: "orders", Model: drivers.Log, Shards: 1, Replicas: 1, Groups: []drivers.Group{billing}}
	if err := session.Declare(ctx, orders); err != nil {
		fmt.Println(err)
		return
	}
	consumer, err := session.Consumer(ctx, drivers.ConsumerSpec{Topic: orders, Group: billing})
	if err != nil {
		fmt.Println(err)
		return
	}
	spec := drivers.ProducerSpec{Topic: orders, Guarantee: drivers.Accepted, Window: 10}
	producer, err := session.Producer(ctx, spec, func(r drivers.Receipt) {
		fmt.Printf("message %d was %s at %s\n", r.Token, r.Outcome, r.Position)
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	if err := producer.Send(ctx, []drivers.Message{{Token: 7, Body: []byte("one coffee")}}); err != nil {
		fmt.Println(err)
		return
	}
	if err := producer.Flush(ctx); err != nil { // now every receipt was given
		fmt.Println(err)
		return
	}

	deliveries := make([]drivers.Delivery, 10)
	n, err := consumer.Receive(ctx, deliveries)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range deliveries[:n] {
		fmt.Printf("%s from position %s\n", d.Body, d.Position)
	}
	if err := consumer.Ack(ctx, deliveries[:n]); err != nil {
		fmt.Println(err)
	}
	// Output:
	// message 7 was acked at 1
	// one coffee from position 1
}
