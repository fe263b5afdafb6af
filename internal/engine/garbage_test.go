package engine

import (
	"runtime/debug"
	"testing"
)

func TestGarbagePercent(t *testing.T) {
	for live, want := range map[uint64]int{
		0: mostPercent, 1 << 20: mostPercent, 3 << 20: 400, 4 << 20: 400, 8 << 20: 200, 16 << 20: 100, 1 << 40: leastPercent,
	} {
		if got := garbagePercent(live); got != want {
			t.Errorf("%d bytes alive: %d %%, want %d", live, got, want)
		}
	}
}

// What a run does to the process is undone by its end.
func TestTuneRestores(t *testing.T) {
	const percent, limit = 77, 1 << 40
	before, limitBefore := debug.SetGCPercent(percent), debug.SetMemoryLimit(limit)
	defer debug.SetGCPercent(before)
	defer debug.SetMemoryLimit(limitBefore)
	restore := tune()
	during := debug.SetMemoryLimit(-1)
	restore()
	if got := debug.SetGCPercent(percent); got != percent {
		t.Errorf("the percentage is %d afterwards, want %d", got, percent)
	}
	if got := debug.SetMemoryLimit(-1); got != limit || during != memoryLimit {
		t.Errorf("the limit was %d and is %d afterwards, want %d and %d", during, got, memoryLimit, limit)
	}
}
