package redis

import (
	"context"
	"sync"
)

// fuse cuts a connection when a call's context ends while the call is writing, which nothing else can end. A context is watched from the
// first call with it until one comes with another, because watching it anew for each call would cost more than the call.
type fuse struct {
	cut func()

	mu   sync.Mutex
	busy bool
	// done is that of the context that the fuse is armed for; what is left of an earlier one must not cut.
	done <-chan struct{}
	stop func() bool
}

// arm begins a call; it fails when ctx is over already.
func (f *fuse) arm(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if done := ctx.Done(); done != f.done {
		f.drop()
		f.done = done
		if done != nil {
			f.stop = context.AfterFunc(ctx, func() { f.blow(done) })
		}
	}
	err := ctx.Err()
	f.busy = err == nil // if it ends after that, the connection is cut
	return err
}

func (f *fuse) blow(done <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy && f.done == done {
		f.cut()
	}
}

// disarm ends a call.
func (f *fuse) disarm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = false
}

// release lets go of the context.
func (f *fuse) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
}

func (f *fuse) drop() {
	if f.stop != nil {
		f.stop()
	}
	f.stop, f.done = nil, nil
}
