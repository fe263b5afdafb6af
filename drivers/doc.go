// Package drivers says what ordeal asks of a message broker, in the broker's neutral words: topics with shards and groups, sends that
// are settled, deliveries that are acknowledged.
//
// One folder below this one holds one broker's driver. A driver does what it is told and reports what it saw. It does not retry, does
// not reconnect, keeps no schedule and passes no judgement: the engine owns concurrency, clocks, retries and verdicts, because a client
// library that silently repairs something changes what a run may conclude.
//
// The package imports nothing but the standard library, so that a driver can be written against it alone. The suite in
// drivers/drivertest tells whether a driver keeps the contract.
//
//	session, err := driver.Open(ctx, cfg, env)
//	err = session.Declare(ctx, topic)
//	producer, err := session.Producer(ctx, drivers.ProducerSpec{Topic: topic}, func(r drivers.Receipt) { … })
//	err = producer.Send(ctx, []drivers.Message{{Token: 1, Body: body}})
//	err = producer.Flush(ctx) // every receipt has been given
package drivers
