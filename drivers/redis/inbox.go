package redis

import (
	"context"
	"sync"

	"ordeal/drivers"
)

// inbox is where a consumer's reading goroutine puts what it fetched, for Receive to take out.
type inbox struct {
	mu    sync.Mutex
	list  []drivers.Delivery
	next  int // of list, what was taken before
	total uint64
	err   error
	// wake is signalled when there is something to take, freed when something was taken.
	wake, freed chan struct{}
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1), freed: make(chan struct{}, 1)} }

func (b *inbox) put(ds []drivers.Delivery) {
	if len(ds) == 0 {
		return
	}
	b.mu.Lock()
	b.list = append(b.list, ds...)
	b.total += uint64(len(ds))
	b.mu.Unlock()
	b.call()
}

func (b *inbox) call() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// end makes take return err once everything before it was taken. Only the first counts.
func (b *inbox) end(err error) {
	b.mu.Lock()
	if b.err == nil {
		b.err = err
	}
	b.mu.Unlock()
	b.call()
}

// drop ends the inbox and forgets what nobody took.
func (b *inbox) drop(err error) {
	b.mu.Lock()
	b.err = err
	b.list, b.next = nil, 0
	b.mu.Unlock()
	b.call()
}

// length is how many wait to be taken.
func (b *inbox) length() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.list) - b.next
}

// await waits until fewer than limit wait to be taken, or quit is closed. One goroutine at a time may wait.
func (b *inbox) await(limit int, quit <-chan struct{}) {
	for b.length() >= limit {
		select {
		case <-quit:
			return
		case <-b.freed:
		}
	}
}

// arrived counts everything that was ever put.
func (b *inbox) arrived() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

// take waits for at least one delivery, the end, or ctx.
func (b *inbox) take(ctx context.Context, dst []drivers.Delivery) (int, error) {
	if err := ctx.Err(); err != nil || len(dst) == 0 {
		return 0, err
	}
	for {
		n, err := b.some(dst)
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-b.wake:
		}
	}
}

func (b *inbox) some(dst []drivers.Delivery) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := copy(dst, b.list[b.next:])
	if n == 0 {
		return 0, b.err
	}
	clear(b.list[b.next : b.next+n])
	if b.next += n; b.next == len(b.list) {
		b.list, b.next = b.list[:0], 0
	}
	select {
	case b.freed <- struct{}{}:
	default:
	}
	return n, nil
}
