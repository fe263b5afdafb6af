package measure

import (
	"time"

	"golang.org/x/sys/windows"
)

// processUsage asks GetProcessTimes, which knows nothing of memory.
func processUsage() (cpu time.Duration, rss, waits int64) {
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user) != nil {
		return 0, 0, 0
	}
	return ticks100(kernel) + ticks100(user), 0, 0
}

// ticks100 reads a length of time; a Filetime counts steps of 100 ns.
func ticks100(f windows.Filetime) time.Duration {
	return time.Duration(int64(f.HighDateTime)<<32|int64(f.LowDateTime)) * 100
}
