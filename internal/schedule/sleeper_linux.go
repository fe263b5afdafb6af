package schedule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

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
	s.step = s.arm
	if s.wait, err = s.file.SyscallConn(); err != nil {
		return nil, fmt.Errorf("wait for a timerfd: %w", errors.Join(err, s.file.Close()))
	}
	return s, nil
}

// fdSleeper waits for a timerfd in the runtime's poller: the kernel's high resolution timer, no locked thread, no spinning. A sleep is one
// system call, which sets the timer: the poller tells that it went off, so nothing needs to be read, and the next setting forgets it
// (timerfd_settime in fs/timerfd.c). The call is made directly: one by way of package syscall would wake the runtime's monitor thread after
// each idle moment (see package socket).
//
// wake ends a sleep by a deadline that is past, which the runtime tells the sleeping goroutine of by itself. A timer set to go off at once
// would do it, too; but to program the clock and to take the interrupt cost a virtual machine more than 20 times as much (BenchmarkWake).
//
// A wake-up cannot get lost: wake says woken and then looks for asleep, sleep says asleep and then looks for woken, so one of the two sees
// the other. A deadline that comes too late for its sleep ends the next one early, which sleepers may.
type fdSleeper struct {
	fd     int // file.Fd would make waiting block a thread
	file   *os.File
	wait   syscall.RawConn
	step   func(fd uintptr) bool // arm, made once
	length int64                 // of the sleep that is being begun, in ns
	armed  bool
	failed error
	asleep atomic.Bool
	woken  atomic.Bool

	// done is the channel of the context that wakes this sleeper when it ends, until forget is called. They are kept from one sleep to the
	// next, for a producer sleeps with the same context most of the time.
	done   <-chan struct{}
	forget func() bool
	wakeUp func()
}

func (s *fdSleeper) sleep(ctx context.Context, d int64) error {
	s.watch(ctx)
	s.asleep.Store(true)
	defer s.asleep.Store(false)
	s.length, s.armed, s.failed = d, false, nil
	if d >= int64(never) {
		s.length = 0
	}
	err := s.wait.Read(s.step)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = s.file.SetReadDeadline(time.Time{})
	}
	if err != nil {
		return fmt.Errorf("wait for a timerfd: %w", err)
	}
	if s.failed != nil {
		return s.failed
	}
	s.woken.Store(false)
	return ctx.Err()
}

// arm is called by the poller: first when it is ready to hear of the timer, which arm sets, then when the timer went off. It tells whether
// the sleep is over.
func (s *fdSleeper) arm(uintptr) bool {
	if s.armed {
		return true
	}
	s.armed = true
	s.failed = s.set(s.length)
	return s.failed != nil || s.woken.Load()
}

// never is longer than any run; the timer stays off.
const never = 100 * 365 * 24 * time.Hour

// set makes the timer go off in d ns; 0 stops it. Either way it forgets that it went off before.
func (s *fdSleeper) set(d int64) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(d)}
	if _, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(s.fd), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0); errno != 0 {
		return fmt.Errorf("set a timerfd: %w", errno)
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
	if s.asleep.Load() {
		past := time.Unix(1, 0)          // not the zero time, which is no deadline
		_ = s.file.SetReadDeadline(past) // it fails once the file is closed, and then nobody sleeps
	}
}

func (s *fdSleeper) close() error {
	if s.forget != nil {
		s.forget()
	}
	if err := s.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil // it was closed before
}
