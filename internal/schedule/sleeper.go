package schedule

import (
	"context"
	"time"
)

// timerSleeper sleeps by the runtime's timers, which are as fine as the system's poller: about 1 ms on Linux.
type timerSleeper struct {
	timer *time.Timer
	woken chan struct{}
}

func newTimerSleeper() *timerSleeper {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &timerSleeper{timer: t, woken: make(chan struct{}, 1)}
}

func (s *timerSleeper) sleep(ctx context.Context, d int64) error {
	s.timer.Reset(time.Duration(d))
	defer s.timer.Stop()
	select {
	case <-s.timer.C:
		return nil
	case <-s.woken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *timerSleeper) wake() {
	select {
	case s.woken <- struct{}{}:
	default: // the wake that is already there has not been noticed yet and serves both
	}
}

func (s *timerSleeper) close() error {
	s.timer.Stop()
	return nil
}
