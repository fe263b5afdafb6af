package cli

import (
	"context"
	"fmt"
	"sync"
)

// interruptible gives a context that the first Ctrl-C ends, and a channel that the second closes.
func interruptible(env *Env) (ctx context.Context, hurry <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancel(context.Background())
	hurrying, over := make(chan struct{}), make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for count := 1; ; count++ {
			select {
			case <-over:
				return
			case <-env.Interrupts:
			}
			switch count {
			case 1:
				fmt.Fprintln(env.Stderr, "\ninterrupted: healing faults, reading what is left, writing the report; again to hurry")
				cancel()
			case 2:
				fmt.Fprintln(env.Stderr, "\ninterrupted again: healing faults and stopping at once")
				close(hurrying)
			}
		}
	})
	return ctx, hurrying, func() {
		close(over)
		watching.Wait()
		cancel()
	}
}
