package engine

import (
	"math"
	"runtime"
	"testing"
	"time"
)

func TestGovernor(t *testing.T) {
	type step struct {
		used float64
		long time.Duration
		want int
	}
	for name, steps := range map[string][]step{
		"waits for a broker":          {{0.2, idleFor - governPause, 2}, {0.2, governPause, 1}, {0.2, time.Minute, 1}},
		"uses what it has":            {{1.9, time.Minute, 2}},
		"between":                     {{0.45, time.Minute, 2}},
		"not for long enough":         {{0.2, idleFor - governPause, 2}, {0.4, governPause, 2}, {0.2, idleFor - governPause, 2}},
		"wants it back":               {{0.1, time.Second, 1}, {0.4, time.Second, 1}, {0.6, governPause, 2}},
		"nothing at all":              {{0, time.Second, 1}, {0, time.Second, 1}},
		"more than there are, by far": {{9, time.Second, 2}},
	} {
		g := governor{have: 2, now: 2}
		for i, s := range steps {
			for passed := time.Duration(0); passed < s.long; passed += governPause {
				g.look(s.used, governPause)
			}
			if g.now != s.want {
				t.Errorf("%s, step %d: %d processors, want %d", name, i, g.now, s.want)
			}
		}
	}
}

// With many processors it comes down at once, and goes up in few steps; and what does not change comes to rest.
func TestGovernorOfMany(t *testing.T) {
	for used := 0.0; used < 16; used += 0.05 {
		g := governor{have: 16, now: 16}
		changes := 0
		for range 1000 {
			if before := g.now; g.look(used, governPause) != before {
				changes++
			}
		}
		if changes > 1 || float64(g.now) < math.Min(16, used) {
			t.Errorf("%.2f processors in use: %d of 16 after %d changes", used, g.now, changes)
		}
		g = governor{have: 16, now: 1}
		for range 4 {
			g.look(16, governPause)
		}
		if g.now != 16 {
			t.Errorf("all in use: %d of 16", g.now)
		}
	}
}

func TestGovern(t *testing.T) {
	have := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(have)
	runtime.GOMAXPROCS(3)
	mostly, restore := Govern()
	for began := time.Now(); runtime.GOMAXPROCS(0) != 1; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("a process that does nothing has %d processors", runtime.GOMAXPROCS(0))
		}
	}
	for began := time.Now(); mostly() != 1; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("it says that it mostly had %d", mostly())
		}
	}
	restore()
	if got := runtime.GOMAXPROCS(0); got != 3 {
		t.Errorf("%d processors are left, of 3", got)
	}
	t.Setenv("GOMAXPROCS", "3")
	mostly, restore = Govern()
	time.Sleep(2 * idleFor)
	if got := runtime.GOMAXPROCS(0); got != 3 || mostly() != 3 {
		t.Errorf("a user who asked for 3 processors has %d, and mostly %d", got, mostly())
	}
	restore()
}
