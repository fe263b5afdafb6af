//go:build !linux

package measure

// ForgetPeak does nothing on this system: the memory of a run is the most that the process held until its end.
func ForgetPeak() {}
