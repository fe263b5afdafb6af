//go:build !linux

package engine

// processTree knows nothing: only Linux has /proc.
func processTree(int) map[processID]processUse { return nil }
