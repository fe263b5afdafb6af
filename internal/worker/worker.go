package worker

import (
	"context"
	"time"

	"ordeal/internal/measure"
)

// Worker is a part of a run's load. The engine sees nothing else of it, wherever it runs. The calls come in the order of the methods,
// from one goroutine but for Beat, Reached and Fence, which may come from any once Start returned.
type Worker interface {
	// Connect opens every connection and joins every group, then probes: a message to every topic must be acked and reach every
	// group. An error names the client and what it was waiting for.
	Connect(ctx context.Context) error
	// Start lets the load begin: time zero is now. It returns at once.
	Start(clock measure.Clock, c *measure.Collector, spans []measure.Span)
	// Sent is closed once every producer has sent what was due and its receipts have come, or sending was stopped.
	Sent() <-chan struct{}
	// StopSending ends sending now; what is in flight has a short while to be settled.
	StopSending()
	// Beat tells how things stand.
	Beat() Beat
	// Reached tells how far group i of the plan has come.
	Reached(i int) Reached
	// Fence returns nil once every member of group i has received what the broker held for it when Fence was called. Where the
	// driver cannot tell, the error is ErrNoFence.
	Fence(ctx context.Context, i int) error
	// Stop ends everything, closes all connections and returns what is known. It is idempotent.
	Stop() *Result
}

// Beat is what the engine hears of a worker every second, and more often of one that Coalesce looks at.
type Beat struct {
	// InFlight messages are with the drivers, unsettled; Settled are those that were until now.
	InFlight, Settled int64
	// Connected of Clients have a connection; producers that have done their work are no longer among them.
	Connected, Clients int
}

// Result is what a worker has found out that the book, the history and the collector do not say.
type Result struct {
	Unsent, Resent, Reconnects int64
	// Misuse counts receipts a driver had no right to give: a bug of the driver.
	Misuse int64
	// WindowShare is the share of sending time for which the busiest closed loop's window was full; 1 where there is none.
	WindowShare float64
	// Rejected and Unknown are how many messages of each phase ended so, by the phase in which they were meant to be sent. They are empty
	// where the load never began.
	Rejected, Unknown []int64
	// Gaps per group, in the order of the plan.
	Gaps   []*measure.Gaps
	Errors []ErrorCount
	// Ended is when sending ended, in ns since the beginning.
	Ended time.Duration
}
