package schedule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// newSleeper uses a timerfd, for the runtime rounds its own timers up to the milliseconds of epoll_wait (runtime/netpoll_epoll.go). A
// sandbox that forbids timerfds gets the runtime's timers.
func newSleeper() (sleeper, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return newTimerSleeper(), nil
	case err != nil:
		return nil, fmt.Errorf("create a timerfd: %w", err)
	}
	s := &fdSleeper{fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
	s.wakeUp = s.wake
	return s, nil
}

// fdSleeper reads a timerfd through the runtime's poller: the kernel's high resolution timer, no locked thread, no spinning.
//
// A wake-up cannot get lost: wake says woken and then looks for asleep, sleep says asleep and then looks for woken, so one of the two sees
// the other. wake's setting of the timer cannot be undone by sleep's, for then sleep sees woken afterwards.
type fdSleeper struct {
	fd     int // read by sleep's goroutine and under lock; file.Fd would make reads block a thread
	file   *os.File
	ticks  [8]byte
	asleep atomic.Bool
	woken  atomic.Bool

	// done is the channel of the context that wakes this sleeper when it ends, until forget is called. They are kept from one sleep to the
	// next, for a producer sleeps with the same context most of the time.
	done   <-chan struct{}
	forget func() bool
	wakeUp func()

	lock   sync.Mutex // between wake and close
	closed bool
}

func (s *fdSleeper) sleep(ctx context.Context, d int64) error {
	s.watch(ctx)
	s.asleep.Store(true)
	defer s.asleep.Store(false)
	if d < int64(never) {
		if err := s.set(d); err != nil {
			return err
		}
	} else if err := s.set(0); err != nil {
		return err
	}
	if !s.woken.Load() {
		if _, err := s.file.Read(s.ticks[:]); err != nil {
			return fmt.Errorf("wait for a timerfd: %w", err)
		}
	}
	s.woken.Store(false)
	return ctx.Err()
}

// never is longer than any run; the timer stays off.
const never = 100 * 365 * 24 * time.Hour

// set makes the timer go off in d ns; 0 stops it. Either way it forgets that it went off before.
func (s *fdSleeper) set(d int64) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(d)}
	if err := unix.TimerfdSettime(s.fd, 0, &spec, nil); err != nil {
		return fmt.Errorf("set a timerfd: %w", err)
	}
	return nil
}

// watch has the end of ctx wake the sleeper.
func (s *fdSleeper) watch(ctx context.Context) {
	done := ctx.Done()
	if done == s.done {
		return
	}
	if s.forget != nil {
		s.forget()
		s.forget = nil
	}
	s.done = done
	if done != nil {
		s.forget = context.AfterFunc(ctx, s.wakeUp)
	}
}

func (s *fdSleeper) wake() {
	s.woken.Store(true)
	if !s.asleep.Load() {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if !s.closed {
		_ = s.set(1) // it cannot fail on an open timerfd (timerfd_settime(2))
	}
}

func (s *fdSleeper) close() error {
	if s.forget != nil {
		s.forget()
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.file.Close()
}
