package redis

import (
	"context"
	"sync"

	"ordeal/drivers"
)

// outbox holds what a producer was given and has not settled. Send puts messages in; one goroutine takes them out, all that are there at
// once, and settles them.
type outbox struct {
	// giving is held while receipts are given, so that one goroutine at a time gives them. It is taken before mu.
	giving sync.Mutex
	settle func(drivers.Receipt)

	mu      sync.Mutex
	waiting []drivers.Message
	// open counts what is not settled.
	open int
	// over is why nothing may start any more.
	over error
	// empty is closed when open falls to 0; nil when nobody waits.
	empty chan struct{}

	wake chan struct{}
	// spare is the slice that was taken out before; only the taking goroutine uses it.
	spare []drivers.Message
}

func newOutbox(settle func(drivers.Receipt)) *outbox {
	return &outbox{settle: settle, wake: make(chan struct{}, 1)}
}

// put adds ms, or says why nothing may start any more.
func (o *outbox) put(ms []drivers.Message) error {
	o.mu.Lock()
	if o.over != nil {
		o.mu.Unlock()
		return o.over
	}
	o.waiting = append(o.waiting, ms...)
	o.open += len(ms)
	o.mu.Unlock()
	o.call()
	return nil
}

func (o *outbox) call() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take waits for messages, which are the caller's until the next take. With an error it returns the last of them.
func (o *outbox) take() ([]drivers.Message, error) {
	clear(o.spare)
	for {
		o.mu.Lock()
		ms, err := o.waiting, o.over
		if len(ms) > 0 || err != nil {
			o.waiting, o.spare = o.spare[:0], ms
			o.mu.Unlock()
			return ms, err
		}
		o.mu.Unlock()
		<-o.wake
	}
}

// end lets nothing start any more. Only the first reason counts.
func (o *outbox) end(err error) {
	o.mu.Lock()
	if o.over == nil {
		o.over = err
	}
	o.mu.Unlock()
	o.call()
}

// give settles ms with the receipts that of makes for them.
func (o *outbox) give(ms []drivers.Message, of func(i int) drivers.Receipt) {
	o.giving.Lock()
	for i := range ms {
		r := of(i)
		r.Token = ms[i].Token
		o.settle(r)
	}
	o.giving.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open -= len(ms)
	if o.open == 0 && o.empty != nil {
		close(o.empty)
		o.empty = nil
	}
}

// refuse settles ms, which were not put, as Rejected.
func (o *outbox) refuse(ms []drivers.Message, err error) {
	o.giving.Lock()
	defer o.giving.Unlock()
	for i := range ms {
		o.settle(drivers.Receipt{Token: ms[i].Token, Outcome: drivers.Rejected, Err: err})
	}
}

// wait returns when everything is settled.
func (o *outbox) wait(ctx context.Context) error {
	o.mu.Lock()
	if o.open == 0 {
		o.mu.Unlock()
		return ctx.Err()
	}
	if o.empty == nil {
		o.empty = make(chan struct{})
	}
	empty := o.empty
	o.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-empty:
		return nil
	}
}
