package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// errBug is the cause of a run's end in which something panicked.
var errBug = errors.New("a bug in ordeal: please report it, with what events.ndjson says of it")

// bug notes that something panicked, and ends the run: faults are healed and everything is torn down, as when it is interrupted.
func (x *execution) bug(value any, stack []byte) {
	x.events.add("bug", "%v\n%s", value, stack)
	err := &Error{Exit: ExitBug, Err: fmt.Errorf("%w: %v", errBug, value)}
	x.broken.CompareAndSwap(nil, err)
	x.abandon(err)
}

// attempt performs the run. A panic on the way is kept for conclude, which tells it as it does those that come later.
func (x *execution) attempt(ctx context.Context) (trouble error) {
	ctx, x.abandon = context.WithCancelCause(ctx)
	defer func() {
		if p := recover(); p != nil {
			x.bug(p, debug.Stack())
		}
		x.abandon(nil)
	}()
	return x.perform(ctx)
}

// clean tears down what a panic has left.
func (x *execution) clean() {
	if p := recover(); p != nil {
		x.tearDown() //nolint:errcheck // the panic is what is told
		panic(p)
	}
}
