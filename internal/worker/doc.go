// Package worker drives producers and consumers: it decides nothing and judges nothing. The engine gives it a plan, starts it at a
// given time, hears from it every second and collects it at the end.
//
// Every producer and every consumer has a connection of its own, as a service would have, and one goroutine. A producer's goroutine
// takes slots from its window, stamps messages into them, notes the attempt with the judge's book and the history, and hands a batch to
// the driver; the driver's goroutine settles them and gives the slots back. A consumer's goroutine parses what arrives, notes it,
// works, acknowledges.
//
// A connection that breaks is abandoned, what was in flight on it is unknown, and a new one is opened with a growing pause: this is the
// only place where ordeal reconnects. The schedule goes on meanwhile, so what was due is sent late, never skipped.
package worker
