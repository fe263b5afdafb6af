package ending

import (
	"context"
	"sync"
)

// Fuse ends a call that the network does not let go on, when the call's context ends: a write, or a client library's call that takes no
// context. A context is watched from the first call with it until one comes with another, because the engine calls with the same one all
// the time, and watching it anew for each call would cost more than the call.
//
// One goroutine at a time makes calls under a fuse. It is ready once Cut is set.
type Fuse struct {
	// Cut ends the call under way, as by closing its connection or interrupting its read. Any goroutine may call it, more than once; it must
	// not block and must not use the fuse. It is set before the first call and not changed.
	Cut func()

	mu   sync.Mutex
	busy bool
	// done is that of the context that the fuse is armed for; what is left of an earlier one must not cut.
	done <-chan struct{}
	stop func() bool
}

// Arm begins a call with ctx, which Disarm ends. Its error is ctx's, which is over already; then no call has begun.
func (f *Fuse) Arm(ctx context.Context) error {
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
	f.busy = err == nil // if it ends after that, the call is cut
	return err
}

func (f *Fuse) blow(done <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy && f.done == done {
		f.Cut()
	}
}

// Disarm ends a call: what its context does after that cuts nothing.
func (f *Fuse) Disarm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy = false
}

// Release lets go of the context that is watched. It is called when there will be no more calls; the fuse stays fit for use.
func (f *Fuse) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop()
}

func (f *Fuse) drop() {
	if f.stop != nil {
		f.stop()
	}
	f.stop, f.done = nil, nil
}
