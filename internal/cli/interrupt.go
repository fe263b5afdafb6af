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
	signals, stop := env.Interrupts()
	var watching sync.WaitGroup
	watching.Go(func() {
		for count := 1; ; count++ {
			select {
			case <-over:
				return
			case <-signals:
			}
			switch count {
			case 1:
				cancel()
				fmt.Fprintln(env.Stderr, "\ninterrupted: healing faults, reading what is left, writing the report; again to hurry")
			case 2:
				close(hurrying)
				fmt.Fprintln(env.Stderr, "\ninterrupted again: healing faults and stopping at once")
			}
		}
	})
	return ctx, hurrying, func() {
		stop()
		close(over)
		watching.Wait()
		cancel()
	}
}
