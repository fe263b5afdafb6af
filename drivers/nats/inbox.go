package nats

import (
	"context"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

// inbox is where the library puts what arrives for a consumer, without a bound: what the client has taken from the network must not
// be dropped. One goroutine takes it out, all that is there at once.
type inbox struct {
	mu    sync.Mutex
	msgs  []*natsgo.Msg
	total uint64
	err   error

	wake chan struct{}
	// batch is what was taken out, with what is left of it; only the taking goroutine uses it.
	batch []*natsgo.Msg
	next  int
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// push is the library's callback.
func (b *inbox) push(m *natsgo.Msg) {
	b.mu.Lock()
	b.msgs = append(b.msgs, m)
	b.total++
	first := len(b.msgs) == 1
	b.mu.Unlock()
	if first {
		b.call()
	}
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

// pop returns the next message that is there, nil where there is none.
func (b *inbox) pop() *natsgo.Msg {
	if b.next == len(b.batch) && !b.swap() {
		return nil
	}
	m := b.batch[b.next]
	b.batch[b.next] = nil
	b.next++
	return m
}

func (b *inbox) swap() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.msgs) == 0 {
		return false
	}
	b.msgs, b.batch, b.next = b.batch[:0], b.msgs, 0
	return true
}

// ready tells whether pop has something left of what it took out last.
func (b *inbox) ready() bool { return b.next < len(b.batch) }

// waiting tells whether something came that was not taken out.
func (b *inbox) waiting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.msgs) > 0
}

// wait returns when a message came, or patience is over (0 for endless), which is no error. Any goroutine may call it.
func (b *inbox) wait(ctx context.Context, patience time.Duration) error {
	var over <-chan time.Time
	if patience > 0 {
		t := time.NewTimer(patience)
		defer t.Stop()
		over = t.C
	}
	for {
		b.mu.Lock()
		n, err := len(b.msgs), b.err
		b.mu.Unlock()
		switch {
		case n > 0:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return nil
		case <-b.wake:
		}
	}
}

// arrived counts everything that ever came.
func (b *inbox) arrived() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}
