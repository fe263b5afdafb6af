//go:build !linux

package schedule

// newSleeper uses the runtime's timers: a timer that sleeps more finely than they do is known to ordeal on Linux only.
func newSleeper() (sleeper, error) { return newTimerSleeper(), nil }
