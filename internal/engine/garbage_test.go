package engine

import (
	"runtime/debug"
	"testing"
	"time"
)

func TestGarbagePercent(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 400, 1 << 20: 400, 3 << 20: 400, 4 << 20: 400, 8 << 20: 200, 16 << 20: 100, 1 << 40: leastPercent,
	} {
		if got := garbagePercent(live, 16<<20); got != want {
			t.Errorf("%d bytes alive: %d %%, want %d", live, got, want)
		}
	}
	if got := garbagePercent(1<<20, 64<<20); got != 1600 {
		t.Errorf("64 MiB of garbage beside the smallest heap: %d %%, want 1600", got)
	}
}

func TestAllowance(t *testing.T) {
	for _, test := range []struct {
		made uint64
		in   time.Duration
		want uint64
	}{
		{0, time.Second, leastAllowance},
		{64 << 20, time.Second, leastAllowance},
		{128 << 20, time.Second, 32 << 20},
		{32 << 20, time.Second / 4, 32 << 20},
		{1 << 40, time.Second, mostAllowance},
	} {
		if got := allowance(test.made, test.in); got != test.want {
			t.Errorf("%d bytes in %s: %d may be garbage, want %d", test.made, test.in, got, test.want)
		}
	}
}

// What a run does to the process is undone by its end.
func TestTuneRestores(t *testing.T) {
	const percent, limit = 77, 1 << 40
	before, limitBefore := debug.SetGCPercent(percent), debug.SetMemoryLimit(limit)
	defer debug.SetGCPercent(before)
	defer debug.SetMemoryLimit(limitBefore)
	restore := Tune()
	during := debug.SetMemoryLimit(-1)
	restore()
	if got := debug.SetGCPercent(percent); got != percent {
		t.Errorf("the percentage is %d afterwards, want %d", got, percent)
	}
	if got := debug.SetMemoryLimit(-1); got != limit || during != memoryLimit {
		t.Errorf("the limit was %d and is %d afterwards, want %d and %d", during, got, memoryLimit, limit)
	}
}
