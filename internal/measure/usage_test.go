package measure

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

func TestHiccupsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h, ended := NewHiccups(), make(chan struct{})
	go func() {
		defer close(ended)
		h.Run(ctx)
	}()
	time.AfterFunc(10*hiccupStep, cancel)
	<-ended
	if r := h.Result(); r.Count == 0 {
		t.Error("nothing was measured in ten steps")
	}
}

// In a bubble sleeps are exact, so there are no hiccups; each step is a sample.
func TestHiccupsOfAPerfectMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second+time.Microsecond)
		defer cancel()
		h := NewHiccups()
		h.Run(ctx)
		if r := h.Result(); r.Count != int64(time.Second/hiccupStep) || r.Max != 0 {
			t.Errorf("a perfect second gives %+v", r)
		}
	})
}

// A stop of 100 ms held up everything that was due in it, not one sleep of 200.
func TestHiccupsWeighByTime(t *testing.T) {
	h := NewHiccups()
	h.record(-time.Microsecond)
	for range 179 {
		h.record(0)
	}
	h.record(100 * time.Millisecond)
	r := h.Result()
	if r.Count != 200 || r.P50 != 0 || r.P99 < 89e6 || r.P99 > 96e6 || r.Max < 99e6 || r.Max > 101e6 {
		t.Errorf("100 ms of 1 s give %+v", r)
	}
}

func TestUsage(t *testing.T) {
	var before, after debug.GCStats
	debug.ReadGCStats(&before)
	start := ReadUsage()
	for range 5 {
		runtime.GC()
	}
	used := ReadUsage().Since(start)
	debug.ReadGCStats(&after)
	if n := after.NumGC - before.NumGC; used.GCCycles < 5 || used.GCCycles > n {
		t.Errorf("%d collections, the runtime counts %d", used.GCCycles, n)
	}
	if truth := after.PauseTotal - before.PauseTotal; used.GCPause <= 0 || used.GCPause > 2*truth+time.Millisecond {
		t.Errorf("pauses of %v, the runtime counts %v", used.GCPause, truth)
	}
	if used.CPU <= 0 || used.CPU > time.Hour {
		t.Errorf("used %v of CPU", used.CPU)
	}
	if runtime.GOOS == "linux" && (used.RSSMax < 1<<20 || used.RSSMax > 1<<36) {
		t.Errorf("the largest memory is %d bytes", used.RSSMax)
	}
	if used.ClockStep < -time.Minute || used.ClockStep > time.Minute {
		t.Errorf("the clock stepped by %v", used.ClockStep)
	}
}
